"""Blocks through a model and a range coder: encoding and decoding are the same walk over the same batches."""

import time
from collections.abc import Sequence

import numpy as np

from adr_runtime.any_order.blocks import Batch, Blocks, dtype_of
from adr_runtime.any_order.network import AnyOrderNetwork, Choose
from adr_runtime.any_order.policy import Policy, shrink
from adr_runtime.any_order.scoring import BATCH, Progress, block_orders, no_progress
from adr_runtime.coding.entropy import Decoder, Encoder, frequencies
from adr_runtime.errors import DamagedFileError


def reveal(
    network: AnyOrderNetwork, batch: Batch, values: np.ndarray, seed: int, policy: Policy, choose: Choose
) -> np.ndarray:
    observed = np.broadcast_to(batch.observed, values.shape)
    return network.reveal(values, observed, block_orders(seed, batch), policy, choose)[0]


def encode(
    network: AnyOrderNetwork, blocks: Blocks, data: Sequence[np.ndarray], seed: int, policy: Policy,
    progress: Progress = no_progress,
) -> tuple[bytes, np.ndarray]:  # fmt: skip
    """The coded bytes of all blocks of the files' data, and what each file costs of them in bits, float64 (files,)."""
    coder, spec = Encoder(), network.variables
    bits, done = np.zeros(len(blocks.files)), 0
    for batch in blocks.batches(BATCH):
        values, costs = blocks.read(data, batch.rows), np.zeros(len(batch.rows))

        def push(
            index: np.ndarray, log_p: np.ndarray, stage: int, values: np.ndarray = values, costs: np.ndarray = costs
        ) -> np.ndarray:
            digits = spec.digits(np.take_along_axis(values, index, 1), stage)
            costs += coder.push(digits, log_p).sum(1)
            return digits

        reveal(network, batch, values, seed, policy, push)
        np.add.at(bits, np.searchsorted(blocks.first, batch.rows, "right") - 1, costs)
        done += len(batch.rows)
        progress(done, len(blocks))
    return coder.finish(), bits


def decode(
    network: AnyOrderNetwork, blocks: Blocks, seed: int, policy: Policy, data: bytes, file: str,
    progress: Progress = no_progress,
) -> list[np.ndarray]:  # fmt: skip
    """The data of the files, of whose blocks kinds and shapes are known."""
    coder, done = Decoder(data, file), 0
    data_of_files = [np.zeros(shape, dtype_of(kind)) for kind, shape in blocks.files]
    for batch in blocks.batches(BATCH):
        # Of files of zeros, what is given is as it should be.
        start = blocks.read(data_of_files, batch.rows)
        values = reveal(network, batch, start, seed, policy, lambda index, log_p, stage: coder.pull(log_p))
        if values.max(initial=0) >= network.variables.levels:
            raise DamagedFileError(f"{file}: damaged: the coded bytes lead to no values of {network.name}")
        blocks.write(data_of_files, batch.rows, values)
        done += len(batch.rows)
        progress(done, len(blocks))
    return data_of_files


def seconds(network: AnyOrderNetwork, blocks: Blocks, policy: Policy) -> float:
    """About how long encoding takes here, from one network call of the smallest and one of the largest batch."""
    batches = [(len(batch.rows), int(batch.target.sum())) for batch in blocks.batches(BATCH)]
    if not batches:
        return 0.0
    sizes = [rows for rows, _ in batches]
    index = np.arange(max(map(max, policy)))
    times = {}
    for rows in {min(sizes), max(sizes)}:
        low = np.zeros((rows, network.variables.dimensions), np.int64)
        ask = np.broadcast_to(index, (rows, len(index))).copy()
        # The first call is slower than all others.
        for _ in range(2):
            started = time.perf_counter()
            frequencies(network.predict(low, low > 0, 0, ask))
            times[rows] = time.perf_counter() - started
    few, many = min(times), max(times)
    slope = (times[many] - times[few]) / (many - few) if many > few else 0.0
    calls = {targets: sum(len(shrink(counts, targets)) for counts in policy) for targets in {w for _, w in batches}}
    return sum(calls[targets] * (times[few] + max(slope, 0.0) * (rows - few)) for rows, targets in batches)
