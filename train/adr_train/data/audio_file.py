"""Reading one recording, of a data set or of one's own."""

from pathlib import Path

import numpy as np
import soundfile
from adr_runtime.errors import ADRError

from adr_train.data.resample import resampler
from adr_train.errors import TrainError


def read_audio(path: Path, sample_rate: int) -> np.ndarray:
    """float32 (samples,) in [-1, 1]. A file that is unreadable, empty, not mono, at another rate or not finite
    raises TrainError that names it."""
    samples, rate = decode(path)
    if rate != sample_rate:
        raise TrainError(f"{path}: at {rate} Hz; the data set is at {sample_rate} Hz")
    if samples.shape[1] != 1:
        raise TrainError(f"{path}: has {samples.shape[1]} channels; the data set is mono")
    if not len(samples):
        raise TrainError(f"{path}: holds no samples; fetch it again")
    clip: np.ndarray = samples[:, 0]
    return clip


def read_mono(path: Path, seconds: float) -> tuple[np.ndarray, int]:
    """The mean of all channels, float32 (samples,), and Hz; of a file that is longer than `seconds`, one sample more
    than they have. Raises TrainError for one that is unreadable, empty or not finite."""
    samples, rate = decode(path, seconds)
    if not len(samples):
        raise TrainError(f"{path}: holds no samples")
    mono: np.ndarray = samples.mean(1)
    return mono, rate


def decode(path: Path, seconds: float | None = None) -> tuple[np.ndarray, int]:
    """float32 (samples, channels), and Hz."""
    try:
        with soundfile.SoundFile(path) as file:
            most = -1 if seconds is None else int(seconds * file.samplerate) + 1
            samples, rate = file.read(most, dtype="float32", always_2d=True), file.samplerate
    except (OSError, RuntimeError) as error:
        raise TrainError(f"{path}: not a readable sound file: {' '.join(str(error).split())}") from error
    if not np.isfinite(samples).all():
        raise TrainError(f"{path}: holds samples that are not finite")
    return samples, rate


def at_rate(path: Path, samples: np.ndarray, rate: int, sample_rate: int) -> np.ndarray:
    """What was read of a file, brought from its rate to another one and to [-1, 1]. Raises TrainError that names it for
    rates that have too little in common."""
    try:
        return samples.clip(-1.0, 1.0) if rate == sample_rate else resampler(rate, sample_rate)(samples)
    except ADRError as error:
        raise TrainError(f"{path}: {error}") from error
