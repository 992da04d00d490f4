"""One bundle in every language, beside Python, in one run:

    python bench/languages.py

prints a table with a row for each: the largest difference from Python's samples over ten settings, and medians of
rounds in which all take turns, each with a process of its own, in a browser with a page of its own. A stream of one
word makes a token a chunk; a token's time is that of the tokens after the first sound, and the first sound that of a
loaded model. A start is from the process to the loaded model, in a browser from the page's address to it. Memory is the
proportional set size, in a browser what the page adds to that of all its processes. Downloads are compressed, of the
runtime with all that it needs, without the bundle.

Needs what runtime/js/README.md names for its tests and examples/c/README.md for its program, the folder of
onnxruntime_c_api.h in ONNXRUNTIME_INCLUDE.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import downloads
import numpy as np
import onnxruntime
import soundfile
from adr_runtime.bundles.bundle import shipped
from turns import table

BENCH = Path(__file__).parent
BUNDLE = shipped()["speech-digits"]
# Seeds are text, for JSON has none above 2^53. The last two are chunks of a stream, and of one that another language
# has saved.
SETTINGS: list[dict[str, Any]] = [
    {"label": "seven", "seed": "1"},
    {"label": "two", "seed": str(2**63 + 5), "steps": 2, "sampler": "dpm++"},
    {"label": "zero", "seed": "3", "sampler": "ddpm", "steps": 6, "temperature": 0.7, "seconds": 0.3},
    {"label": "one", "speaker": "theo", "seed": str(2**53 + 1), "guidance": 1.25, "steps": 3},
    {"speaker": "theo", "seed": "4", "guidance": 2, "steps": 5, "sampler": "dpm++"},
    {"seed": "5", "seconds": 0.2, "temperature": 0, "sampler": "ddpm"},
    {"label": "nine", "speaker": "lucas", "seed": str(2**64 - 1), "steps": 1},
    {"label": "four", "seed": "7", "guidance": 3, "steps": 25, "seconds": 1},
    {"playlist": ["three", "one"], "cycle": True, "seed": str(2**60 + 1), "chunk_tokens": 3, "chunks": 7},
    {"chunks": 7},
]


@dataclass(frozen=True)
class Language:
    """A program that languages.js describes, and the files that somebody has to fetch for it."""

    name: str
    command: list[str]
    files: Callable[[], Iterable[Path]]
    browser: bool = False


class Child:
    """A running program: answers to lines, as JSON."""

    def __init__(self, language: Language):
        pipe = subprocess.PIPE
        self.language = language
        self.process = subprocess.Popen(language.command, stdin=pipe, stdout=pipe, text=True)
        self.read()

    def __enter__(self) -> "Child":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.communicate()

    def ask(self, line: str) -> dict[str, Any]:
        assert self.process.stdin is not None
        print(line, file=self.process.stdin, flush=True)
        return self.read()

    def read(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"{self.language.name}: ended with status {self.process.wait()}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def memory(self) -> float:
        """MB of the process and those that it has started; of a browser without the process that started it."""
        parents = {}
        for path in Path("/proc").glob("[0-9]*/stat"):
            # A process may have ended by now.
            try:
                parents[int(path.parent.name)] = int(path.read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
        family = [self.process.pid]
        for pid in family:
            family += [child for child, parent in parents.items() if parent == pid]
        return sum(proportional(pid) for pid in family[self.language.browser :])


def proportional(pid: int) -> float:
    """MB of a process by its proportional set size; 0 of one that has ended."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) * 1024 / 1e6


def measured(language: Language) -> dict[str, float]:
    """Milliseconds and MB of one round."""
    begun = time.perf_counter()
    with Child(language) as child:
        before = child.memory() if language.browser else 0.0
        start = child.ask("load").get("start") or 1000 * (time.perf_counter() - begun)
        found = child.ask("time")
        return {"start": start, "first": found["first"], "each": found["each"], "memory": child.memory() - before}


def samples(language: Language, state: list[int]) -> tuple[list[np.ndarray], list[int]]:
    """What the settings make, the last one with this state, and the state that is saved on the way."""
    with Child(language) as child:
        child.ask("load")
        answer = child.ask(json.dumps([SETTINGS if state else SETTINGS[:-1], state]))
    return [np.array(clip) for clip in answer["clips"]], answer["state"]


