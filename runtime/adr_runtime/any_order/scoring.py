"""How likely a model finds files: blocks of variables, batch by batch, in orders that follow from a seed."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from adr_runtime.any_order.blocks import Batch, Blocks, refuse_unsayable
from adr_runtime.any_order.network import AnyOrderNetwork, random_orders
from adr_runtime.any_order.policy import Policy
from adr_runtime.errors import InputError
from adr_runtime.media.exact.files import File, kind_of, read_bytes, read_values

# Called with the number of blocks done, and of all.
Progress = Callable[[int, int], None]
# Given what is being done, a context in which to show how far it is.
Show = Callable[[str], AbstractContextManager[Progress]]
# Rows of a batch; part of the format of compressed files: a batch of another size may give other numbers.
BATCH = 16


@dataclass(frozen=True)
class Score:
    """What files cost a model: bits over all their variables (`dimensions`), and the network calls that it took."""

    bits: float
    dimensions: int
    calls: int

    @property
    def bits_per_dimension(self) -> float:
        return self.bits / self.dimensions


def no_progress(done: int, total: int) -> None:
    pass


def show_nothing(what: str) -> AbstractContextManager[Progress]:
    return nullcontext(no_progress)


def block_orders(seed: int, batch: Batch) -> np.ndarray:
    """int64 (rows, target): the order of each block's variables, which follows from the seed and the block's number."""
    return random_orders(seed, batch.rows, np.flatnonzero(batch.target))


def score_blocks(
    network: AnyOrderNetwork, blocks: Blocks, data: Sequence[np.ndarray], policy: Policy, seed: int,
    only: np.ndarray | None = None, progress: Progress = no_progress,
) -> tuple[np.ndarray, int]:  # fmt: skip
    """Bits float64 of the blocks of the numbers `only` (in their order), or of all, and the network calls of all
    batches."""
    rows = np.arange(len(blocks)) if only is None else only
    bits, calls, done = np.zeros(len(rows)), 0, 0
    for batch in blocks.batches(BATCH, only):
        values = blocks.read(data, batch.rows)
        observed = np.broadcast_to(batch.observed, values.shape)
        costs, calls_of_batch = network.bits(values, observed, block_orders(seed, batch), policy)
        bits[np.searchsorted(rows, batch.rows)] = costs
        calls, done = calls + calls_of_batch, done + len(batch.rows)
        progress(done, len(rows))
    return bits, calls


def score_files(
    network: AnyOrderNetwork, files: Sequence[File], steps: int | None, seed: int, progress: Progress = no_progress
) -> Score:
    """What files cost at a budget of `steps` network calls a block. Raises InputError where they are all empty."""
    blocks = Blocks([(f.kind, f.data.shape) for f in files], network.variables)
    if not len(blocks):
        raise InputError("what is to be scored is empty")
    data = [f.data for f in files]
    bits, calls = score_blocks(network, blocks, data, network.policy(steps), seed, progress=progress)
    return Score(float(bits.sum()), dimensions(blocks), calls)


def dimensions(blocks: Blocks) -> int:
    """How many variables of all blocks are to be predicted."""
    return sum(int(batch.target.sum()) * len(batch.rows) for batch in blocks.batches(1 << 40))


def read_to_score(path: Path, network: AnyOrderNetwork, inside: str = "") -> File:
    """A file as a model sees it, mu-law ones included: pictures and sound by their values, any file by its bytes where
    the model is one of text. Raises InputError with the reason."""
    raw = read_bytes(path)
    if network.variables.kind == "text":
        file = File(inside, "text", np.frombuffer(raw, np.uint8))
    elif kind_of(path) == network.variables.kind:
        file = read_values(path, inside, raw)
    else:
        raise InputError(f"{path}: {network.name} is for {network.variables.kind}; give another model")
    if network.variables.kind != "sound":
        refuse_unsayable(file.kind, file.data, network.variables)
    return file
