"""Audio, token by token: clips, endless streams, and what comes after a recording."""

from collections.abc import Iterable, Sequence
from typing import Unpack

import numpy as np

from adr_runtime.causal.clips import generate_clips
from adr_runtime.causal.codec import checked_samples, reconstruct
from adr_runtime.causal.config import GenerationConfig, GenerationOptions, Label, Settings, label_index, label_rows
from adr_runtime.causal.controls import Controls
from adr_runtime.causal.generator import TokenGenerator
from adr_runtime.causal.manifest import AudioSpec
from adr_runtime.causal.model import CausalModel
from adr_runtime.causal.playlist import LONGEST, MAX_WORDS, PAUSE, Playlist
from adr_runtime.causal.speech import Speech
from adr_runtime.causal.stream import Stream, resume
from adr_runtime.causal.stream_header import MAX_CHUNK
from adr_runtime.errors import InputError
from adr_runtime.inference.opening import OpenBundle
from adr_runtime.limits import check_samples, real_number, whole_number
from adr_runtime.media.audio import Audio, Tell
from adr_runtime.philox import checked_seed
from adr_runtime.spoken_text.durations import check_dials
from adr_runtime.spoken_text.front_end import SpokenText
from adr_runtime.spoken_text.numbers import engine_class
from adr_runtime.spoken_text.timing import timed_sentences

# Tokens of a chunk where nobody waits for the first one.
WHOLE_CHUNK = 64
FOREVER = 1e9


