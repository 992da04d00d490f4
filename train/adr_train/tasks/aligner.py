"""Training the sounds of frames on aligned speech, changed so that speakers are heard whom nobody has met."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from adr_models.any_order.baseline import NoDraws
from adr_models.spoken_text.aligner import AlignerConfig, AlignerModel
from adr_runtime.spoken_text.aligner import HOP, RATE, SOUND_OF
from torch import Tensor, nn

from adr_train.data.audio_file import read_audio
from adr_train.data.batch import Batch
from adr_train.data.types import AlignedSpeech, Dataset
from adr_train.errors import TrainError
from adr_train.loop import Trainer
from adr_train.processes import Processes
from adr_train.recipes.recipe import Recipe
from adr_train.tasks.job import Job

# Frames of a row, and seconds by which one may begin before its recording or end behind it.
FRAMES, AROUND = 320, 0.3
# Between one and so many times as fast and high, or the inverse; bands of the spectrum moved by as much, beside that.
FASTER, WARPED = 1.25, 1.1
# Cuts are of a multiple of so many samples, of which Fourier transforms are fast.
EVEN = 256
# How far each sample may be mixed with the one before it, which tilts the spectrum.
TILT = 0.7
# Telephones have nothing above a frequency, from this one (Hz) to the highest; echoes of rooms fade within up to so
# many seconds, and have up to so much of the sound's power.
NARROWEST, FADES, ECHOES = 3000.0, 0.15, 0.5
# Decibels by which noise is below the speech, evenly drawn.
LEAST_NOISE, MOST_NOISE = 60.0, 10.0


@dataclass(frozen=True)
class FrameBatch(Batch):
    """`tokens` are samples float32 (rows, frames x HOP); sounds int64 (rows, frames), warp float32 (rows,)."""

    sounds: Tensor
    warp: Tensor


class FrameBatches:
    """Cuts of recordings, each changed at random unless they are `plain`. A batch is a function of seed and step."""

    def __init__(self, data: AlignedSpeech, batch: int, seed: int, altered: float = 0.0, plain: bool = False):
        self.data, self.batch, self.seed, self.altered, self.plain = data, batch, seed, altered, plain

    def at(self, step: int) -> FrameBatch:
        random = np.random.default_rng((self.seed, 5, step))
        rows = [self.row(int(random.integers(len(self.data.texts))), random) for _ in range(self.batch)]
        samples, sounds = (torch.from_numpy(np.stack(part)) for part in zip(*rows, strict=True))
        powers = np.zeros(self.batch) if self.plain else random.uniform(-1, 1, self.batch)
        mask, zeros = torch.ones_like(sounds, dtype=torch.bool), torch.zeros(self.batch, dtype=torch.int64)
        warp = torch.from_numpy((WARPED**powers).astype(np.float32))
        return FrameBatch(samples, zeros, zeros, mask, ~mask, sounds, warp)

    def row(self, number: int, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """float32 (FRAMES x HOP,) out of a recording, with silence around it, and the sounds int64 (FRAMES,)."""
        data, length = self.data, FRAMES * HOP
        clip, ends = read_audio(data.files[number], data.sample_rate), data.ends[number]
        faster = 1.0 if self.plain else FASTER ** random.uniform(-1, 1)
        taken = round(length * faster / EVEN) * EVEN
        before = round(AROUND * RATE)
        start = int(random.integers(-before, max(len(clip) + before - taken, 1 - before)))
        cut = np.zeros(taken)
        inside = clip[max(start, 0) : start + taken]
        cut[max(-start, 0) : max(-start, 0) + len(inside)] = inside
        middles = start + (np.arange(FRAMES) + 0.5) * HOP * taken / length
        heard = np.searchsorted(ends, middles, side="right")
        known = np.array([SOUND_OF[symbol] for symbol in data.symbols[number]] + [0], np.int64)
        sounds = np.where(middles < 0, 0, known[heard])
        samples = cut if taken == length else resized(cut, length)
        return (samples if self.plain else recoloured(samples, self.altered, random)).astype(np.float32), sounds


def resized(cut: np.ndarray, length: int) -> np.ndarray:
    """A cut (samples,) in another number of samples, its spectrum cut off or filled up with nothing."""
    other: np.ndarray = np.fft.irfft(np.fft.rfft(cut), length) * (length / len(cut))
    return other


def recoloured(samples: np.ndarray, altered: float, random: np.random.Generator) -> np.ndarray:
    """With another tilt of the spectrum, by a narrower way or in a room, behind noise of yet another tilt. How loud it
    is would make no difference."""
    tilted = tilt(samples, random.uniform(-TILT, TILT))
    if random.random() < altered:
        tilted = filtered(tilted, echo(random))
    if random.random() < altered:
        spectrum = np.fft.rfft(tilted)
        spectrum[round(random.uniform(2 * NARROWEST / RATE, 1) * len(spectrum)) :] = 0
        tilted = np.fft.irfft(spectrum, len(tilted))
    noise = tilt(random.normal(size=len(samples)), random.uniform(-TILT, TILT))
    below = 10 ** (-random.uniform(MOST_NOISE, LEAST_NOISE) / 20)
    noisy: np.ndarray = tilted + noise * (below * np.sqrt(np.mean(tilted**2) / np.mean(noise**2)))
    return noisy


def echo(random: np.random.Generator) -> np.ndarray:
    """What a room makes of a click: the click, and noise that fades."""
    times = np.arange(round(4 * FADES * RATE)) / RATE
    late = random.normal(size=len(times)) * np.exp(-times / random.uniform(0.02, FADES))
    late *= np.sqrt(random.uniform(0, ECHOES) / np.sum(late**2))
    late[0] += 1
    return late


def filtered(samples: np.ndarray, response: np.ndarray) -> np.ndarray:
    """The samples (samples,) through a filter of a finite response, cut off at their end."""
    length = 1 << (len(samples) + len(response) - 2).bit_length()
    whole: np.ndarray = np.fft.irfft(np.fft.rfft(samples, length) * np.fft.rfft(response, length), length)
    return whole[: len(samples)]


def tilt(samples: np.ndarray, share: float) -> np.ndarray:
    tilted: np.ndarray = samples + share * np.append(0.0, samples[:-1])
    return tilted


class AlignerLoss(nn.Module):
    """Nats, summed over the frames of a batch."""

    def __init__(self, model: AlignerModel):
        super().__init__()
        self.model = model

    def forward(self, batch: FrameBatch, draws: NoDraws) -> Tensor:
        return self.model.loss(batch.tokens, batch.sounds, batch.warp)


class AlignerJob(Job[AlignerModel]):
    unit = "frames"
    sample_range = 1.0

    def __init__(self, recipe: Recipe, data: Dataset, held_out: Dataset, processes: Processes, source: Path | None):
        config, train = recipe.model, recipe.train
        assert isinstance(config, AlignerConfig)
        if not isinstance(data, AlignedSpeech) or not isinstance(held_out, AlignedSpeech):
            raise TrainError(f"{recipe.dataset}: recipes of aligners are for aligned speech")
        if data.sample_rate != RATE:
            raise TrainError(f"{recipe.dataset} is at {data.sample_rate} Hz; an aligner hears {RATE} Hz")
        self.sequences = len(data.texts)
        self.validation = FrameBatches(held_out, train.batch, train.seed, plain=True)
        model = AlignerModel(config).to(processes.device)
        batches = FrameBatches(data, train.batch, train.seed, config.altered)
        self.trainer = Trainer(model, AlignerLoss(model), batches, train, processes)

    def config(self) -> AlignerConfig:
        return self.trainer.model.config
