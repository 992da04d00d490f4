"""A text that is spoken: a stream that is told sentence after sentence what to say."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from adr_runtime.causal.stream import Stream
from adr_runtime.limits import check_samples
from adr_runtime.media.audio import Audio, Tell
from adr_runtime.media.timestamps import Word
from adr_runtime.spoken_text.timing import TimedSentence


class Speech:
    """Iterator of chunks float32 (1, samples) of a text, in constant memory however long it is. The next sentence is
    asked for when all of the last one has been given, but what the decoder's delay keeps back.

    `words` are those of the sentence that was begun last, in seconds from the beginning of all. A speech belongs to one
    thread at a time.
    """

    def __init__(self, stream: Stream, sentences: Iterator[TimedSentence], about: dict[str, Any], tell: Tell):
        self.stream, self.sentences, self.about, self.tell = stream, sentences, about, tell
        self.words: tuple[Word, ...] = ()
        self.tokens, self.over = 0, False
        count = len(stream.generator.manifest.controls)
        self.last = np.zeros((1, count), np.int64)
        # Nothing is known yet; a stream without controls would go on for ever.
        stream.progress.controls = np.zeros((1, 0, count), np.int64)

    @property
    def seed(self) -> int:
        """The seed that makes the same again."""
        return self.stream.seed

    @property
    def provenance(self) -> dict[str, Any]:
        """Where its audio comes from, as files carry it."""
        return self.stream.provenance | self.about

    def __iter__(self) -> "Speech":
        return self

    def __next__(self) -> np.ndarray:
        while True:
            chunk = next(self.stream, None)
            if chunk is not None:
                return chunk
            if self.over:
                raise StopIteration
            self.go_on()

    def go_on(self) -> None:
        """Begin the next sentence; behind the last one, have out what the decoder's delay keeps back."""
        sentence, audio = next(self.sentences, None), self.stream.generator.audio
        if sentence is None:
            self.over, self.stream.limit = True, self.tokens * audio.hop
            controls = self.last.repeat(-(-audio.delay // audio.hop), 0)
        else:
            start = self.tokens * audio.hop / audio.sample_rate
            self.words = tuple(Word(w.word, start + w.start, start + w.end, w.mark) for w in sentence.words)
            controls, self.last = sentence.controls, sentence.controls[-1:]
            self.tokens += len(controls)
            self.tell(self.words)
        self.stream.progress.controls = controls[None]

    def whole(self, seconds: float) -> Stream:
        """All that is left of it as a stream of up to so many seconds, which has been told all that it is to say."""
        stream, controls = self.stream, [self.stream.progress.controls]
        most = round(seconds * stream.generator.audio.sample_rate)
        while not self.over and self.tokens * stream.generator.audio.hop < most:
            self.go_on()
            controls.append(stream.progress.controls)
        stream.progress.controls = np.concatenate([known for known in controls if known is not None], 1)
        stream.limit = min(most, stream.limit or most)
        return stream

    def collect(self) -> Audio:
        """All that is left of it as one clip with its words. Raises InputError where that is too long to be kept in
        memory."""
        words, told = list[Word](), self.tell

        def tell(begun: Sequence[Word]) -> None:
            words.extend(begun)
            told(begun)

        self.tell = tell
        chunks = [np.zeros((1, 0), np.float32)]
        for chunk in self:
            chunks.append(chunk)
            check_samples(1, self.stream.emitted)
        samples = np.concatenate(chunks, 1)
        rate = self.stream.generator.audio.sample_rate
        return Audio(samples, rate, self.seed, (samples.shape[1],), self.provenance, tuple(words))
