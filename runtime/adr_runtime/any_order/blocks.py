"""Files as the blocks of variables that a model predicts: tiles of pictures, stretches of text and sound.

A block has as many variables as the model. Those outside a small file or beyond a picture's edge stay unknown; those
that everyone knows beforehand, such as the colour differences of a grey picture, are observed. Blocks are numbered file
by file and made only when a batch of them is asked for, so that what they take does not depend on the size of the
files.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from adr_runtime.any_order.variables import (
    CENTRE,
    VariablesSpec,
    from_pixels,
    from_samples,
    from_text,
    to_pixels,
    to_samples,
    to_text,
)
from adr_runtime.errors import InputError

# What a block holds of its file: (rows, columns, how its channels are modelled) of a tile, (length,) of a stretch.
Pattern = tuple[int, ...]
# A plane of a picture: one that the model has, all of its colours, or a grey one for a model of colours.
PLAIN, GREY = 0, 1
# An index of an array, axis by axis.
Index = tuple[Any, ...]


@dataclass(frozen=True)
class Batch:
    """The numbers of blocks int64 (rows,) that are alike, and what of each is to be predicted (`target`) and is
    `observed`, bool (D,)."""

    rows: np.ndarray
    target: np.ndarray
    observed: np.ndarray


def dtype_of(kind: str) -> np.dtype:
    """That of a kind's data in memory: samples int16, everything else uint8."""
    return np.dtype(np.int16 if kind.startswith("sound") else np.uint8)


def planes(channels: int, modelled: int) -> list[list[int]]:
    """Channels that are coded together: colour where the model has it, everything else one by one."""
    together = [[0, 1, 2]] if channels >= 3 and modelled == 3 else []
    return together + [[c] for c in range(3 * len(together), channels)]


def knows_differences(spec: VariablesSpec) -> bool:
    """Whether the model sees colour as differences to green, which are known of a grey picture."""
    return spec.colour == "subtract_green" and spec.levels == 256


