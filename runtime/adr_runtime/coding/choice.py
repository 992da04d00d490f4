"""Which files of a group a model should code: those of which it makes less than the standard library's codecs do.

Blocks that lie spread over a file are scored first; what clearly loses is left to the codecs at once, so that an
ordinary JPEG does not go through the model for hours. What is left is settled by what it costs when it is coded.
"""

import math

import numpy as np

from adr_runtime.any_order.blocks import Blocks, Pattern
from adr_runtime.any_order.network import AnyOrderNetwork
from adr_runtime.any_order.scoring import score_blocks
from adr_runtime.coding.plain_codecs import MOST, pack_plain
from adr_runtime.media.exact.files import File

# Sampled blocks of a file, and of a group.
EACH, ALL = 4, 128
# A few blocks tell what a file costs to about this factor.
CLEARLY = 1.25
# About what one more section takes in the header.
SECTION = 48


def pack_all(files: list[File]) -> list[tuple[int, bytes]]:
    """The smallest of the standard library's codecs for each file: its number, and what it makes of the values."""
    return [pack_plain(f.data.astype(f.data.dtype.newbyteorder("<")).tobytes()) for f in files]


def hopeless(file: File, plain: int) -> bool:
    """What the codecs cannot make any smaller is compressed already, or noise."""
    return not file.data.size or (file.kind == "text" and file.data.size >= 4096 and plain > 0.97 * file.data.size)


def sampled(blocks: Blocks, numbers: list[int]) -> dict[int, tuple[Pattern, np.ndarray]]:
    """For each file of the numbers that is long enough, some of its blocks: alike, and spread evenly."""
    counts = {n: min(EACH, int(blocks.first[n + 1] - blocks.first[n]) // 3) for n in numbers}
    counts = {n: count for n, count in counts.items() if count}
    if sum(counts.values()) > ALL:
        chosen = np.linspace(0, len(counts) - 1, min(len(counts), ALL)).astype(int)
        counts = {list(counts)[i]: 1 for i in chosen}
    samples = {}
    for n, count in counts.items():
        pattern, rows = max(blocks.patterns(n).items(), key=lambda item: len(item[1]))
        samples[n] = pattern, np.unique(rows[((np.arange(count) + 0.5) * len(rows) / count).astype(int)])
    return samples


def worth_trying(
    network: AnyOrderNetwork, files: list[File], plain: list[tuple[int, bytes]], steps: int | None, seed: int
) -> list[int]:
    """The numbers of files that the model may make smaller than `plain`, in their order."""
    left = [n for n, f in enumerate(files) if not hopeless(f, len(plain[n][1]))]
    blocks = Blocks([(f.kind, f.data.shape) for f in files], network.variables)
    samples = sampled(blocks, left)
    if not samples:
        return left
    only = np.sort(np.concatenate([rows for _, rows in samples.values()]))
    bits, _ = score_blocks(network, blocks, [f.data for f in files], network.policy(steps), seed, only)
    for n, (pattern, rows) in samples.items():
        a_value = bits[np.searchsorted(only, rows)].mean() / blocks.masks(pattern)[0].sum()
        if a_value * files[n].data.size / 8 > CLEARLY * len(plain[n][1]):
            left.remove(n)
    return left


def losers(files: list[File], bits: np.ndarray, plain: list[tuple[int, bytes]]) -> list[int]:
    """The numbers of files that would be smaller by their codecs, all where the section would not pay for itself and
    none where coding the rest again would gain next to nothing."""
    costs = np.maximum(bits / 8, [math.ceil(f.data.size / MOST) for f in files])
    sizes = np.array([len(data) for _, data in plain])
    worse = np.flatnonzero(costs > sizes)
    better = np.flatnonzero(costs <= sizes)
    if costs[better].sum() + SECTION >= sizes[better].sum():
        return list(range(len(files)))
    wasted = (costs - sizes)[worse].sum()
    return [int(n) for n in worse] if wasted > max(8.0, costs.sum() / 256) else []
