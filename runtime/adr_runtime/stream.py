"""A stream of sound: all the state of one generation, which can be saved, restored elsewhere, and forked."""

import io
import json
import zipfile
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from adr_runtime.encoding import PIECE, encoded
from adr_runtime.errors import ADRError
from adr_runtime.manifest import Manifest
from adr_runtime.playlist import Playlist
from adr_runtime.session import Session, to_host
from adr_runtime.walk import Loop, Settings, Walk, initial

STATE_VERSION = 2
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
        """Everything needed to go on, in this process or another: `Model.resume` takes it back."""
        header = {
            "version": STATE_VERSION, "bundle": self.bundle, "settings": asdict(self.loop.settings),
            "position": self.walk.position, "limit": self.limit, "chunk_tokens": self.chunk_tokens,
            "several": self.several, "emitted": self.emitted, "skip": self.skip, "labels": self.walk.labels,
            "over": self.walk.over.tolist(), "playlist": asdict(self.playlist) if self.playlist else None,
        }  # fmt: skip
        arrays = {"token": self.walk.token, **self.walk.backbone, **self.walk.decode}
        buffer = io.BytesIO()
        text = np.frombuffer(json.dumps(header).encode(), np.uint8)
        np.savez(buffer, allow_pickle=False, header=text, **{k: to_host(v) for k, v in arrays.items()})
        return buffer.getvalue()


def restore(state: bytes, manifest: Manifest, sessions: dict[str, Session], bundle: str) -> Stream:
    """The stream of `Stream.state()`; every array is checked against the manifest."""
    try:
        with np.load(io.BytesIO(state), allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        header: dict[str, Any] = json.loads(arrays.pop("header").tobytes())
        if header["version"] != STATE_VERSION:
            raise ADRError(f"the stream's state has version {header['version']}, this runtime reads {STATE_VERSION}")
        if header["bundle"] != bundle:
            raise ADRError(f"the stream's state is of another bundle ({header['bundle'][:12]}…), not {bundle[:12]}…")
        values = header["settings"]
        settings = Settings(**values | {k: tuple(values[k]) for k in ("labels", "speakers")})
        loop = Loop(manifest, sessions, settings)
        walk = loop.start()
        walk.position, walk.token = int(header["position"]), checked(arrays.pop("token"), walk.token, "token")
        walk.labels, walk.over = tuple(header["labels"]), np.array(header["over"], bool)
        for states, graph, rows in (
            (walk.backbone, "backbone", loop.guides * loop.batch),
            (walk.decode, "decode", loop.batch),
        ):
            for spec in manifest.states_of(graph):
                fixed = "past" not in spec.shape
                states[spec.past] = checked(arrays.pop(spec.past), initial(spec, rows), spec.past, fixed)
        if arrays:
            raise ADRError(f"the stream's state holds unknown arrays: {', '.join(sorted(arrays))}")
        indices = [(i, "label") for i in (*walk.labels, *settings.labels)] + [(i, "speaker") for i in settings.speakers]
        if len(walk.labels) != loop.batch or any(not 0 <= i <= loop.null[what] for i, what in indices):
            raise ADRError("the stream's state: labels that the bundle has not")
        walk.given = loop.given(walk.labels)
        words = header["playlist"]
        playlist = Playlist(**words | {"labels": tuple(words["labels"])}) if words else None
        made = Stream(
            loop, walk, bundle, header["limit"], header["chunk_tokens"], header["several"], header["emitted"], playlist
        )
        made.skip = int(header["skip"])
        return made
    except (KeyError, ValueError, TypeError, EOFError, OSError, zipfile.BadZipFile) as error:
        raise ADRError(f"not a stream's state, or damaged: {' '.join(str(error).split())}") from error


def checked(found: np.ndarray, like: np.ndarray, name: str, fixed: bool = True) -> np.ndarray:
    if found.dtype != like.dtype or found.ndim != like.ndim or (fixed and found.shape != like.shape):
        raise ADRError(
            f"the stream's state: {name}: expected {like.dtype} {like.shape}, found {found.dtype} {found.shape}"
        )
    return found
