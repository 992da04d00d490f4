"""Audio, token by token: clips, endless streams, and what comes after a recording."""

from collections.abc import Sequence
from typing import Unpack

import numpy as np

from adr_runtime.causal.clips import generate_clips
from adr_runtime.causal.codec import checked_samples, reconstruct
from adr_runtime.causal.config import GenerationConfig, GenerationOptions, Label, Settings, label_index, label_rows
from adr_runtime.causal.controls import Controls
from adr_runtime.causal.generator import TokenGenerator
from adr_runtime.causal.manifest import AudioSpec
from adr_runtime.causal.model import CausalModel
from adr_runtime.causal.playlist import LONGEST, MAX_PAUSE, MAX_WORDS, Playlist
from adr_runtime.causal.stream import Stream, resume
from adr_runtime.causal.stream_header import MAX_CHUNK
from adr_runtime.errors import InputError
from adr_runtime.limits import check_samples, real_number, whole_number
from adr_runtime.media.audio import Audio

# Tokens of a chunk where nobody waits for the first one.
WHOLE_CHUNK = 64
FOREVER = 1e9


class AudioModel(CausalModel):
    """Generates audio. What changes while it does lives in a `Stream`."""

    KIND = "audio"

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
        prompt: np.ndarray | None = None, controls: Controls | None = None, **options: Unpack[GenerationOptions],
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
            **options: The fields of `GenerationConfig`.

        Returns:
            `Audio`, one clip for each row. Equal seeds give equal samples, row by row, for any count.

        Raises:
            ADRError: In one line that says what to do.

        Example:
            >>> audio = adr_runtime.AudioModel.load("speech-digits").generate(label="seven", seed=1)
            >>> audio.save("seven.wav")
        """
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
        pause: float = 0.15, controls: Controls | None = None, **options: Unpack[GenerationOptions],
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
        if not 0 <= real_number(pause, "pause") <= MAX_PAUSE:
            raise InputError(f"pause must be from 0 to {MAX_PAUSE} seconds, not {pause:g}")
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
