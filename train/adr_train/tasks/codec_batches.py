"""Rows of speech for a codec, gathered on the device that trains it."""

import numpy as np
import torch
from torch import Tensor

from adr_train.data.batch import Batch
from adr_train.data.types import AudioClips

LONGEST_PAUSE = 0.15
# Clips in a row at most; behind them it is silent. Words of FSDD take half a second.
PIECES = 8


class CodecBatches:
    """Rows of clips with short pauses between them, a function of seed and step alone: "tokens" are samples.

    All clips lie on `device` one behind the other, and what a step sends there is a small table of places. Every second
    of sound is as likely as any other; of a clip that is longer than a row, a stretch from anywhere is taken.
    """

    def __init__(self, data: AudioClips, samples: int, batch: int, seed: int, device: torch.device):
        self.samples, self.batch, self.seed, self.device = samples, batch, seed, device
        self.pause = int(LONGEST_PAUSE * data.sample_rate)
        self.lengths = np.array([len(clip) for clip in data.clips], np.int64)
        self.starts = np.cumsum(self.lengths) - self.lengths
        self.sound = torch.from_numpy(np.concatenate(data.clips)).to(device)
        self.places = torch.arange(samples, device=device).expand(batch, -1).contiguous()

    def at(self, step: int) -> Batch:
        rows = self.gather(*torch.from_numpy(self.pieces(step)).to(self.device))
        null_speaker, whole = torch.zeros(self.batch, dtype=torch.int64), torch.ones(self.batch, 1, dtype=torch.bool)
        return Batch(rows, null_speaker, null_speaker, whole, ~whole)

    def pieces(self, step: int) -> np.ndarray:
        """int64 (3, batch, PIECES): where in its row each piece begins, where in the sound, and its length."""
        random, shape = np.random.default_rng((self.seed, 2, step)), (self.batch, PIECES)
        places, pauses = random.integers(len(self.sound), size=shape), random.integers(self.pause, size=shape)
        chosen = np.searchsorted(self.starts, places, side="right") - 1
        skipped = (random.random(shape) * np.maximum(self.lengths[chosen] - self.samples, 0)).astype(np.int64)
        lengths = np.minimum(self.lengths[chosen], self.samples)
        begins = np.cumsum(pauses + lengths, 1) - lengths
        return np.stack([begins, self.starts[chosen] + skipped, lengths])

    def gather(self, begins: Tensor, sources: Tensor, lengths: Tensor) -> Tensor:
        """float32 (batch, samples)."""
        piece = (torch.searchsorted(begins.contiguous(), self.places, right=True) - 1).clamp(min=0)
        inside = self.places - begins.gather(1, piece)
        spoken = (inside >= 0) & (inside < lengths.gather(1, piece))
        index = torch.where(spoken, sources.gather(1, piece) + inside, 0)
        return torch.where(spoken, self.sound[index], 0.0)
