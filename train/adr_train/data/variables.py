"""Data sets as the discrete variables of any-order models, and their batches."""

from typing import Protocol

import numpy as np
import torch
from adr_runtime.any_order.variables import from_pixels, from_samples

from adr_train.data.batch import Batch
from adr_train.data.text import respell
from adr_train.data.types import AudioClips, Dataset, Images, Text
from adr_train.errors import TrainError


class Variables(Protocol):
    """What `adr_models.any_order.network.ARDMConfig`, its causal counterpart and bundles say of variables."""

    @property
    def kind(self) -> str: ...
    @property
    def shape(self) -> tuple[int, ...]: ...
    @property
    def levels(self) -> int: ...
    @property
    def alphabet(self) -> str: ...
    @property
    def colour(self) -> str: ...
    @property
    def sample_rate(self) -> int: ...


def own_form(config: Variables) -> tuple[tuple[int, int, int] | None, int | None]:
    """What one's own data are brought to: height, width and channels of pictures, Hz of sound; None for other kinds."""
    rows, columns, channels = config.shape
    return (rows, columns, channels) if config.kind == "image" else None, config.sample_rate or None


def to_variables(data: Dataset, config: Variables, where: str) -> np.ndarray:
    """Pictures as uint8 (count, D); text and sound as one stream of symbols, int64 (length,).

    Pictures with fewer than 256 levels have theirs evenly spaced between 0 and 255. Sound of 256 levels is mu-law, of
    65,536 levels the 16-bit samples themselves, counted from -32,768.
    """
    if isinstance(data, Images) and config.kind == "image":
        if data.pixels.shape[1:] != config.shape:
            raise TrainError(f"{where} has pictures of {data.pixels.shape[1:]}, the recipe wants {config.shape}")
        # A byte a variable while training: CIFAR-10 is 1.2 GB of int64.
        return from_pixels(data.pixels, config.levels, config.colour).astype(np.uint8).reshape(len(data.pixels), -1)
    if isinstance(data, Text) and config.kind == "text":
        return respell(data, config.alphabet).symbols.astype(np.int64)
    if isinstance(data, AudioClips) and config.kind == "sound":
        if data.sample_rate != config.sample_rate:
            raise TrainError(f"{where} is at {data.sample_rate} Hz, the recipe at {config.sample_rate} Hz")
        # Files of 16 bits a sample were read as multiples of 2^-15; in others there may be a 1.
        samples = np.round(np.concatenate(data.clips) * 32768).clip(-32768, 32767).astype(np.int64)
        return from_samples(samples, config.levels)
    raise TrainError(f"{where} and the recipe's variables ({config.kind}) are of different kinds")


def windows(stream: np.ndarray, length: int) -> np.ndarray:
    """A stream as whole windows (count, length), one behind the other; the rest that fills none is left out."""
    return stream[: len(stream) // length * length].reshape(-1, length)


class VariableBatches:
    """The batch of any step, drawn with replacement by the seed and the step alone: pictures, mirrored in half of the
    cases where `flip` is set, or windows of a stream from anywhere."""

    def __init__(self, variables: np.ndarray, shape: tuple[int, ...], batch: int, seed: int, flip: bool = False):
        self.variables, self.shape, self.batch, self.seed, self.flip = variables, shape, batch, seed, flip
        self.dimensions = int(np.prod(shape))
        self.count = len(variables) if variables.ndim == 2 else len(variables) - self.dimensions + 1
        if self.count < 1:
            raise TrainError(f"{len(variables)} symbols are fewer than a window of {self.dimensions}")

    def at(self, step: int) -> Batch:
        random = np.random.default_rng((self.seed, 2, step))
        index = random.integers(self.count, size=self.batch)
        if self.variables.ndim == 2:
            rows = self.variables[index]
            if self.flip:
                mirrored = rows.reshape(-1, *self.shape)[:, :, ::-1].reshape(rows.shape)
                rows = np.where(random.random(len(index))[:, None] < 0.5, mirrored, rows)
        else:
            rows = np.stack([self.variables[i : i + self.dimensions] for i in index])
        values = torch.from_numpy(rows.astype(np.int64))
        zeros = torch.zeros(len(values), dtype=torch.int64)
        whole = torch.ones(values.shape, dtype=torch.bool)
        return Batch(values, zeros, zeros, whole, ~whole)