class AudioModel(CausalModel):
    """Generates audio. What changes while it does lives in a `Stream`."""

    KIND = "audio"

    def __init__(self, opened: OpenBundle):
        super().__init__(opened)
        spec = self.manifest.spoken_text
        self.front_end = SpokenText.inside(opened.bundle, spec, opened.threads) if spec else None

    @property
    def speaks(self) -> bool:
        """Whether it speaks text."""
        return self.front_end is not None

    @property
    def spec(self) -> AudioSpec:
        assert self.manifest.audio is not None
        return self.manifest.audio

    @property
    def sample_rate(self) -> int:
        """Hz."""
        return self.spec.sample_rate

    def generate(
        self, *, label: Label | Sequence[Label] = None, count: int | None = None, seconds: float | None = None,
        prompt: np.ndarray | None = None, controls: Controls | None = None, text: str | Iterable[str] | None = None,
        speed: float = 1.0, pause: float | None = None, **options: Unpack[GenerationOptions],
    ) -> Audio:  # fmt: skip
        """Generate clips.

        Args:
            label: One label for all, or a sequence with one for each clip; None is unconditional.
            count: How many; one unless given, or as many as there are labels.
            seconds: How long. Unless given, a clip goes on until the model says that it is over, or for the bundle's
                default time where it cannot say, or behind a prompt.
            prompt: Float32 samples (samples,) at the model's rate, with which the clips begin; a leading rest that does
                not fill a token is dropped, and `seconds` counts what comes after.
            controls: Of models that have them (`model.manifest.controls`): classes by the name of each control, one for
                each token, the same for every clip (tokens,) or a row each (clips, tokens). The clips have as many
                tokens, less the decoder's delay.
            text: What a model that speaks text is to say, in one clip, as `speak` takes it; when each word is heard
                comes as `Audio.words`.
            speed: Of a text, as `speak` takes it.
            pause: The same.
            **options: The fields of `GenerationConfig`.

        Returns:
            `Audio`, one clip for each row. Equal seeds give equal samples, row by row, for any count.

        Raises:
            ADRError: In one line that says what to do.

        Example:
            >>> audio = adr_runtime.AudioModel.load("speech-digits").generate(label="seven", seed=1)
            >>> audio.save("seven.wav")
        """
        if text is not None:
            if not all(other is None for other in (label, count, seconds, prompt, controls)):
                raise InputError("a text takes the place of label, count, seconds, prompt and controls; leave them out")
            return self.speak(text, speed=speed, pause=pause, chunk_tokens=WHOLE_CHUNK, **options).collect()
        if speed != 1 or pause is not None:
            raise InputError("speed and pause go with a text; leave them out")
        settings = GenerationConfig(**options).resolve(self.manifest, label_rows(label, count))
        if seconds is None and prompt is None and controls is None and self.manifest.ends:
            generator = TokenGenerator(self.opened, settings)
            samples, lengths = generate_clips(generator)
            return Audio(samples, self.sample_rate, settings.seed, lengths, generator.provenance())
        if seconds is None and controls is None:
            seconds = self.manifest.defaults.seconds
        stream = self.start(settings, seconds, WHOLE_CHUNK)
        if controls is not None:
            stream.extend(controls)
        check_samples(len(settings.labels), stream.most + (0 if prompt is None else np.size(prompt)))
        return stream.continue_from(prompt).collect()

    def stream(
        self, *, label: Label | Sequence[Label] = None, count: int | None = None, seconds: float | None = None,
        prompt: np.ndarray | None = None, chunk_tokens: int = 1, playlist: Sequence[Label] = (), cycle: bool = False,
        pause: float = PAUSE, controls: Controls | None = None, **options: Unpack[GenerationOptions],
    ) -> Stream:  # fmt: skip
        """Generate chunk by chunk, in constant memory however long it goes on.

        Args:
            label, count, prompt, controls, **options: As those of `generate`. `Stream.extend` gives more controls, also
                to a stream that has come to the end of those it had.
            seconds: How long; endless unless `seconds`, `playlist` or `controls` is given.
            chunk_tokens: Tokens of each chunk.
            playlist: Labels to say one after the other, each until it is over; takes the place of label and count.
            cycle: Whether the playlist begins again after its end.
            pause: Seconds behind each word of a playlist.

        Returns:
            `Stream`, an iterator of chunks float32 (count, samples).

        Raises:
            ADRError: In one line that says what to do.

        Example:
            >>> for chunk in model.stream(playlist=["three", "one"], cycle=True, seed=2):
            ...     player.write(chunk[0])
        """
        words = self.playlist(playlist, cycle, pause) if len(playlist) else None
        if words and (label is not None or count is not None):
            raise InputError("a playlist takes the place of label and count; leave them out")
        rows = label_rows(words.label if words else label, count)
        settings = GenerationConfig(**options).resolve(self.manifest, rows)
        stream = self.start(settings, seconds, chunk_tokens, words)
        if controls is not None:
            stream.extend(controls)
        return stream.continue_from(prompt)

    def speak(
        self, text: str | Iterable[str], *, speed: float = 1.0, pause: float | None = None, chunk_tokens: int = 1,
        tell: Tell = lambda words: None, **options: Unpack[GenerationOptions],
    ) -> Speech:  # fmt: skip
        """Speak a text sentence after sentence, in constant memory however long it is.

        Args:
            text: English, whole or in pieces as they arrive, such as the lines of an open file.
            speed: 2 is twice as fast.
            pause: Seconds between sentences; the model's own unless given.
            chunk_tokens: Tokens of each chunk, of which the last one of a sentence may have fewer.
            tell: Called with the words of each sentence (`adr_runtime.Word`) when it is begun.
            **options: The fields of `GenerationConfig`. Without a speaker the seed chooses one.

        Returns:
            `Speech`, an iterator of chunks float32 (1, samples).

        Raises:
            ADRError: In one line that says what to do. What a whole text has that cannot be said is told at once, and
                of pieces when they come to it.

        Example:
            >>> for chunk in model.speak(open("story.txt"), speaker="ann", speed=1.2):
            ...     player.write(chunk[0])
        """
        if self.front_end is None:
            raise InputError(f"{self.name} speaks no text; one that does was exported with adr-export --text")
        check_dials(speed, pause)
        engine_class()
        options["seed"] = checked_seed(options.get("seed"))
        if options.get("speaker") is None and self.speakers:
            options["speaker"] = int(np.random.default_rng(options["seed"]).integers(len(self.speakers)))
        settings = GenerationConfig(**options).resolve(self.manifest)
        if isinstance(text, str):
            self.front_end.check(text)
        speaker = [*self.speakers, None][settings.speakers[0]]
        sentences = timed_sentences(self.front_end, text, self.spec.hop / self.sample_rate, speed, pause, speaker)
        about = {"speaker": speaker, "speed": float(speed)} | ({} if pause is None else {"pause": float(pause)})
        return Speech(self.start(settings, None, chunk_tokens), sentences, about, tell)

    def start(
        self, settings: Settings, seconds: float | None, chunk_tokens: int, playlist: Playlist | None = None
    ) -> Stream:
        """A stream from nothing, endless without `seconds` and `playlist`. Raises InputError."""
        if seconds is not None and not 0 < real_number(seconds, "seconds") < FOREVER:
            raise InputError(f"seconds must be more than 0 and finite, not {seconds:g}")
        chunk_tokens = whole_number(chunk_tokens, "chunk_tokens")
        if not 1 <= chunk_tokens <= MAX_CHUNK:
            raise InputError(f"chunk_tokens must be from 1 to {MAX_CHUNK}, not {chunk_tokens}")
        limit = None if seconds is None else max(round(seconds * self.sample_rate), 1)
        chunk = chunk_tokens * self.spec.hop
        check_samples(len(settings.labels), min(chunk, limit or chunk))
        generator = TokenGenerator(self.opened, settings)
        return Stream(generator, generator.start(), limit, chunk_tokens, playlist)

    def playlist(self, labels: Sequence[Label], cycle: bool, pause: float) -> Playlist:
        if not self.manifest.ends:
            raise InputError(f"{self.name} does not say where a word is over, so it cannot speak one after the other")
        check_dials(1.0, pause)
        if len(labels) > MAX_WORDS:
            raise InputError(f"a playlist has up to {MAX_WORDS} words, not {len(labels)}")
        rate = self.sample_rate / self.spec.hop
        indices = tuple(label_index(self.manifest, label) for label in labels)
        return Playlist(indices, round(pause * rate), max(round(LONGEST * rate), 1), cycle)

    def resume(self, state: bytes) -> Stream:
        """The stream that `Stream.state()` saved, in this process or another. Raises ADRError if it is not this
        bundle's."""
        if not isinstance(state, bytes | bytearray | memoryview):
            raise InputError(f"a state is bytes, not {type(state).__name__}")
        return resume(bytes(state), self.opened)

    def reconstruct(self, samples: np.ndarray) -> np.ndarray:
        """Audio float (samples,) to tokens and back, as long as it was: what of it the model can express at best."""
        return reconstruct(self.sessions, self.manifest, checked_samples(samples, "samples"))
