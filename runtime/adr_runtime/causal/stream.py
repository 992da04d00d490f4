"""A stream of audio: all the state of one generation, which can be saved, restored elsewhere, and forked."""

from dataclasses import replace
from typing import Any

import numpy as np

from adr_runtime.causal.codec import PIECE, checked_samples, encode, encoder
from adr_runtime.causal.controls import Controls, checked_controls
from adr_runtime.causal.generator import GenerationState, TokenGenerator
from adr_runtime.causal.playlist import Playlist
from adr_runtime.causal.stream_header import Header
from adr_runtime.causal.stream_state import cache_length, pack_state, unpack_state
from adr_runtime.errors import InputError
from adr_runtime.inference.opening import OpenBundle
from adr_runtime.media.audio import Audio

# How many rows take in a whole piece of a prompt at a time.
ROWS = 16


class Stream:
    """Iterator of chunks float32 (count, samples) of `chunk_tokens` tokens each; constant memory however long it runs.

    `prompt` is the part of an audio prompt that comes before the first chunk (the decoder's delay overlaps the two).
    `playlist` changes the label where a word is over, and ends the stream after the last one.
    A stream belongs to one thread at a time; different streams of one model may run at once.
    """

    def __init__(
        self, generator: TokenGenerator, state: GenerationState, limit: int | None, chunk_tokens: int,
        playlist: Playlist | None = None, emitted: int = 0,
    ):  # fmt: skip
        self.generator, self.progress = generator, state
        self.limit, self.chunk_tokens, self.playlist, self.emitted = limit, chunk_tokens, playlist, emitted
        self.skip = generator.audio.delay
        self.prompt: np.ndarray | None = None

    @property
    def seed(self) -> int:
        """The seed that makes the same again."""
        return self.generator.settings.seed

    @property
    def provenance(self) -> dict[str, Any]:
        """Where its audio comes from, as files carry it."""
        names = [*self.generator.manifest.labels, None]
        words = [names[i] for i in self.playlist.labels] if self.playlist else None
        return self.generator.provenance(words)

    def continue_from(self, prompt: np.ndarray | None) -> "Stream":
        """Prefill with audio float (samples,); its last `delay` samples are emitted again, joined to what follows."""
        if prompt is None:
            return self
        audio, batch = self.generator.audio, self.generator.batch
        session = encoder(self.generator.sessions, self.generator.manifest)
        prompt = checked_samples(prompt, "the prompt")
        usable = len(prompt) // audio.hop * audio.hop
        if not usable:
            name = self.generator.manifest.name
            raise InputError(f"the prompt has {len(prompt)} samples; {name} needs at least {audio.hop}")
        prompt = prompt[len(prompt) - usable :]
        # Memory is that of one piece, however long the prompt: the rows share what ROWS of them may take at a time.
        length = max(PIECE * ROWS // max(batch, ROWS), 1)
        for tokens in encode(session, self.generator.manifest, prompt):
            for a in range(0, tokens.shape[1], length):
                part = np.repeat(tokens[:, a : a + length], batch, 0)
                self.generator.prefill(self.progress, part)
                self.generator.decode(self.progress, part)
        self.prompt, self.skip = prompt[: usable - audio.delay], 0
        if self.limit is not None:
            self.limit += audio.delay
        return self

    def __iter__(self) -> "Stream":
        return self

    @property
    def over(self) -> bool:
        """Whether nothing comes any more, unless `extend` says what."""
        ended = self.limit is not None and self.emitted >= self.limit
        ended |= self.progress.controls is not None and not self.progress.controls.shape[1]
        return ended or (self.playlist is not None and self.playlist.done)

    def __next__(self) -> np.ndarray:
        """The next chunk (count, samples)."""
        while not self.over:
            samples = self.emit(self.generator.decode(self.progress, np.stack(self.tokens(), 1)))
            if samples.shape[1]:
                return samples
        raise StopIteration

    @property
    def most(self) -> int:
        """Samples that a stream with a limit, or with controls, has at most."""
        known, limits = self.progress.controls, [] if self.limit is None else [self.limit]
        if known is not None:
            limits.append(int(known.shape[1]) * self.generator.audio.hop)
        return min(limits)

    def emit(self, samples: np.ndarray) -> np.ndarray:
        """What of the samples (count, samples) that were decoded is heard: nothing of the delay, nothing behind the
        limit."""
        samples, self.skip = samples[:, self.skip :], max(self.skip - samples.shape[1], 0)
        if self.limit is not None:
            samples = samples[:, : self.limit - self.emitted]
        self.emitted += samples.shape[1]
        return samples

    def tokens(self) -> list[np.ndarray]:
        """The tokens of the next chunk, no more than are needed."""
        count = self.chunk_tokens
        if self.limit is not None:
            count = min(count, -(-(self.limit - self.emitted + self.skip) // self.generator.audio.hop))
        tokens: list[np.ndarray] = []
        if self.progress.controls is not None:
            count = min(count, self.progress.controls.shape[1])
        while len(tokens) < count and not (self.playlist and self.playlist.done):
            tokens.append(self.generator.next_token(self.progress))
            self.turn()
        return tokens

    def turn(self) -> None:
        """Behind a token: begin the next word where this one is over."""
        if self.playlist and self.playlist.advance(bool(self.progress.finished.all())):
            self.generator.restart(self.progress, (self.playlist.label,) * self.generator.batch)

    def extend(self, controls: Controls) -> "Stream":
        """Say what the tokens are told that come behind those whose controls are known; the stream ends with the last
        of them. Raises InputError."""
        told = checked_controls(self.generator.manifest, controls, self.generator.batch)
        known = self.progress.controls
        self.progress.controls = told if known is None else np.concatenate([known, told], 1)
        return self

    def collect(self) -> Audio:
        """All of a stream that ends, behind its prompt, as clips; chunks that were taken before are not in them.
        Raises InputError for an endless stream."""
        endless = self.progress.controls is None and (self.playlist is None or self.playlist.cycle)
        if self.limit is None and endless:
            raise InputError("an endless stream cannot be collected; give seconds, or a playlist without cycle")
        return self.as_audio(list(self))

    def as_audio(self, chunks: list[np.ndarray]) -> Audio:
        """Clips out of chunks of this stream (count, samples), behind the prompt."""
        batch = self.generator.batch
        if self.prompt is not None:
            chunks = [np.broadcast_to(self.prompt, (batch, len(self.prompt))), *chunks]
        samples = np.concatenate([np.zeros((batch, 0), np.float32), *chunks], 1)
        lengths = (samples.shape[1],) * len(samples)
        return Audio(samples, self.generator.audio.sample_rate, self.seed, lengths, self.provenance)

    def fork(self) -> "Stream":
        """An independent stream that goes on from here."""
        playlist = replace(self.playlist) if self.playlist else None
        fork = Stream(self.generator, self.progress.copy(), self.limit, self.chunk_tokens, playlist, self.emitted)
        fork.skip, fork.prompt = self.skip, self.prompt
        return fork

    def state(self) -> bytes:
        """Everything needed to go on, in this process or another: `AudioModel.resume` takes it back. The format is that
        of `adr_runtime.causal.stream_state`."""
        generator, state = self.generator, self.progress
        header = Header(
            generator.opened.bundle.hash, generator.settings, state.position, cache_length(generator.manifest, state),
            state.labels, tuple(state.finished.tolist()), self.limit, self.chunk_tokens, self.emitted, self.skip,
            self.playlist, None if state.controls is None else state.controls.shape[1],
        )  # fmt: skip
        return pack_state(header, generator.manifest, state)


def resume(state: bytes, opened: OpenBundle) -> Stream:
    """The stream of `Stream.state()`. Raises ADRError for anything else."""
    header, generator, progress = unpack_state(state, opened)
    stream = Stream(generator, progress, header.limit, header.chunk_tokens, header.playlist, header.emitted)
    stream.skip = header.skip
    return stream
