"""Mu-law of ITU-T G.711 on 16-bit samples, in integers only, as places in order: 0 is the most negative of 256 levels.

A magnitude plus 132 has its leading bit at place 7 to 14; that place (8 segments) and the four bits behind it make the
code, so the levels are 8 apart near zero and 1,024 apart at the ends.
"""

import numpy as np

BIAS, LARGEST = 132, 32635


def to_mulaw(samples: np.ndarray) -> np.ndarray:
    """16-bit samples, any integer dtype -> places int64 from 0 to 255, of the same shape."""
    samples = samples.astype(np.int64)
    magnitude = np.minimum(np.abs(samples), LARGEST) + BIAS
    segment = np.searchsorted(1 << np.arange(8, 15), magnitude, side="right")
    code = segment * 16 + ((magnitude >> (segment + 3)) & 15)
    places: np.ndarray = np.where(samples < 0, 127 - code, 128 + code)
    return places


def from_mulaw(places: np.ndarray) -> np.ndarray:
    """Places from 0 to 255 -> the middle of each level, int16, of the same shape."""
    code = np.where(places < 128, 127 - places, places - 128).astype(np.int64)
    segment = code >> 4
    magnitude = ((((code & 15) << 1) + 33) << (segment + 2)) - BIAS
    return np.where(places < 128, -magnitude, magnitude).astype(np.int16)
