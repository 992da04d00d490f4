"""Thousands of inputs of all sizes through the bytes of a container and back: python bench/round_trips.py --count 10000

Random, constant, noisy and adversarial ones (what the model finds least likely, symbol by symbol), by every shipped
any-order model at a few network calls each. Anything that does not come back as it was ends the run.
"""

import argparse
import collections
import time

import adr_runtime
import numpy as np
from adr_runtime.any_order.blocks import from_blocks
from adr_runtime.any_order.model import AnyOrderModel
from adr_runtime.any_order.network import random_orders
from adr_runtime.any_order.variables import to_pixels
from adr_runtime.bundles.bundle import shipped
from adr_runtime.coding.archive import decode_files, encode_files
from adr_runtime.coding.container import pack, unpack
from adr_runtime.media.exact.files import File

AT_ONCE = 50


def shape_of(model: AnyOrderModel, random: np.random.Generator) -> tuple[int, ...]:
    if model.kind == "text":
        return (int(random.choice([0, 1, 2, 255, 256, 257, random.integers(600)])),)
    rows, columns, channels = model.variables.shape
    size = lambda n: int(random.choice([1, n - 1, n, n + 1, random.integers(1, n + n // 2)]))  # noqa: E731
    return size(rows), size(columns), int(random.choice([1, 2, 3, 4])) if channels == 3 else 1


def levels(model: AnyOrderModel, data: np.ndarray) -> np.ndarray:
    """Random bytes as values that the model can say."""
    spec = model.variables
    return data if spec.levels >= 256 else to_pixels(data.astype(np.int64) % spec.levels, spec.levels, "none")


def invent(model: AnyOrderModel, manner: str, random: np.random.Generator, steps: int) -> np.ndarray:
    shape = shape_of(model, random)
    if manner == "random":
        return levels(model, random.integers(256, size=shape, dtype=np.uint8))
    if manner == "constant":
        return levels(model, np.full(shape, random.integers(256), np.uint8))
    if manner == "noisy":
        ramp = np.add.outer(np.arange(shape[0]), np.arange(int(np.prod(shape[1:], dtype=int)))).reshape(shape)
        return levels(model, ((ramp + random.integers(3, size=shape)) % 256).astype(np.uint8))
    spec = model.variables
    order = random_orders(0, np.zeros(1, np.int64), np.arange(spec.dimensions))
    nothing = np.zeros((1, spec.dimensions), bool)
    worst, _ = model.reveal(nothing.astype(np.int64), nothing, order, model.policy(steps), lambda i, p, s: p.argmin(-1))
    worst = np.minimum(worst, spec.levels - 1)
    if model.kind == "text":
        return worst[0].astype(np.uint8)
    return from_blocks("image:any", spec.shape, worst, spec)


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--count", type=int, default=10_000)
    arguments.add_argument("--seed", type=int, default=0)
    given = arguments.parse_args()
    random, started = np.random.default_rng(given.seed), time.perf_counter()
    opened = [adr_runtime.load(folder, "cpu") for folder in shipped().values()]
    models = [model for model in opened if isinstance(model, AnyOrderModel)]
    seen: collections.Counter[str] = collections.Counter()
    while seen.total() < given.count:
        for model in models:
            steps = int(random.integers(model.variables.stages, model.variables.stages + 3))
            kind = "text" if model.kind == "text" else "image:any"
            files = []
            for i in range(AT_ONCE):
                manner = str(random.choice(["random", "constant", "noisy", "adversarial"], p=[0.4, 0.2, 0.3, 0.1]))
                files.append(File(str(i), kind, invent(model, manner, random, steps)))
                seen[f"{model.name} {manner}"] += 1
            data = pack(encode_files([(model, files)], True, steps, int(random.integers(1 << 32)), choose=False))
            back = decode_files(unpack(data, "x"), lambda section, model=model: model, "x")
            for a, b in zip(back, files, strict=True):
                assert a.path == b.path and np.array_equal(a.data, b.data), (model.name, steps, b.data)
    for name, count in sorted(seen.items()):
        print(f"{name:32s} {count}")
    print(f"{seen.total()} inputs came back as they were, {time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
