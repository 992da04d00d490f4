"""Sounds whose pitch, loudness and resonance are known."""

import numpy as np


def vowel(hertz, seconds=1.0, rate=16000):
    """Harmonics of a pitch that fall by 6 dB an octave, and a resonance at 700 Hz."""
    time, harmonics = np.arange(int(seconds * rate)) / rate, np.arange(1, int(7000 / hertz))[:, None]
    heights = 1 / harmonics + 2 * np.exp(-(((harmonics * hertz - 700) / 150) ** 2))
    return (0.02 * (heights * np.sin(2 * np.pi * hertz * harmonics * time)).sum(0)).astype(np.float32)