def block_count(kind: str, shape: tuple[int, ...], spec: VariablesSpec) -> int:
    """How many blocks a file of this kind and shape takes."""
    if not math.prod(shape):
        return 0
    if kind.startswith("image"):
        rows, columns, _ = spec.shape
        return -(-shape[0] // rows) * -(-shape[1] // columns) * len(planes(shape[2], spec.shape[2]))
    return -(-math.prod(shape) // spec.dimensions)


def refuse_unsayable(kind: str, data: np.ndarray, spec: VariablesSpec) -> None:
    """Raises InputError where the model's levels or symbols cannot say a value."""
    if kind.startswith("image") and spec.levels < 256:
        back = to_pixels(from_pixels(np.arange(256), spec.levels, "none"), spec.levels, "none")
        if (back[data] != data).any():
            raise InputError(
                f"the picture has greys that this model of {spec.levels} levels cannot say; choose another model"
            )
    if kind.startswith("sound") and spec.levels != 1 << 16:
        raise InputError(f"16-bit samples do not fit into the {spec.levels} levels of this model; choose another model")
    if kind == "text" and spec.alphabet:
        from_text(data.tobytes(), spec.alphabet)


class Blocks:
    """The blocks of files of which kind and shape are known: pixels uint8 (rows, columns, channels), bytes uint8
    (length,), or samples int16 (length, channels)."""

    def __init__(self, files: Sequence[tuple[str, tuple[int, ...]]], spec: VariablesSpec):
        self.files, self.spec = list(files), spec
        counts = [block_count(kind, shape, spec) for kind, shape in files]
        # Where each file's blocks begin, and where the last one's end.
        self.first = np.concatenate([[0], np.cumsum(counts, dtype=np.int64)]).astype(np.int64)

    def __len__(self) -> int:
        return int(self.first[-1])

    def patterns(self, number: int) -> dict[Pattern, np.ndarray]:
        """The blocks of a file by what they hold of it."""
        (kind, shape), first = self.files[number], self.first[number]
        count = int(self.first[number + 1] - first)
        if not count:
            return {}
        if not kind.startswith("image"):
            size, rest = self.spec.dimensions, math.prod(shape) % self.spec.dimensions
            every, full = np.arange(first, first + count), count - (rest > 0)
            return {key: r for key, r in (((size,), every[:full]), ((rest,), every[full:])) if len(r)}
        (rows, columns, modelled), groups = self.spec.shape, planes(shape[2], self.spec.shape[2])
        down, across = -(-shape[0] // rows), -(-shape[1] // columns)
        grid = np.arange(first, first + count).reshape(len(groups), down, across)
        high, wide = shape[0] - (down - 1) * rows, shape[1] - (across - 1) * columns
        found: dict[Pattern, np.ndarray] = {}
        for ys, height in ((slice(0, down - 1), rows), (slice(down - 1, down), high)):
            for xs, width in ((slice(0, across - 1), columns), (slice(across - 1, across), wide)):
                for group, numbers in zip(groups, grid, strict=True):
                    part = numbers[ys, xs].reshape(-1)
                    key = (height, width, GREY if len(group) < modelled else PLAIN)
                    found[key] = np.concatenate([found.get(key, part[:0]), part])
        return {pattern: np.sort(r) for pattern, r in found.items() if len(r)}

    def masks(self, pattern: Pattern) -> tuple[np.ndarray, np.ndarray]:
        """What is to be predicted, and what is observed, bool (D,) each."""
        target, observed = np.zeros(self.spec.shape, bool), np.zeros(self.spec.shape, bool)
        if len(pattern) == 1:
            target.reshape(-1)[: pattern[0]] = True
            return target.reshape(-1), observed.reshape(-1)
        height, width, manner = pattern
        target[:height, :width, 1 if manner == GREY else slice(None)] = True
        if manner == GREY and knows_differences(self.spec):
            observed[:height, :width, ::2] = True
        return target.reshape(-1), observed.reshape(-1)

    def batches(self, most: int, only: np.ndarray | None = None) -> list[Batch]:
        """All blocks, or those of the numbers `only`, as batches of up to `most` that are alike, in an order that
        follows from kinds and shapes alone."""
        groups: dict[Pattern, list[np.ndarray]] = {}
        for number in range(len(self.files)):
            for pattern, rows in self.patterns(number).items():
                groups.setdefault(pattern, []).append(rows if only is None else rows[np.isin(rows, only)])
        batches = []
        for pattern, parts in groups.items():
            rows, masks = np.concatenate(parts), self.masks(pattern)
            batches += [Batch(rows[a : a + most], *masks) for a in range(0, len(rows), most)]
        return batches

    def part(self, row: int) -> tuple[int, Index, Index]:
        """Where a block lies: the number of its file, the index of its part of the data, and the index of that part
        within the block, (rows, columns, channels) in both; streams are (1, length, 1) in the block."""
        number = int(np.searchsorted(self.first, row, "right")) - 1
        index: Index
        (kind, shape), offset = self.files[number], int(row - self.first[number])
        if not kind.startswith("image"):
            start, size = offset * self.spec.dimensions, self.spec.dimensions
            stretch = np.arange(start, min(start + size, math.prod(shape)))
            # Channels of sound follow one another.
            index = (stretch % shape[0], stretch // shape[0]) if len(shape) == 2 else (stretch,)
            return number, index, (0, slice(0, len(stretch)), 0)
        (rows, columns, modelled), groups = self.spec.shape, planes(shape[2], self.spec.shape[2])
        down, across = -(-shape[0] // rows), -(-shape[1] // columns)
        group, y, x = offset // (down * across), offset // across % down * rows, offset % across * columns
        height, width = min(rows, shape[0] - y), min(columns, shape[1] - x)
        channels = groups[group] if len(groups[group]) == modelled else groups[group][0]
        plane = slice(None) if isinstance(channels, list) else min(1, modelled - 1)
        index = (slice(y, y + height), slice(x, x + width), channels)
        return number, index, (slice(0, height), slice(0, width), plane)

    def read(self, data: Sequence[np.ndarray], rows: np.ndarray) -> np.ndarray:
        """The blocks' values int64 (rows, D) out of the files' data; 0 where there is none."""
        spec, values = self.spec, np.zeros((len(rows), *self.spec.shape), np.int64)
        for block, row in zip(values, rows, strict=True):
            number, part, inside = self.part(row)
            kind, content = self.files[number][0], data[number][part]
            if kind.startswith("image"):
                if content.ndim == 2 and knows_differences(spec):
                    block[inside[:2]] = CENTRE
                block[inside] = from_pixels(content, spec.levels, spec.colour if content.ndim == 3 else "none")
            elif kind.startswith("sound"):
                block[inside] = from_samples(content, spec.levels)
            else:
                block[inside] = from_text(content.tobytes(), spec.alphabet)
        return values.reshape(len(rows), -1)

    def write(self, data: Sequence[np.ndarray], rows: np.ndarray, values: np.ndarray) -> None:
        """The inverse of `read`, into the files' data."""
        spec = self.spec
        for block, row in zip(values.reshape(len(rows), *spec.shape), rows, strict=True):
            number, part, inside = self.part(row)
            kind, content = self.files[number][0], block[inside]
            if kind.startswith("image"):
                data[number][part] = to_pixels(content, spec.levels, spec.colour if content.ndim == 3 else "none")
            elif kind.startswith("sound"):
                data[number][part] = to_samples(content, spec.levels)
            else:
                data[number][part] = np.frombuffer(to_text(content, spec.alphabet), np.uint8)


def from_blocks(kind: str, shape: tuple[int, ...], values: np.ndarray, spec: VariablesSpec) -> np.ndarray:
    """The data of one file from the values int64 (count, D) of all of its blocks."""
    data = np.zeros(shape, dtype_of(kind))
    Blocks([(kind, shape)], spec).write([data], np.arange(len(values)), values)
    return data
