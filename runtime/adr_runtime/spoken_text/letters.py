"""Words that no dictionary has, by a network from letters to phones whose outputs are read greedily (CTC, Graves et al.
2006): the likeliest symbol of each slot, equal neighbours as one, blanks left out."""

import numpy as np

from adr_runtime.inference.session import Session
from adr_runtime.spoken_text.lexicon import Phones
from adr_runtime.spoken_text.phones import PHONES

# Begin and end of a word stand around its letters.
BEGIN, END = "^", "$"
LETTERS = (BEGIN, END, "'", *"abcdefghijklmnopqrstuvwxyz")
NUMBERS = {letter: number for number, letter in enumerate(LETTERS)}
# Slots of a letter, and what a slot may hold: nothing (number 0), or a phone.
SLOTS, CLASSES = 2, 1 + len(PHONES)
# Longer words go through the network in pieces.
LONGEST_WORD = 40


def letter_numbers(word: str) -> np.ndarray:
    """The numbers of a word's letters and of what stands around them, int64 (letters + 2,)."""
    return np.array([NUMBERS[letter] for letter in (BEGIN, *word, END)], np.int64)


def read_greedily(log_probabilities: np.ndarray) -> Phones:
    """The phones of one word's slots, float (slots, CLASSES)."""
    best = log_probabilities.argmax(-1)
    kept = best[np.append(True, best[1:] != best[:-1])]
    return tuple(PHONES[number - 1] for number in kept if number)


class LetterSounds:
    """The network at work."""

    def __init__(self, session: Session):
        self.session = session

    def pronounce(self, word: str) -> Phones:
        """The phones of a word of the letters a to z and apostrophes. Raises ADRError where the graph fails."""
        pieces = (word[start : start + LONGEST_WORD] for start in range(0, len(word), LONGEST_WORD))
        return tuple(phone for piece in pieces for phone in self.piece(piece))

    def piece(self, word: str) -> Phones:
        outputs = self.session.run({"letters": letter_numbers(word)[None]})
        return read_greedily(outputs["log_probabilities"][0])
