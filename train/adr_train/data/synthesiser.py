"""What speech synthesisers give: a sentence's samples with the end of every phone."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Segment:
    """A phone by the synthesiser's name, its end in seconds, whether its syllable is stressed, and which word of the
    sentence it belongs to, counted from 0; a pause belongs to none."""

    name: str
    end: float
    stressed: bool
    word: int | None


@dataclass(frozen=True)
class Spoken:
    """samples int16 (length,), Hz, the segments in order, and the words as they are said."""

    samples: np.ndarray
    sample_rate: int
    segments: tuple[Segment, ...]
    words: tuple[str, ...]
