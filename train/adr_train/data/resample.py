"""Sound at another sample rate."""

from dataclasses import replace
from functools import cache

import torch
from torchaudio.transforms import Resample

from adr_train.data.types import AudioClips


@cache
def resampler(rate: int, sample_rate: int) -> Resample:
    """Takes samples at one rate to another, by windowed sinc interpolation."""
    # A filter of twice the usual width: no images of the lower band are left in the upper one.
    return Resample(rate, sample_rate, lowpass_filter_width=12)


def resampled(data: AudioClips, sample_rate: int) -> AudioClips:
    """Every clip at `sample_rate` Hz, cut off at [-1, 1]; the same data if it is there
    already."""
    if data.sample_rate == sample_rate:
        return data
    resample = resampler(data.sample_rate, sample_rate)
    clips = [resample(torch.from_numpy(clip)).clamp(-1.0, 1.0).numpy() for clip in data.clips]
    return replace(data, clips=clips, sample_rate=sample_rate)
