"""Blocks through a model and a range coder: encoding, decoding and scoring are the same walk over the same batches."""

import time
from collections.abc import Callable, Sequence

import numpy as np

from adr_runtime.any_order import AnyOrderModel, Choose, Policy, random_order
from adr_runtime.blocks import Batch, Blocks, dtype_of
from adr_runtime.entropy import Decoder, Encoder, frequencies
from adr_runtime.errors import ADRError
from adr_runtime.policy import shrink

Tell = Callable[[int, int], None]
# Part of the format: a batch of another size may give other numbers.
BATCH = 16


def quiet(done: int, total: int) -> None:
    pass


def orders(seed: int, batch: Batch) -> np.ndarray:
    """int64 (rows, wanted): the order of each block's variables, which follows from the seed and its number."""
    wanted = np.flatnonzero(batch.wanted)
    return np.stack([random_order(seed, int(row), wanted) for row in batch.rows])


def reveal(
    model: AnyOrderModel, batch: Batch, values: np.ndarray, seed: int, policy: Policy, choose: Choose
) -> np.ndarray:
    given = np.broadcast_to(batch.given, values.shape)
    return model.reveal(values, given, orders(seed, batch), policy, choose)[0]


def encode(
    model: AnyOrderModel, blocks: Blocks, data: Sequence[np.ndarray], seed: int, policy: Policy, tell: Tell = quiet
) -> tuple[bytes, np.ndarray]:
    """The coded bytes of all blocks of the files' data, and what each file costs of them in bits, float64 (files,)."""
    coder, spec = Encoder(), model.variables
    bits, done = np.zeros(len(blocks.files)), 0
    for batch in blocks.batches(BATCH):
        values, costs = blocks.read(data, batch.rows), np.zeros(len(batch.rows))

        def push(
            index: np.ndarray, log_p: np.ndarray, stage: int, values: np.ndarray = values, costs: np.ndarray = costs
        ) -> np.ndarray:
            digits = np.take_along_axis(values, index, 1) % spec.width(stage) // spec.width(stage + 1)
            costs += coder.push(digits, log_p).sum(1)
            return digits

        reveal(model, batch, values, seed, policy, push)
        np.add.at(bits, np.searchsorted(blocks.first, batch.rows, "right") - 1, costs)
        done += len(batch.rows)
        tell(done, len(blocks))
    return coder.finish(), bits


def decode(
    model: AnyOrderModel, blocks: Blocks, seed: int, policy: Policy, data: bytes, file: str, tell: Tell = quiet
) -> list[np.ndarray]:
    """The data of the files, of whose blocks kinds and shapes are known."""
    coder, done = Decoder(data, file), 0
    found = [np.zeros(shape, dtype_of(kind)) for kind, shape in blocks.files]
    for batch in blocks.batches(BATCH):
        # Of files of zeros, what is given is as it should be.
        start = blocks.read(found, batch.rows)
        values = reveal(model, batch, start, seed, policy, lambda index, log_p, stage: coder.pull(log_p))
        if values.max(initial=0) >= model.variables.levels:
            raise ADRError(f"{file}: damaged: the coded bytes lead to no values of {model.name}")
        blocks.write(found, batch.rows, values)
        done += len(batch.rows)
        tell(done, len(blocks))
    return found


def score(
    model: AnyOrderModel, blocks: Blocks, data: Sequence[np.ndarray], steps: int | None, seed: int,
    only: np.ndarray | None = None, tell: Tell = quiet,
) -> tuple[np.ndarray, int]:  # fmt: skip
    """Bits float64 of the blocks of the numbers `only` (in their order), or of all, and the network calls of all
    batches."""
    rows = np.arange(len(blocks)) if only is None else only
    bits, calls, done = np.zeros(len(rows)), 0, 0
    for batch in blocks.batches(BATCH, only):
        values = blocks.read(data, batch.rows)
        given = np.broadcast_to(batch.given, values.shape)
        found, made = model.bits(values, given, orders(seed, batch), steps)
        bits[np.searchsorted(rows, batch.rows)] = found
        calls, done = calls + made, done + len(batch.rows)
        tell(done, len(rows))
    return bits, calls


def dimensions(blocks: Blocks, only: np.ndarray | None = None) -> int:
    """How many variables are wanted of all blocks, or of those of the numbers `only`."""
    return sum(int(batch.wanted.sum()) * len(batch.rows) for batch in blocks.batches(1 << 40, only))


def seconds(model: AnyOrderModel, blocks: Blocks, policy: Policy) -> float:
    """About how long encoding takes here, from one network call of the smallest and one of the largest batch."""
    batches = [(len(batch.rows), int(batch.wanted.sum())) for batch in blocks.batches(BATCH)]
    if not batches:
        return 0.0
    sizes = [rows for rows, _ in batches]
    index = np.arange(max(map(max, policy)))
    times = {}
    for rows in {min(sizes), max(sizes)}:
        low = np.zeros((rows, model.variables.dimensions), np.int64)
        ask = np.broadcast_to(index, (rows, len(index))).copy()
        # The first call is slower than all others.
        for _ in range(2):
            started = time.perf_counter()
            frequencies(model.predict(low, low > 0, 0, ask))
            times[rows] = time.perf_counter() - started
    few, many = min(times), max(times)
    slope = (times[many] - times[few]) / (many - few) if many > few else 0.0
    calls = {wanted: sum(len(shrink(counts, wanted)) for counts in policy) for wanted in {w for _, w in batches}}
    return sum(calls[wanted] * (times[few] + max(slope, 0.0) * (rows - few)) for rows, wanted in batches)
