"""Sound at another sample rate."""

import math
from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np
import torch
from adr_runtime.media.resampling import resample
from torchaudio.transforms import Resample

from adr_train.data.types import AudioClips

# Weights of a filter: those of rates that have little in common would fill the memory.
MOST_WEIGHTS = 1 << 22


@cache
def resampler(rate: int, sample_rate: int) -> Callable[[np.ndarray], np.ndarray]:
    """Samples float32 (length,) at `rate` Hz -> at `sample_rate` Hz, by windowed sinc interpolation, cut off at
    [-1, 1]. Raises ADRError for rates that have too little in common."""
    shared = math.gcd(rate, sample_rate)
    if (rate // shared) * (sample_rate // shared) > MOST_WEIGHTS:
        return lambda clip: resample(clip, rate, sample_rate).clip(-1.0, 1.0)
    # A filter of twice the usual width: no images of the lower band are left in the upper one.
    filtered = Resample(rate, sample_rate, lowpass_filter_width=12)

    def brought(clip: np.ndarray) -> np.ndarray:
        samples: np.ndarray = filtered(torch.from_numpy(clip)).clamp(-1.0, 1.0).numpy()
        return samples

    return brought


def resampled(data: AudioClips, sample_rate: int) -> AudioClips:
    """Every clip at `sample_rate` Hz; the same data if it is there already."""
    if data.sample_rate == sample_rate:
        return data
    brought = resampler(data.sample_rate, sample_rate)
    return replace(data, clips=[brought(clip) for clip in data.clips], sample_rate=sample_rate)
