"""What the Python runtime makes of the shipped models, for the tests of this package: python test/make_vectors.py"""

import base64
import json
from pathlib import Path

import adr_runtime
import numpy as np
from adr_runtime.causal.samplers import coefficients
from adr_runtime.philox import normal
from any_order_vectors import any_order, packed
from text_vectors import spoken_text

HERE = Path(__file__).parent


def noise() -> list[dict[str, object]]:
    cases = [(0, 2, 0, 3, 5), (7, 1, 123456, 2, 24), (2**64 - 1, 3, 4294967295, 1, 4), (2**53 + 1, 1, 9, 9, 7)]
    found = []
    for seed, rows, token, steps, channels in cases:
        values = normal(seed, np.arange(rows), np.array([token]), np.arange(steps), channels)
        found.append({"seed": str(seed), "shape": [rows, token, steps, channels], "values": packed(values)})
    return found


def tables() -> list[dict[str, object]]:
    betas = adr_runtime.load("digits", "cpu").manifest.schedule.betas
    found = []
    for sampler in ("ddpm", "ddim", "dpm++"):
        for prediction, learned in (("velocity", False), ("epsilon", True)):
            for steps, spacing in ((1, 1.0), (4, 1.0), (20, 2.0), (77, 1.5)):
                timesteps, table = coefficients(np.array(betas), prediction, learned, sampler, steps, 0.9, spacing)
                found.append({
                    "schedule": {"prediction": prediction, "learned_variance": learned}, "sampler": sampler,
                    "steps": steps, "temperature": 0.9, "spacing": spacing,
                    "timesteps": timesteps.tolist(), "table": packed(table),
                })  # fmt: skip
    return found


def clips() -> list[dict[str, object]]:
    model = adr_runtime.AudioModel.load("speech-digits", "cpu")
    settings = [
        {"label": "seven", "seed": 1}, {"label": "two", "seed": 2**63 + 5, "steps": 2, "sampler": "dpm++"},
        {"label": "zero", "seed": 3, "sampler": "ddpm", "steps": 6, "temperature": 0.7, "seconds": 0.3},
        {"label": ["one", "nine"], "seed": 4, "guidance": 1.25, "steps": 3}, {"seed": 5, "seconds": 0.2},
        {"label": "six", "speaker": "theo", "seed": 6, "steps": 1},
    ]  # fmt: skip
    found = []
    for options in settings:
        made = model.generate(**options)
        found.append(
            {"options": {**options, "seed": str(options["seed"])}, "clips": [packed(clip) for clip in made.clips]}
        )
    return found


def streams() -> dict[str, object]:
    model = adr_runtime.AudioModel.load("speech-digits", "cpu")
    stream = model.stream(playlist=["three", "one"], cycle=True, seed=2**60 + 1, chunk_tokens=3)
    before = [next(stream) for _ in range(7)]
    state = stream.state()
    after = [next(stream) for _ in range(7)]
    return {
        "before": packed(np.concatenate(before, 1)), "state": base64.b64encode(state).decode(),
        "after": packed(np.concatenate(after, 1)),
    }  # fmt: skip


def pictures() -> list[dict[str, object]]:
    model = adr_runtime.ImageModel.load("digits", "cpu")
    settings = [
        {"label": 7, "count": 3, "seed": 1},
        {"label": ["1", None, "9"], "seed": 2, "steps": 5, "sampler": "ddim"},
        {"count": 2, "seed": 3, "steps": 4, "sampler": "ddpm"},
        {"label": 3, "seed": 4, "count": 2, "steps": [6, 3], "guidance": [2, 1], "temperature": [1.1, 1, 1, 1]},
        {"label": 5, "seed": 5, "count": 1, "steps": [3, 6, 2, 4], "sampler": "ddpm", "temperature": [1, 0.5]},
    ]
    return [{"options": options, "pixels": packed(model.generate(**options).pixels)} for options in settings]


found = {
    "noise": noise(), "tables": tables(), "clips": clips(), "streams": streams(), "pictures": pictures(),
    "any_order": any_order(),
}  # fmt: skip
(HERE / "vectors.json").write_text(json.dumps(found, indent=1) + "\n")
texts = json.dumps(spoken_text(), ensure_ascii=False, separators=(",", ":"))
(HERE / "texts.json").write_text(texts.replace('},{"', '},\n{"') + "\n")
