"""What a vocoder says of recordings, by WORLD (Morise, Yokomori and Ozawa 2016, IEICE Transactions E99-D 7)."""

import numpy as np
from adr_models.tokens.source_filter import PITCH
from adr_models.tokens.vocoder import PITCH_WEIGHT, VocoderConfig

from adr_train.errors import TrainError

# How far DIO's pitch may jump from frame to frame; WORLD's own 0.1 loses the beginnings of vowels.
JUMP = 0.2
# Voices begin and end softly, where DIO finds no pitch: up to so many seconds beside one it is taken to go on, and
# D4C says whether there is a voice at all.
BESIDE = 0.064
# What has less of the sound than this part (nats) is not heard beside the rest; nor is what is quieter than this.
LEAST, QUIETEST = -4.0, -9.0


def frame_values(clip: np.ndarray, config: VocoderConfig) -> np.ndarray:
    """clip float32 (samples,) in [-1, 1] -> float32 (samples // hop, values), as `adr_models.tokens.vocoder` has them:
    frame i is about the end of its hop. Raises TrainError where pyworld is missing."""
    try:
        import pyworld
    except ImportError as error:
        raise TrainError("voices are taken apart by WORLD: pip install '.[voices]'") from error
    # A hop more than there is: WORLD rounds the number of its frames down.
    samples, rate = np.pad(clip.astype(np.float64), (0, config.hop)), config.sample_rate
    rough, times = pyworld.dio(samples, rate, frame_period=1000 * config.hop / rate, allowed_range=JUMP)
    everywhere, near = carried_on(pyworld.stonemask(samples, rough, times, rate), round(BESIDE * rate / config.hop))
    pitch = pyworld.stonemask(samples, np.where(near, everywhere, 0.0), times, rate)
    everywhere, _ = carried_on(pitch, 0)
    envelope = np.maximum(0.5 * np.log(pyworld.cheaptrick(samples, pitch, times, rate) + 1e-12), QUIETEST)
    noise = pyworld.d4c(samples, pitch, times, rate)
    noise[pitch == 0] = 1.0
    shares = (0.5 * np.log(np.maximum(1 - noise**2, 1e-12)), np.log(np.maximum(noise, 1e-12)))
    parts = [
        PITCH_WEIGHT * np.log2(everywhere / PITCH)[:, None], real_cepstrum(envelope, config.cepstrum),
        *(real_cepstrum(np.maximum(share, LEAST), config.balance) for share in shares),
    ]  # fmt: skip
    # What belongs to the time 0 is of no frame.
    return np.concatenate(parts, 1)[1 : 1 + len(clip) // config.hop].astype(np.float32)


def carried_on(pitch: np.ndarray, frames: int) -> tuple[np.ndarray, np.ndarray]:
    """A pitch (frames,) that is 0 where there is none, with straight lines in its gaps; and what lies within so many
    frames of where there was one."""
    voiced, places = pitch > 0, np.arange(len(pitch))
    if not voiced.any():
        return np.full(len(pitch), PITCH), voiced
    near = np.convolve(voiced, np.ones(2 * frames + 1), "same") > 0 if len(pitch) > 2 * frames else voiced
    return np.interp(places, places[voiced], pitch[voiced]), near


def real_cepstrum(logarithms: np.ndarray, count: int) -> np.ndarray:
    """Log amplitudes (frames, bins) -> the first coefficients (frames, count) of the filter of minimum phase."""
    cepstrum: np.ndarray = np.fft.irfft(logarithms, axis=-1)[:, :count]
    cepstrum[:, 1:] *= 2
    return cepstrum
