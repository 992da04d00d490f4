"""The Python of languages.py, as languages.js is the JavaScript: python bench/languages_python.py BUNDLE TOKENS"""

import json
import sys
import time
from typing import Any


def timed(model: Any, tokens: int) -> dict[str, float]:
    """Milliseconds to the first sound of a stream, and of each token after it; an equal stream before warms up."""
    first = each = 0.0
    for seed in (1, 2):
        begun = time.perf_counter()
        stream = model.stream(label="seven", seed=seed)
        next(stream)
        first = time.perf_counter() - begun
        for _ in range(tokens):
            next(stream)
        each = (time.perf_counter() - begun - first) / tokens
    return {"first": 1000 * first, "each": 1000 * each}


def made(model: Any, settings: list[dict[str, Any]], given: list[int]) -> dict[str, Any]:
    """The samples of each setting, and the state behind the first half of a playlist."""
    clips, state = [], b""
    for setting in settings:
        options = {key: int(value) if key == "seed" else value for key, value in setting.items() if key != "chunks"}
        if "chunks" not in setting:
            clips.append(model.generate(**options).clips[0].tolist())
            continue
        stream = model.stream(**options) if options else model.resume(bytes(given))
        clips.append([sample for _ in range(setting["chunks"]) for sample in next(stream)[0].tolist()])
        if options:
            state = stream.state()
    return {"clips": clips, "state": list(state)}


def main(bundle: str, tokens: str) -> None:
    print("{}", flush=True)
    model: Any = None
    for line in sys.stdin:
        answer: dict[str, Any] = {}
        if line == "load\n":
            import adr_runtime

            model = adr_runtime.AudioModel.load(bundle, "cpu", 1)
        elif line == "time\n":
            answer = timed(model, int(tokens))
        else:
            answer = made(model, *json.loads(line))
        print(json.dumps(answer), flush=True)


main(*sys.argv[1:])
