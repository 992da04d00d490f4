"""Reading one recording of a data set."""

from pathlib import Path

import numpy as np
import soundfile

from adr_train.errors import TrainError


def read_audio(path: Path, sample_rate: int) -> np.ndarray:
    """float32 (samples,) in [-1, 1]. A file that is unreadable, empty, not mono, at another rate or not finite
    raises TrainError that names it."""
    try:
        samples, rate = soundfile.read(str(path), dtype="float32", always_2d=True)
    except (OSError, RuntimeError) as error:
        raise TrainError(f"{path}: not a readable sound file: {' '.join(str(error).split())}") from error
    if rate != sample_rate:
        raise TrainError(f"{path}: at {rate} Hz; the data set is at {sample_rate} Hz")
    if samples.shape[1] != 1:
        raise TrainError(f"{path}: has {samples.shape[1]} channels; the data set is mono")
    if not len(samples):
        raise TrainError(f"{path}: holds no samples; fetch it again")
    if not np.isfinite(samples).all():
        raise TrainError(f"{path}: holds samples that are not finite")
    clip: np.ndarray = samples[:, 0]
    return clip