def samples_of_c(program: Path) -> list[np.ndarray]:
    """What the program in C makes of the settings that it has options for."""
    clips = []
    for setting in SETTINGS:
        if "chunks" not in setting:
            options = [word for key, value in setting.items() for word in (f"--{key}", str(value))]
            out = program.with_name("made.wav")
            subprocess.run([program, BUNDLE, *options, "--out", out], check=True, capture_output=True)
            clips.append(soundfile.read(out, dtype="float32")[0])
    return clips


def difference(clips: list[np.ndarray], expected: list[np.ndarray]) -> float:
    """The largest of any sample; infinite where a length is another."""
    pairs = zip(clips, expected, strict=False)
    return max(float(np.abs(a - b).max()) if a.shape == b.shape else np.inf for a, b in pairs)


def differences(languages: list[Language], program: Path) -> dict[str, str]:
    """What each language's samples differ by from Python's. Python goes on with a state of Node.js, others with its."""
    python, node = languages[:2]
    _, state = samples(python, [])
    expected, _ = samples(python, state)
    found = {node.name: samples(node, state)}
    found |= {language.name: samples(language, state) for language in languages[2:-1]}
    found[python.name] = samples(python, found[node.name][1])
    told = {name: shown(difference(clips, expected)) for name, (clips, _) in found.items()}
    clips = samples_of_c(program)
    return told | {languages[-1].name: f"{shown(difference(clips, expected))} of {len(clips)}"}


def shown(largest: float) -> str:
    return f"{largest:.1e}" if largest else "0"


def built(folder: Path) -> tuple[Path, Path]:
    """adr-generate, and languages.c, both with Python's library of ONNX Runtime."""
    library = next((Path(onnxruntime.__file__).parent / "capi").glob("libonnxruntime.so*"))
    programs = []
    for name, sources in (
        ("generate", []),
        ("timing", [f"SOURCES={BENCH}/languages.c bundle.c graph.c sampling.c generator.c"]),
    ):
        options = [f"BUILD={folder / name}", f"ONNXRUNTIME_LIBRARY={library}", "CPPFLAGS=-I.", *sources]
        if include := os.environ.get("ONNXRUNTIME_INCLUDE"):
            options.append(f"ONNXRUNTIME_INCLUDE={include}")
        subprocess.run(["make", "-s", *options], cwd=BENCH.parent / "examples" / "c", check=True)
        programs.append(folder / name / "adr-generate")
    return programs[0], programs[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--tokens", type=int, default=100)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        generate, timing = built(Path(folder))
        ending = [str(BUNDLE), str(given.tokens)]
        # Before version 22, Node.js has WebSockets by this option alone, by which Firefox is driven.
        script = ["node", "--experimental-websocket", str(BENCH / "languages.js")]
        languages = [
            Language("Python", [sys.executable, str(BENCH / "languages_python.py"), *ending], downloads.of_python),
            Language("Node.js", [*script, "native", *ending], lambda: downloads.of_node("onnxruntime-node")),
            Language("Node.js, WebAssembly", [*script, "wasm", *ending], lambda: downloads.of_node("onnxruntime-web")),
            Language("Chromium", [*script, "chromium", *ending], downloads.of_page, browser=True),
            Language("Firefox", [*script, "firefox", *ending], downloads.of_page, browser=True),
            Language("C", [str(timing), *ending], lambda: downloads.of_c(generate)),
        ]
        told = differences(languages, generate)
        taken: dict[str, list[dict[str, float]]] = {language.name: [] for language in languages}
        for number in range(given.rounds):
            for language in languages:
                taken[language.name].append(measured(language))
                print(number + 1, language.name, taken[language.name][-1], file=sys.stderr, flush=True)
        print(rows(languages, told, taken))


def rows(languages: list[Language], told: dict[str, str], taken: dict[str, list[dict[str, float]]]) -> str:
    """The table, times with their ratios to those of the first language."""
    figures = {
        name: {key: statistics.median(r[key] for r in found) for key in found[0]} for name, found in taken.items()
    }
    base = figures[languages[0].name]
    lines = []
    for language in languages:
        own = figures[language.name]
        times = [f"{own[key]:.2f} ({own[key] / base[key]:.2f})" for key in ("each", "first")]
        size = downloads.compressed(language.files()) / 1e6
        lines.append(
            [language.name, told[language.name], *times, f"{own['start']:.0f}", f"{size:.1f}", f"{own['memory']:.0f}"]
        )
    head = ["", "largest difference", "a token, ms (over Python)", "first sound, ms (over Python)", "start, ms"]
    return table([*head, "download, MB", "memory, MB"], lines)


if __name__ == "__main__":
    main()
