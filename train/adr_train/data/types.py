"""What the readers of data sets return: plain arrays with names for their labels."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np


@dataclass(frozen=True)
class Images:
    """pixels uint8 (count, height, width, channels), labels int64 (count,), a name for each label."""

    pixels: np.ndarray
    labels: np.ndarray
    names: tuple[str, ...]


@dataclass(frozen=True)
class AudioClips:
    """clips float32 (samples,) in [-1, 1], labels int64 (count,), names, Hz, and who speaks in each clip."""

    clips: list[np.ndarray]
    labels: np.ndarray
    names: tuple[str, ...]
    sample_rate: int
    speakers: tuple[str, ...]


@dataclass(frozen=True)
class Text:
    """symbols uint8 (length,): bytes, or indices into `alphabet`."""

    symbols: np.ndarray
    alphabet: str


@dataclass(frozen=True)
class Pronunciations:
    """Words in small letters, and the ways to say each, the commonest first, as phones of ARPAbet."""

    words: tuple[str, ...]
    phones: tuple[tuple[tuple[str, ...], ...], ...]


@dataclass(frozen=True)
class AlignedSpeech:
    """Sentences and where each of their phones ends: symbols and places of each sentence as
    `adr_runtime.spoken_text.phones` has them, `ends` int64 (symbols,) in samples, the recordings, Hz, who speaks each
    sentence, and the folder that all came from."""

    texts: tuple[str, ...]
    symbols: tuple[tuple[str, ...], ...]
    places: tuple[tuple[int, ...], ...]
    ends: tuple[np.ndarray, ...]
    files: tuple[Path, ...]
    sample_rate: int
    speakers: tuple[str, ...]
    folder: Path


LabelledData = Images | AudioClips
Dataset = LabelledData | Text | Pronunciations | AlignedSpeech


def level(data: AudioClips, loudness: float) -> AudioClips:
    """Every clip at the root mean square `loudness`, or as near as a peak of 1 allows; silent clips stay."""
    clips = []
    for clip in data.clips:
        rms, peak = float(np.sqrt(np.mean(np.square(clip)))), float(np.abs(clip).max())
        clips.append(clip * np.float32(min(loudness / rms, 1 / peak)) if rms else clip)
    return replace(data, clips=clips)
