"""Files as the blocks of variables that a model predicts: tiles of pictures, stretches of text and sound.

A block has as many variables as the model. Those outside a small file or beyond a picture's edge stay unknown; those
that everyone knows beforehand, such as the colour differences of a grey picture, are given.
"""

import math
from dataclasses import dataclass

import numpy as np

from adr_runtime.errors import ADRError
from adr_runtime.variables import VariablesSpec, from_pixels, from_samples, from_text, to_pixels, to_samples, to_text


@dataclass(frozen=True)
class Blocks:
    """values int64 (count, D), what is coded of them, and what is given beforehand, both bool (count, D)."""

    values: np.ndarray
    wanted: np.ndarray
    given: np.ndarray

    @classmethod
    def join(cls, parts: "list[Blocks]") -> "Blocks":
        return cls(*(np.concatenate([getattr(p, name) for p in parts]) for name in ("values", "wanted", "given")))


def block_count(kind: str, shape: tuple[int, ...], spec: VariablesSpec) -> int:
    """How many blocks a file of this kind and shape takes."""
    if kind.startswith("image"):
        rows, columns, _ = spec.shape
        return -(-shape[0] // rows) * -(-shape[1] // columns) * len(planes(shape[2], spec.shape[2]))
    return -(-math.prod(shape[:2] if kind.startswith("sound") else shape) // spec.dimensions)


def planes(channels: int, modelled: int) -> list[list[int]]:
    """Channels that are coded together: colour where the model has it, everything else one by one."""
    together = [[0, 1, 2]] if channels >= 3 and modelled == 3 else []
    return together + [[c] for c in range(3 * len(together), channels)]


def to_blocks(kind: str, data: np.ndarray, spec: VariablesSpec, exact: bool = True) -> Blocks:
    """data as in `adr_runtime.coded_files`: pixels uint8 (rows, columns, channels), bytes uint8 (length,), or samples
    int16 (length, channels). ADRError where the model's levels cannot say a value; sound that need not be `exact` may
    become mu-law."""
    if kind.startswith("image"):
        return picture_blocks(data, spec)
    if kind.startswith("sound"):
        if exact and spec.levels != 1 << 16:
            raise ADRError(
                f"16-bit samples do not fit into the {spec.levels} levels of this model; choose another --model"
            )
        stream = from_samples(data.T.reshape(-1), spec.levels)
    else:
        stream = from_text(data.tobytes(), spec.alphabet)
    count = -(-len(stream) // spec.dimensions)
    values = np.zeros((count, spec.dimensions), np.int64)
    values.reshape(-1)[: len(stream)] = stream
    wanted = (np.arange(count * spec.dimensions) < len(stream)).reshape(values.shape)
    return Blocks(values, wanted, np.zeros_like(wanted))


def picture_blocks(pixels: np.ndarray, spec: VariablesSpec) -> Blocks:
    rows, columns, channels = spec.shape
    if spec.levels < 256:
        back = to_pixels(from_pixels(pixels, spec.levels, "none"), spec.levels, "none")
        if (back != pixels).any():
            raise ADRError(
                f"the picture has greys that this model of {spec.levels} levels cannot say; choose another --model"
            )
    parts = []
    for group in planes(pixels.shape[2], channels):
        part = pixels[..., group]
        grey = len(group) == 1 and channels == 3
        if grey:
            part = part.repeat(3, -1)
        coded = from_pixels(part, spec.levels, spec.colour)
        for y in range(0, pixels.shape[0], rows):
            for x in range(0, pixels.shape[1], columns):
                tile = coded[y : y + rows, x : x + columns]
                values, inside = np.zeros(spec.shape, np.int64), np.zeros(spec.shape, bool)
                values[: tile.shape[0], : tile.shape[1]] = tile
                inside[: tile.shape[0], : tile.shape[1]] = True
                wanted = inside.copy()
                if grey:
                    wanted[..., [0, 2]] = False
                parts.append(Blocks(values.reshape(1, -1), wanted.reshape(1, -1), (inside & ~wanted).reshape(1, -1)))
    return Blocks.join(parts)


def empty_blocks(kind: str, shape: tuple[int, ...], spec: VariablesSpec) -> Blocks:
    """The blocks of a file of which nothing but kind and shape is known: what is wanted and what is given."""
    if kind.startswith("image"):
        return picture_blocks(np.zeros(shape, np.uint8), spec)
    if kind.startswith("sound"):
        return to_blocks(kind, np.zeros(shape[:2], np.int16), spec)
    blocks = to_blocks(kind, np.zeros(shape, np.uint8) + (ord(spec.alphabet[0]) if spec.alphabet else 0), spec)
    return blocks


def from_blocks(kind: str, shape: tuple[int, ...], values: np.ndarray, spec: VariablesSpec) -> np.ndarray:
    """The inverse of `to_blocks`: values int64 (count, D) -> data."""
    if not kind.startswith("image"):
        if kind.startswith("sound"):
            samples = to_samples(values.reshape(-1)[: shape[0] * shape[1]], spec.levels)
            return samples.reshape(shape[1], shape[0]).T
        return np.frombuffer(to_text(values.reshape(-1)[: shape[0]], spec.alphabet), np.uint8)
    rows, columns, channels = spec.shape
    pixels, block = np.zeros(shape, np.uint8), 0
    for group in planes(shape[2], channels):
        for y in range(0, shape[0], rows):
            for x in range(0, shape[1], columns):
                tile = to_pixels(values[block].reshape(spec.shape), spec.levels, spec.colour)
                target = pixels[y : y + rows, x : x + columns]
                source = tile if len(group) == channels else tile[..., 1:2]
                target[..., group] = source[: target.shape[0], : target.shape[1]]
                block += 1
    return pixels


def batches(blocks: Blocks, most: int) -> list[np.ndarray]:
    """Indices of blocks that are worked on together: up to `most` with the same variables wanted and given."""
    groups: dict[bytes, list[int]] = {}
    for i, (wanted, given) in enumerate(zip(np.packbits(blocks.wanted, 1), np.packbits(blocks.given, 1), strict=True)):
        groups.setdefault(wanted.tobytes() + given.tobytes(), []).append(i)
    return [np.array(g[a : a + most]) for g in groups.values() for a in range(0, len(g), most)]
