"""The data sets by name, as plain arrays."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from adr_train.errors import TrainError

SPLITS = ("train", "validation", "test")


@dataclass(frozen=True)
class Images:
    """pixels uint8 (count, height, width, channels), labels int64 (count,), a name for each label."""

    pixels: np.ndarray
    labels: np.ndarray
    names: tuple[str, ...]


@dataclass(frozen=True)
class Sounds:
    """clips float32 (samples,) in [-1, 1], labels int64 (count,), names, Hz, and who speaks in each clip."""

    clips: list[np.ndarray]
    labels: np.ndarray
    names: tuple[str, ...]
    sample_rate: int
    speakers: tuple[str, ...]


def spread(total: int, count: int, seed: int = 0) -> np.ndarray:
    """`count` of `total` indices, rising, int64: one drawn by the seed from each of `count` stretches of equal length.
    So a part stands for the whole whatever the order of a file is, by class for example."""
    if count >= total:
        return np.arange(total)
    random = np.random.default_rng((seed, total, count))
    edges = np.arange(count + 1) * total // count
    return edges[:-1] + (random.random(count) * np.diff(edges)).astype(np.int64)


def call_seed(split: str, *numbers: int) -> int:
    """A seed below 2^32 that follows from the split and from what tells one draw from another (a user's seed, a
    repetition, a call), so that no split is measured with the draws of another."""
    return int(np.random.SeedSequence((SPLITS.index(split), *numbers)).generate_state(1)[0])


def level(data: Sounds, loudness: float) -> Sounds:
    """Every clip at the root mean square `loudness`, or as near as a peak of 1 allows; silent clips stay."""
    clips = []
    for clip in data.clips:
        rms, peak = float(np.sqrt(np.mean(np.square(clip)))), float(np.abs(clip).max())
        clips.append(clip * np.float32(min(loudness / rms, 1 / peak)) if rms else clip)
    return replace(data, clips=clips)


def load_dataset(name: str, folder: Path | None, split: str) -> Any:
    """One split of a data set in its public release's layout: `Images`, `Sounds` or `data_text.Text`. Raises TrainError
    that names the file at fault."""
    from adr_train import data_cifar10, data_digits, data_fsdd, data_speech_commands, data_text

    readers: dict[str, Callable[[Path, str], Any]] = {
        "cifar10": data_cifar10.read,
        "fsdd": data_fsdd.read,
        "speech-commands": data_speech_commands.read,
        "text": data_text.read,
    }
    if split not in SPLITS:
        raise TrainError(f"unknown split {split!r}; there are {', '.join(SPLITS)}")
    if name == "digits":
        return data_digits.read(split)
    if name not in readers:
        raise TrainError(f"unknown data set {name!r}; there are digits, {', '.join(readers)}")
    if folder is None:
        raise TrainError(f"{name} needs its folder: give --data DIR (adr-train --download {name} DIR fetches it)")
    if not folder.is_dir() and not (name == "text" and folder.is_file()):
        raise TrainError(f"{folder}: no such folder; adr-train --download {name} {folder} fetches it")
    return readers[name](folder, split)
