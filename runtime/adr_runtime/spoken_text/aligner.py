"""Which sound is heard at each moment of a recording, by the graph `align`: what a voice's training takes to find where
the phones of a text end in somebody's speech."""

import numpy as np

from adr_runtime.errors import InputError
from adr_runtime.inference.session import Session
from adr_runtime.spoken_text.phones import CONSONANTS, INDEX, PAUSES, START, VOWELS

# Hz of the recordings, and samples of a frame.
RATE, HOP = 16_000, 160
# What a frame may hold: a pause (number 0), or a phone, whose stress a frame does not tell.
SOUNDS = (START, *CONSONANTS, *VOWELS)
SOUND_OF = {symbol: 0 if symbol in PAUSES else SOUNDS.index(symbol.rstrip("012")) for symbol in INDEX}


class Aligner:
    """The network at work."""

    def __init__(self, session: Session):
        self.session = session

    def log_probabilities(self, samples: np.ndarray) -> np.ndarray:
        """samples float32 (samples,) at `RATE` -> float32 (samples // HOP, sounds): frame i is about the samples from
        i * HOP on. Raises InputError for less than a frame, ADRError where the graph fails."""
        if len(samples) < HOP:
            raise InputError(f"a recording of {len(samples)} samples is too short to find phones in")
        heard: np.ndarray = self.session.run({"samples": samples[None]})["log_probabilities"][0]
        return heard
