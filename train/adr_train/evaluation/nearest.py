"""Judging one's own sounds, of which there are too few to train a judge: by the training sounds nearest to them.

A sound is its log-mel spectrogram from where it begins, at one peak. How far it is from the nearest training sound
tells copies from new ones, beside how far held-out sounds are; whose class that sound has tells whether it is what was
asked for.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from adr_runtime import AudioModel
from adr_runtime.causal.config import GenerationConfig
from torchaudio.transforms import MelSpectrogram

from adr_train.data.datasets import SOUNDS
from adr_train.data.types import AudioClips
from adr_train.errors import TrainError
from adr_train.evaluation.evaluator import Figures, generate, load_labelled
from adr_train.evaluation.metrics import Array, distances, with_errors

# What is looked at of a sound, in frames of so many seconds; at the floor, some 60 dB below a tone at the peak, it is
# silence.
SECONDS, FRAME_SECONDS, MELS, FLOOR = 1.5, 0.012, 48, 0.1
# A sound begins where it is first as loud as this part of its peak.
BEGINS = 0.03


def spectra(clips: list[np.ndarray], sample_rate: int) -> Array:
    """Log-mel spectrograms of clips float32 (samples,), float64 (count, values), at such a scale that Euclidean
    distances are root mean squares, in nats of amplitude."""
    length, hop = int(SECONDS * sample_rate), int(FRAME_SECONDS * sample_rate)
    window = 2 ** round(np.log2(2 * hop))
    mel = MelSpectrogram(sample_rate, n_fft=window, hop_length=hop, n_mels=MELS, power=1.0)
    samples = torch.zeros(len(clips), length)
    for row, clip in zip(samples, clips, strict=True):
        peak = float(np.abs(clip).max(initial=0.0))
        if peak:
            heard = clip[int(np.argmax(np.abs(clip) >= BEGINS * peak)) :][:length]
            row[: len(heard)] = torch.from_numpy(np.ascontiguousarray(heard)) / peak
    flat = torch.log(mel(samples) + FLOOR).flatten(1).double().numpy()
    scaled: Array = flat / flat.shape[1] ** 0.5
    return scaled


@dataclass(frozen=True)
class Nearest:
    """The training sounds, and one split of real ones beside which generated ones are put."""

    train: AudioClips
    real: AudioClips
    of_train: Array
    of_real: Array

    @classmethod
    def read(cls, folder: Path | None, split: str, sample_rate: int) -> "Nearest":
        train, real = (load_labelled(SOUNDS, folder, name, sample_rate=sample_rate) for name in ("train", split))
        assert isinstance(train, AudioClips) and isinstance(real, AudioClips)
        if not real.clips:
            raise TrainError(f"{folder}: no sound is left for the split {split}; add more")
        return cls(train, real, spectra(train.clips, sample_rate), spectra(real.clips, sample_rate))

    def figures(self, found: Array, labels: np.ndarray, own: bool = False) -> Figures:
        """Of spectra (count, values): the part whose nearest training sound has the label, the median distance to it,
        and the part nearer than all but a hundredth of the real ones. Those of the training sounds themselves, `own`,
        are not compared with themselves."""
        near, nearest = self.nearest(found, own)
        least = np.percentile(self.nearest(self.of_real)[0], 1)
        right = self.train.labels[nearest] == labels
        return {
            "samples": len(labels), "accuracy": float(right.mean()),
            "worst_label": min(float(right[labels == label].mean()) for label in np.unique(labels)),
            "nearest_training": float(np.median(near)),
            "nearer_than_1st_percentile": float((near < least).mean()),
        }  # fmt: skip

    def nearest(self, found: Array, own: bool = False) -> tuple[Array, np.ndarray]:
        """The distance of each to the nearest training sound, and which that is."""
        square = distances(found, self.of_train)
        if own:
            np.fill_diagonal(square, np.inf)
        return np.sqrt(square.min(1)), square.argmin(1)

    def real_rows(self, split: str) -> dict[str, Figures]:
        return {
            f"real {split}": self.figures(self.of_real, self.real.labels),
            "real training": self.figures(self.of_train, self.train.labels, own=True),
        }

    def generated(self, model: AudioModel, count: int, config: GenerationConfig, split: str, seeds: int) -> Figures:
        """The figures of `count` generated sounds, of the labels in turn: means and standard errors over the seeds."""
        rows = []
        for repeat in range(seeds):
            clips, labels, seconds = generate(model, count, config, split, repeat)
            figures = self.figures(spectra(clips, model.sample_rate), labels)
            rows.append(figures | {"seconds_per_sample": seconds / count})
        return with_errors(rows)


def nearest_rows(
    model: AudioModel, baselines: list[AudioModel], settings: dict[str, GenerationConfig], folder: Path | None,
    split: str, per_label: int, seed: int, seeds: int,
) -> dict[str, Figures]:  # fmt: skip
    """A row for each setting, for each baseline at its defaults, and for the real sounds. Raises TrainError."""
    near, count = Nearest.read(folder, split, model.sample_rate), per_label * len(model.labels)
    for other in (model, *baselines):
        if near.train.names != other.labels or other.sample_rate != model.sample_rate:
            raise TrainError(f"{other.name} has other labels, or another sample rate, than the sounds of {folder}")
    rows = {name: near.generated(model, count, setting, split, seeds) for name, setting in settings.items()}
    plain = GenerationConfig(seed=seed)
    rows |= {other.bundle.folder.name: near.generated(other, count, plain, split, seeds) for other in baselines}
    return rows | near.real_rows(split)
