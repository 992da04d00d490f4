"""A stream of sound: all the state of one generation, which can be saved, restored elsewhere, and forked."""

from dataclasses import replace

import numpy as np

from adr_runtime.encoding import PIECE, encoded
from adr_runtime.errors import ADRError
from adr_runtime.manifest import Manifest
from adr_runtime.playlist import Playlist
from adr_runtime.session import Session
from adr_runtime.stream_state import Header, pack_state, past_length, unpack_state
from adr_runtime.walk import Loop, Walk

# How many rows take in a whole piece of a prompt at a time.
ROWS = 16


class Stream:
    """Iterator of float32 chunks of `chunk_tokens` tokens each; constant memory however long it runs.

    `given` is the part of a sound prompt that comes before the first chunk (the decoder's delay overlaps the two).
    `playlist` changes the label where a word is over, and ends the stream after the last one.
    A stream belongs to one thread at a time; different streams of one model may run at once.
    """

    def __init__(
        self,
        loop: Loop,
        walk: Walk,
        bundle: str,
        limit: int | None,
        chunk_tokens: int,
        several: bool,
        emitted: int = 0,
        playlist: Playlist | None = None,
    ):
        self.loop, self.walk, self.bundle = loop, walk, bundle
        self.limit, self.chunk_tokens, self.several, self.emitted = limit, chunk_tokens, several, emitted
        audio = loop.manifest.audio
        assert audio is not None
        self.skip = audio.delay
        self.given: np.ndarray | None = None
        self.playlist = playlist

    def continued_from(self, prompt: np.ndarray | None) -> "Stream":
        """Prefill with sound float (samples,); its last `delay` samples are emitted again, joined to what follows."""
        if prompt is None:
            return self
        audio = self.loop.manifest.audio
        assert audio is not None
        prompt = np.asarray(prompt, np.float32)
        if prompt.ndim != 1 or not np.isfinite(prompt).all():
            raise ADRError(f"the prompt must be finite samples of shape (samples,), not {prompt.shape}")
        whole = len(prompt) // audio.hop * audio.hop
        if not whole:
            raise ADRError(
                f"the prompt has {len(prompt)} samples; {self.loop.manifest.name} needs at least {audio.hop}"
            )
        prompt = prompt[len(prompt) - whole :]
        # Memory is that of one piece, however long the prompt: the rows share what ROWS of them may take at a time.
        length = max(PIECE * ROWS // max(self.loop.batch, ROWS), 1)
        for tokens in encoded(self.loop.sessions["encode"], self.loop.manifest, prompt):
            for a in range(0, tokens.shape[1], length):
                part = np.repeat(tokens[:, a : a + length], self.loop.batch, 0)
                self.loop.prefill(self.walk, part)
                self.loop.decode(self.walk, part)
        self.given, self.skip = prompt[: whole - audio.delay], 0
        if self.limit is not None:
            self.limit += audio.delay
        return self

    def __iter__(self) -> "Stream":
        return self

    def __next__(self) -> np.ndarray:
        """(samples,), or (count, samples) for a stream of several rows."""
        while (self.limit is None or self.emitted < self.limit) and not (self.playlist and self.playlist.done):
            samples = self.loop.decode(self.walk, np.stack(self.tokens(), 1))
            samples, self.skip = samples[:, self.skip :], max(self.skip - samples.shape[1], 0)
            if self.limit is not None:
                samples = samples[:, : self.limit - self.emitted]
            self.emitted += samples.shape[1]
            if samples.shape[1]:
                return samples if self.several else samples[0]
        raise StopIteration

    def tokens(self) -> list[np.ndarray]:
        """The tokens of the next chunk, no more than are needed."""
        count = self.chunk_tokens
        audio = self.loop.manifest.audio
        assert audio is not None
        if self.limit is not None:
            count = min(count, -(-(self.limit - self.emitted + self.skip) // audio.hop))
        made: list[np.ndarray] = []
        while len(made) < count and not (self.playlist and self.playlist.done):
            made.append(self.loop.advance(self.walk))
            if self.playlist and self.playlist.advance(bool(self.walk.over.all())):
                self.loop.restart(self.walk, (self.playlist.label,) * self.loop.batch)
        return made

    def fork(self) -> "Stream":
        """An independent stream that goes on from here."""
        made = Stream(
            self.loop, self.walk.copy(), self.bundle, self.limit, self.chunk_tokens, self.several, self.emitted,
            replace(self.playlist) if self.playlist else None,
        )  # fmt: skip
        made.loop = Loop(self.loop.manifest, self.loop.sessions, self.loop.settings)
        made.skip, made.given = self.skip, self.given
        return made

    def state(self) -> bytes:
        """Everything needed to go on, in this process or another: `Model.resume` takes it back. The format is that of
        `adr_runtime.stream_state`."""
        walk, manifest = self.walk, self.loop.manifest
        header = Header(
            self.bundle, self.loop.settings, walk.position, past_length(manifest, walk), walk.labels,
            tuple(walk.over.tolist()), self.limit, self.chunk_tokens, self.several, self.emitted, self.skip,
            self.playlist,
        )  # fmt: skip
        return pack_state(header, manifest, walk)


def restore(state: bytes, manifest: Manifest, sessions: dict[str, Session], bundle: str) -> Stream:
    """The stream of `Stream.state()`. Raises ADRError for anything else."""
    header, loop, walk = unpack_state(state, manifest, sessions, bundle)
    made = Stream(
        loop, walk, bundle, header.limit, header.chunk_tokens, header.several, header.emitted, header.playlist
    )
    made.skip = header.skip
    return made
