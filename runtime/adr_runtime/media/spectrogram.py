"""Sound as a picture: its waveform above its mel spectrogram, drawn with NumPy and Pillow alone."""

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from adr_runtime.media.images import write_picture

WIDTH, WAVE, BANDS = 900, 120, 96
DECIBELS = 70.0
# Black, purple, red, orange, white: dark to light, in the order of growing loudness.
COLOURS = np.array([[5, 5, 20], [70, 20, 110], [180, 50, 90], [250, 150, 60], [255, 250, 220]], np.float64)
INK, PAPER = (31, 80, 140), 255


def mel_filters(bands: int, window: int, sample_rate: int) -> np.ndarray:
    """Triangles float64 (window / 2 + 1, bands), evenly spaced on the mel scale 2595 log10(1 + f / 700)."""
    top = 2595 * np.log10(1 + sample_rate / 2 / 700)
    edges = 700 * (10 ** (np.linspace(0, top, bands + 2) / 2595) - 1)
    frequency = np.linspace(0, sample_rate / 2, window // 2 + 1)[:, None]
    rising = (frequency - edges[:-2]) / np.diff(edges[:-1])
    falling = (edges[2:] - frequency) / np.diff(edges[1:])
    return np.clip(np.minimum(rising, falling), 0, None)


def mel_spectrogram(samples: np.ndarray, sample_rate: int, frames: int, bands: int = BANDS) -> np.ndarray:
    """Decibels float64 (frames, bands) of samples (samples,), frames evenly spaced from first to last."""
    window = 1 << max(int(np.ceil(np.log2(sample_rate * 0.03))), 1)
    starts = np.linspace(0, len(samples), frames).astype(int)
    # Silence lies before and behind; only what the windows see is copied.
    index = starts[:, None] + np.arange(window) - window // 2
    heard = np.where((index >= 0) & (index < len(samples)), samples[np.clip(index, 0, len(samples) - 1)], 0)
    pieces = np.nan_to_num(heard.astype(np.float64)) * np.hanning(window)
    power = np.abs(np.fft.rfft(pieces)) ** 2 @ mel_filters(bands, window, sample_rate)
    decibels: np.ndarray = 10 * np.log10(power + 1e-10)
    return decibels


def draw(samples: np.ndarray, sample_rate: int) -> np.ndarray:
    """uint8 (height, width, 3)."""
    loudness = mel_spectrogram(samples, sample_rate, WIDTH)
    level = np.clip((loudness - loudness.max()) / DECIBELS + 1, 0, 1).T[::-1].repeat(2, 0)
    scale = np.linspace(0, 1, len(COLOURS))
    spectrum = np.stack([np.interp(level, scale, COLOURS[:, i]) for i in range(3)], -1).astype(np.uint8)
    wave = np.full((WAVE, WIDTH, 3), PAPER, np.uint8)
    edges = np.linspace(0, len(samples), WIDTH + 1).astype(int)
    for x, (a, b) in enumerate(pairwise(edges)):
        part = np.clip(np.nan_to_num(samples[a : max(b, a + 1)]), -1, 1)
        low, high = (part.min(), part.max()) if len(part) else (0.0, 0.0)
        top, bottom = ((1 - v) / 2 * (WAVE - 1) for v in (high, low))
        wave[int(top) : int(bottom) + 1, x] = INK
    return np.concatenate([wave, spectrum])


def write_plot(path: Path, samples: np.ndarray, sample_rate: int, provenance: Mapping[str, Any]) -> None:
    """samples (samples,) -> PNG."""
    write_picture(path, draw(samples, sample_rate), provenance)
