"""Sound at another sample rate."""

from dataclasses import replace

import torch
from torchaudio.transforms import Resample

from adr_train.data.types import AudioClips


def resampled(data: AudioClips, sample_rate: int) -> AudioClips:
    """Every clip at `sample_rate` Hz, by windowed sinc interpolation, cut off at [-1, 1]; the same data if it is there
    already."""
    if data.sample_rate == sample_rate:
        return data
    # A filter of twice the usual width: no images of the lower band are left in the upper one.
    resample = Resample(data.sample_rate, sample_rate, lowpass_filter_width=12)
    clips = [resample(torch.from_numpy(clip)).clamp(-1.0, 1.0).numpy() for clip in data.clips]
    return replace(data, clips=clips, sample_rate=sample_rate)
