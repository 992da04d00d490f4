"""A text as a voice takes it: what each token is told, and when each word is heard."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from adr_runtime.media.timestamps import Word
from adr_runtime.spoken_text.controls import token_controls
from adr_runtime.spoken_text.durations import paced
from adr_runtime.spoken_text.front_end import Sentence, SpokenText
from adr_runtime.spoken_text.phones import PAUSES


@dataclass(frozen=True)
class TimedSentence:
    """`controls` int64 (tokens, K) are what the tokens of a sentence are told (`adr_runtime.spoken_text.controls`);
    `words` are its words, in seconds from its beginning."""

    controls: np.ndarray
    words: tuple[Word, ...]


def timed_sentences(
    front_end: SpokenText, text: str | Iterable[str], token: float, speed: float, pause: float | None,
    speaker: str | None = None,
) -> Iterator[TimedSentence]:  # fmt: skip
    """The sentences of a text for tokens of `token` seconds, each as soon as it is over; `speed` and `pause` are those
    of `paced`, the pace itself the speaker's. The bundle has durations. Raises as `SpokenText.sentences`."""
    assert front_end.durations
    for sentence in front_end.sentences(text):
        typical = front_end.durations.seconds(sentence.symbols, sentence.places, speaker)
        seconds = paced(sentence.symbols, typical, speed, pause)
        controls = token_controls(sentence.symbols, sentence.places, seconds, token)
        yield TimedSentence(controls, timed_words(sentence, seconds))


def timed_words(sentence: Sentence, seconds: np.ndarray) -> tuple[Word, ...]:
    edges = np.append(0.0, np.cumsum(seconds))
    marks = [symbol if symbol in PAUSES else "" for symbol in sentence.symbols]
    return tuple(
        Word(word.text, float(edges[word.first]), float(edges[word.end]), marks[word.end]) for word in sentence.words
    )
