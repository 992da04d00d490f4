"""Several words in one stream, one after the other, each until the model says that it is over."""

from dataclasses import dataclass

# A word that never ends would keep all others waiting.
LONGEST = 3.0
# Seconds behind a word.
PAUSE = 0.15
# Labels in one playlist, and tokens of a pause or a word: a minute at the highest rate.
MAX_WORDS, MAX_WORD_TOKENS = 1 << 16, 1 << 26


@dataclass
class Playlist:
    """Which label a stream is at. `pause` tokens are made behind each word, at most `longest` of a word; `cycle`
    begins again after the last one. `word`, `made` and `quiet` change: words begun before, tokens of this word, and
    those of them since its end."""

    labels: tuple[int, ...]
    pause: int
    longest: int
    cycle: bool
    word: int = 0
    made: int = 0
    quiet: int = 0

    @property
    def label(self) -> int:
        return self.labels[self.word % len(self.labels)]

    @property
    def done(self) -> bool:
        return not self.cycle and self.word >= len(self.labels)

    def advance(self, finished: bool) -> bool:
        """Count a token, which came after the word's end if that is `finished`. -> whether another word is to begin, or
        all is done."""
        self.made += 1
        self.quiet += bool(finished or self.quiet)
        if self.quiet <= self.pause and self.made < self.longest:
            return False
        self.word, self.made, self.quiet = self.word + 1, 0, 0
        return True
