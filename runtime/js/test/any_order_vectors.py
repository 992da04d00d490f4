"""What the Python runtime makes of any-order models, for make_vectors.py: the shipped ones and small ones."""

import base64
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import adr_runtime
import numpy as np
from adr_runtime.any_order.mulaw import from_mulaw, to_mulaw
from adr_runtime.any_order.policy import split_budget
from adr_runtime.any_order.windows import spans
from small_bundles import SMALL, small_bundle

SHIPPED = ("digits-any", "pictures", "shakespeare")
VERSE = "to be, or ___ to be: that is the ________;\nwhether 'tis no_ler in the mind – to suffer\n"
SEED = 2**63 + 5


def packed(array: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()


def listed(numbers: Iterable[float]) -> str:
    return " ".join(map(str, numbers))


def policies() -> list[dict[str, Any]]:
    """Budgets of shipped models, and of losses that fall in stairs, stay, rise and fall, and are split over stages."""
    found = []
    for name, budgets in (("digits-any", (1, 5, 17, 63, 64)), ("shakespeare", (3, 33, 255)), ("pictures", (5, 33))):
        losses = adr_runtime.load(name, "cpu").manifest.step_loss
        found += [{"model": name, "budget": b, "policy": [*map(listed, split_budget(losses, b))]} for b in budgets]
    random = np.random.default_rng(1).uniform(0, 3, 70).round(4)
    for losses in (
        [[3.0] * 20 + [2.0] * 30 + [1.0] * 50], [[1.0] * 64], [random.tolist()],
        [((s + 1) * np.linspace(5, 1, 24).round(4)).tolist() for s in range(3)],
        [[0.0] * 9, np.linspace(0, 2, 9).tolist()],
    ):  # fmt: skip
        most = len(losses) * len(losses[0])
        for budget in (len(losses), 5, 8, 17, most - 1, most):
            policy = split_budget(tuple(map(tuple, losses)), budget)
            found.append({"losses": [*map(listed, losses)], "budget": budget, "policy": [*map(listed, policy)]})
    return found


def pieces() -> dict[str, Any]:
    samples = np.concatenate([np.arange(-300, 300), np.arange(-32768, 32768, 251), [32767]])
    cases = [(1, 4), (4, 4), (5, 4), (16, 4), (17, 4), (300, 256), (3, 1), (40, 32), (9, 3)]
    return {
        "policies": policies(), "samples": listed(samples), "mulaw": listed(to_mulaw(samples)),
        "levels": listed(from_mulaw(np.arange(256))), "spans": [[*case, spans(*case)] for case in cases],
    }  # fmt: skip


def photograph(height: int, width: int, channels: int) -> np.ndarray:
    """uint8 (height, width, channels): a ball before a sky."""
    y, x = np.mgrid[:height, :width]
    ball = (y - height / 2) ** 2 + (x - width / 3) ** 2 < height * width / 12
    planes = [180 + y * 2 - 90 * ball, 150 + x * 2 - 60 * ball, 90 + 130 * ball - y]
    return np.stack(planes[:channels], -1).clip(0, 255).astype(np.uint8)


def pictures(model: adr_runtime.AnyOrderModel) -> Iterator[dict[str, Any]]:
    """Whole ones; one of the model's size with a round hole, larger and smaller ones with a corner missing."""
    height, width, channels = model.variables.shape
    wholes = [
        {"count": 3, "seed": 1}, {"count": 17, "seed": SEED, "steps": 3}, {"seed": 4, "temperature": 0.5, "steps": 17},
        {"count": 2, "seed": 5, "temperature": 0, "steps": 7},
    ]  # fmt: skip
    sizes = [(height, width, 6), (2 * height + 1, width + 3, 4), (3, 2, 5)]
    if model.name == "pictures":
        wholes, sizes = (
            [{"count": 1, "seed": 1, "steps": 4}],
            [(height, width, 10), (height - 3, width + width // 2, 5)],
        )
    for options in wholes:
        yield {"call": "generate", "options": options, "pixels": packed(model.generate(**options).pixels)}
    for number, (rows, columns, steps) in enumerate(sizes):
        picture, (y, x) = photograph(rows, columns, channels), np.mgrid[:rows, :columns]
        mask = (y >= rows // 3) & (x < columns - 2)
        if not number:
            mask = (y - rows / 2) ** 2 + (x - columns / 2) ** 2 < rows * 2
        options = {"count": 2, "seed": SEED + number, "steps": steps}
        given = {"picture": {"pixels": packed(picture), "height": rows, "width": columns}, "mask": packed(mask)}
        made = model.generate(picture=picture, mask=mask, **options)
        yield {"call": "fill", "options": options, **given, "pixels": packed(made.pixels)}


def texts(model: adr_runtime.AnyOrderModel) -> Iterator[dict[str, Any]]:
    chosen = [
        {"template": "to be ??? not to be", "count": 3, "seed": 1},
        {"template": "?" * 40, "count": 2, "seed": 7, "steps": 5},
        {"template": VERSE * 4, "hole": "_", "seed": 2**53 + 1, "steps": 9, "temperature": 0.8},
    ]  # fmt: skip
    if model.variables.alphabet:
        chosen = [
            {"template": "a?? c\n?????????????b", "count": 2, "seed": SEED},
            {"template": "a?", "temperature": 0, "seed": 3},
        ]
    for options in chosen:
        yield {"call": "fill", "options": options, "texts": list(model.fill_text(**options).texts)}


def sounds(model: adr_runtime.AnyOrderModel) -> Iterator[dict[str, Any]]:
    prompt = (np.sin(np.arange(21)) * 9000).astype(np.int16)
    options = {"seconds": 0.0055, "seed": 1, "count": 2}
    yield {"call": "generate", "options": options, "samples": packed(model.generate_audio(**options).samples)}
    options = {"seconds": 0.002, "seed": SEED, "steps": 7}
    made = model.generate_audio(**options, prompt=prompt)
    yield {"call": "generate", "options": options, "prompt": packed(prompt), "samples": packed(made.samples)}


def any_order() -> dict[str, Any]:
    """Pieces, the files of small models, and what is made by these and by shipped ones."""
    calls, made = {"image": pictures, "text": texts, "audio": sounds}, []
    bundles = {name: small_bundle(name) for name in SMALL}
    with tempfile.TemporaryDirectory() as folder:
        for name, files in bundles.items():
            (Path(folder) / name).mkdir()
            for file, data in files.items():
                (Path(folder) / name / file).write_bytes(data)
        for name in (*SHIPPED, *(Path(folder) / name for name in bundles)):
            model = adr_runtime.AnyOrderModel.load(name, "cpu")
            for one in calls[model.kind](model):
                one["options"] = {**one["options"], "seed": str(one["options"]["seed"])}
                made.append({"model": model.name, **one})
    spelled = {n: {file: base64.b64encode(d).decode() for file, d in files.items()} for n, files in bundles.items()}
    return {**pieces(), "bundles": spelled, "made": made}
