"""Pictures, text and sound as integers, and back: the variables of any-order models.

`subtract_green` replaces red and blue by their differences to green modulo 256, plus 136, as lossless codecs do
(WebP's transform of that name): a bijection, so bits per dimension keep their meaning, after which the channels of a
pixel are nearly independent.
"""

from dataclasses import dataclass

import numpy as np

from adr_runtime.any_order.mulaw import from_mulaw, to_mulaw
from adr_runtime.errors import InputError

KINDS = ("image", "text", "sound")
COLOURS = ("none", "subtract_green")
# Not 128, the edge of a block: there the first digits of nearly grey pixels (Upscale ARDM) would be coin tosses.
CENTRE = 136


@dataclass(frozen=True)
class VariablesSpec:
    """`shape` (rows, columns, channels) in raster order; `levels` values each, in base `branching` where that is less
    (Upscale ARDM), `stages` digits. `alphabet` spells the symbols of text, "" for raw bytes; `sample_rate` is 0 except
    for sound, whose 256 levels are mu-law and whose 65,536 are 16-bit samples."""

    kind: str
    shape: tuple[int, ...]
    levels: int
    branching: int
    stages: int
    colour: str
    alphabet: str
    sample_rate: int

    @property
    def dimensions(self) -> int:
        return int(np.prod(self.shape))

    def width(self, stage: int) -> int:
        """Values in the block that stage `stage` starts from; 1 after the last."""
        return int(self.branching ** (self.stages - stage))

    def block_start(self, values: np.ndarray, stage: int) -> np.ndarray:
        """The first value of the block that stage `stage` starts from, of the same shape."""
        return values // self.width(stage) * self.width(stage)

    def digits(self, values: np.ndarray, stage: int) -> np.ndarray:
        """The digits that stage `stage` reveals of values, from 0 to branching - 1."""
        return values % self.width(stage) // self.width(stage + 1)


def from_pixels(pixels: np.ndarray, levels: int, colour: str) -> np.ndarray:
    """uint8 (..., channels) -> int64 of the same shape, 0 to levels - 1; a grey between two levels goes to the
    nearer."""
    if levels < 256:
        return np.round(pixels * ((levels - 1) / 255)).astype(np.int64)
    values = pixels.astype(np.int64)
    if colour == "subtract_green":
        values[..., ::2] = (values[..., ::2] - values[..., 1:2] + CENTRE) % 256
    return values


def to_pixels(values: np.ndarray, levels: int, colour: str, saturate: bool = False) -> np.ndarray:
    """The inverse of `from_pixels`, uint8. `saturate` is for what a model drew, whose differences may lead beyond black
    or white: there they stop, where the inverse would wrap around."""
    if levels < 256:
        return np.round(values * (255 / (levels - 1))).astype(np.uint8)
    if colour == "subtract_green":
        values = values.copy()
        values[..., ::2] += values[..., 1:2] - CENTRE
        values = values.clip(0, 255) if saturate else values % 256
    return values.astype(np.uint8)


def from_text(data: bytes, alphabet: str) -> np.ndarray:
    """Bytes -> symbols int64 (length,); ADRError for one that the alphabet lacks."""
    symbols = np.frombuffer(data, np.uint8).astype(np.int64)
    if not alphabet:
        return symbols
    table = np.full(256, -1, np.int64)
    for code, symbol in enumerate(alphabet):
        table[ord(symbol)] = code
    codes = table[symbols]
    if (codes < 0).any():
        first = int(np.flatnonzero(codes < 0)[0])
        raise InputError(f"byte {symbols[first]} at place {first} is not in the model's alphabet {alphabet!r}")
    return codes


def to_text(symbols: np.ndarray, alphabet: str) -> bytes:
    if not alphabet:
        return symbols.astype(np.uint8).tobytes()
    return "".join(alphabet[i] for i in symbols).encode()


def from_samples(samples: np.ndarray, levels: int) -> np.ndarray:
    """16-bit samples -> int64 of the same shape: mu-law where there are 256 levels, themselves where there are
    65,536."""
    return to_mulaw(samples) if levels == 256 else samples.astype(np.int64) + 32768


def to_samples(values: np.ndarray, levels: int) -> np.ndarray:
    """The inverse of `from_samples`, int16; of mu-law, the middle of each level."""
    return from_mulaw(values) if levels == 256 else (values - 32768).astype(np.int16)
