"""A loaded bundle: immutable, and safe to share between threads."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from adr_runtime.bundle import Bundle
from adr_runtime.encoding import reconstructed
from adr_runtime.errors import ADRError
from adr_runtime.limits import check_count, check_rows, check_samples
from adr_runtime.manifest import Manifest
from adr_runtime.philox import checked_seed
from adr_runtime.playlist import LONGEST, MAX_WORDS, Playlist
from adr_runtime.session import Session
from adr_runtime.state_rules import MAX_CHUNK
from adr_runtime.stream import Stream, restore
from adr_runtime.walk import Loop, Settings
from adr_runtime.whole import whole_clips, whole_pictures

Label = str | int | None


class Audio(NamedTuple):
    """float32 samples (samples,) or (count, samples), about [-1, 1], at sample_rate Hz. `lengths` are the samples of
    each clip up to its end, where clips end by themselves; zeros follow."""

    samples: np.ndarray
    sample_rate: int
    lengths: tuple[int, ...] = ()


class Images(NamedTuple):
    """uint8 pixels (count, height, width, channels)."""

    pixels: np.ndarray


def index_of(wanted: Label, what: str, names: tuple[str, ...], model: str) -> int:
    if wanted is None:
        return len(names)
    if not names:
        raise ADRError(f"{model} has no {what}s; leave the {what} out")
    if isinstance(wanted, str) and wanted in names:
        return names.index(wanted)
    if not isinstance(wanted, str) and 0 <= wanted < len(names):
        return int(wanted)
    raise ADRError(f"unknown {what} {wanted!r}; {model} knows {', '.join(names)}")


class Model:
    """Generates sound or pictures. All that changes during generation lives in a `Stream`. `provider` is "cpu" or
    "cuda", `provider_note` why "auto" could not take CUDA although ONNX Runtime is built for it, or None."""

    def __init__(self, bundle: Bundle, sessions: dict[str, Session], provider_note: str | None = None):
        assert isinstance(bundle.manifest, Manifest)
        self.bundle, self.manifest, self.sessions = bundle, bundle.manifest, sessions
        self.provider, self.provider_note = sessions["step"].provider, provider_note

    name = property(lambda self: self.manifest.name)
    kind = property(lambda self: self.manifest.kind)
    labels = property(lambda self: self.manifest.labels)

    @property
    def sample_rate(self) -> int:
        """Hz; ADRError for a model of pictures."""
        if self.manifest.audio is None:
            raise ADRError(f"{self.name} makes pictures, not sound; use adr-run image")
        return self.manifest.audio.sample_rate

    def settings(
        self,
        label: Label | Sequence[Label] = None,
        count: int | None = None,
        steps: int | None = None,
        sampler: str | None = None,
        guidance: float | None = None,
        temperature: float | None = None,
        seed: int | None = 0,
        speaker: Label = None,
    ) -> Settings:
        """Checked settings, with the bundle's defaults for what is None (a seed of None is drawn)."""
        defaults = self.manifest.defaults
        several = isinstance(label, Sequence) and not isinstance(label, str)
        check_count(len(label) if several else 1 if count is None else count)  # type: ignore[arg-type]
        rows: list[Any] = list(label) if several else [label] * (count or 1)  # type: ignore[arg-type]
        if several and count not in (None, len(rows)):
            raise ADRError(f"{len(rows)} labels but a count of {count}; give one label a row, or one for all")
        steps = defaults.steps if steps is None else steps
        timesteps = len(self.manifest.schedule.betas)
        if not 1 <= steps <= timesteps:
            raise ADRError(f"steps must be from 1 to {timesteps}, not {steps}")
        guidance = defaults.guidance if guidance is None else float(guidance)
        temperature = defaults.temperature if temperature is None else float(temperature)
        if not 0 <= guidance <= 100:
            raise ADRError(f"guidance must be from 0 to 100 (1 is none), not {guidance:g}")
        if not 0 <= temperature <= 10:
            raise ADRError(f"temperature must be from 0 to 10, not {temperature:g}")
        seed = checked_seed(seed)
        check_rows(self.manifest, len(rows), steps)
        labels = tuple(self.label_index(item) for item in rows)
        speakers = (self.speaker_index(speaker),) * len(rows)
        return Settings(labels, speakers, steps, sampler or defaults.sampler, guidance, temperature, seed)

    def label_index(self, label: Label) -> int:
        """The index of a label by name or number; None is the null label, which is unconditional."""
        return index_of(label, "label", self.labels, self.name)

    def speaker_index(self, speaker: Label) -> int:
        """The same for a speaker; None leaves the voice to the seed."""
        return index_of(speaker, "speaker", self.manifest.speakers, self.name)

    def generate(
        self,
        *,
        label: Label | Sequence[Label] = None,
        seconds: float | None = None,
        count: int | None = None,
        steps: int | None = None,
        sampler: str | None = None,
        guidance: float | None = None,
        temperature: float | None = None,
        seed: int | None = 0,
        speaker: Label = None,
        prompt: np.ndarray | None = None,
    ) -> Audio | Images:
        """Sound of `seconds`, or `count` pictures; one label for all rows, or one a row. Without `seconds`, sound goes
        on until the model says that the clip is over, or for the bundle's default time where it cannot say.

        prompt continues what is given: float32 samples (samples,) at the model's rate, of which a leading rest that
        does not fill a token is dropped and `seconds` counts what comes after; or the top rows of a picture (h, w,
        channels), uint8, which come back unchanged. Equal seeds give equal samples, row by row, for any count.
        Raises ADRError.
        """
        if self.manifest.image:
            if seconds is not None:
                raise ADRError(f"{self.name} makes pictures; seconds belong to sound")
            several = isinstance(label, Sequence) and not isinstance(label, str)
            count = self.manifest.defaults.count if count is None and not several else count
            settings = self.settings(label, count, steps, sampler, guidance, temperature, seed, speaker)
            return Images(whole_pictures(Loop(self.manifest, self.sessions, settings), prompt))
        several = (isinstance(label, Sequence) and not isinstance(label, str)) or count is not None
        if seconds is None and prompt is None and self.manifest.ends:
            settings = self.settings(label, count, steps, sampler, guidance, temperature, seed, speaker)
            samples, lengths = whole_clips(Loop(self.manifest, self.sessions, settings))
            return Audio(samples if several else samples[0], self.sample_rate, lengths)
        seconds = self.manifest.defaults.seconds if seconds is None else seconds
        stream = self.stream(
            label=label, seconds=seconds, count=count, steps=steps, sampler=sampler, guidance=guidance,
            temperature=temperature, seed=seed, speaker=speaker, prompt=prompt, chunk_tokens=64,
        )  # fmt: skip
        assert stream.limit is not None
        check_samples(stream.loop.batch, stream.limit + (0 if prompt is None else len(prompt)))
        samples = np.concatenate(list(stream), -1)
        if stream.given is not None:
            head = np.broadcast_to(stream.given, (*samples.shape[:-1], len(stream.given)))
            samples = np.concatenate([head, samples], -1)
        return Audio(samples if several else samples.reshape(-1), self.sample_rate)

    def stream(
        self,
        *,
        label: Label | Sequence[Label] = None,
        seconds: float | None = None,
        count: int | None = None,
        steps: int | None = None,
        sampler: str | None = None,
        guidance: float | None = None,
        temperature: float | None = None,
        seed: int | None = 0,
        speaker: Label = None,
        prompt: np.ndarray | None = None,
        chunk_tokens: int = 1,
        playlist: Sequence[Label] = (),
        cycle: bool = False,
        pause: float = 0.15,
    ) -> Stream:
        """An iterator of float32 chunks (samples,), or (count, samples) with a count or several labels.

        Endless unless `seconds` or `playlist` is given; memory stays flat. `playlist` says one label after the other,
        each until it is over and with `pause` seconds behind it, and with `cycle` all of them again and again.
        See `generate` for the rest.
        """
        rate, audio = self.sample_rate, self.manifest.audio
        assert audio is not None
        several = (isinstance(label, Sequence) and not isinstance(label, str)) or count is not None
        words = self.playlist(playlist, cycle, pause) if playlist else None
        if words and (label is not None or several):
            raise ADRError("a playlist takes the place of label and count; leave them out")
        label = words.label if words else label
        settings = self.settings(label, count, steps, sampler, guidance, temperature, seed, speaker)
        if seconds is not None and not 0 < seconds < 1e9:
            raise ADRError(f"seconds must be more than 0 and finite, not {seconds:g}")
        if not 1 <= chunk_tokens <= MAX_CHUNK:
            raise ADRError(f"chunk_tokens must be from 1 to {MAX_CHUNK}, not {chunk_tokens}")
        limit = None if seconds is None else max(round(seconds * rate), 1)
        check_samples(len(settings.labels), min(chunk_tokens * audio.hop, limit or chunk_tokens * audio.hop))
        loop = Loop(self.manifest, self.sessions, settings)
        made = Stream(loop, loop.start(), self.bundle.hash, limit, chunk_tokens, several, playlist=words)
        return made.continued_from(prompt)

    def playlist(self, labels: Sequence[Label], cycle: bool, pause: float) -> Playlist:
        audio = self.manifest.audio
        if not self.manifest.ends or audio is None:
            raise ADRError(f"{self.name} does not say where a word is over, so it cannot speak one after the other")
        if not 0 <= pause <= 60:
            raise ADRError(f"pause must be from 0 to 60 seconds, not {pause:g}")
        if len(labels) > MAX_WORDS:
            raise ADRError(f"a playlist has up to {MAX_WORDS} words, not {len(labels)}")
        rate = audio.sample_rate / audio.hop
        known = tuple(self.label_index(label) for label in labels)
        return Playlist(known, round(pause * rate), max(round(LONGEST * rate), 1), cycle)

    def reconstruct(self, samples: np.ndarray) -> np.ndarray:
        """Sound float (samples,) to tokens and back, as long as it was: what of it the model can express at best."""
        audio = self.manifest.audio
        if audio is None:
            raise ADRError(f"{self.name} makes pictures; only sound is reconstructed")
        samples = np.asarray(samples)
        samples = samples.astype(np.float32) if samples.dtype.kind in "biuf" else samples
        if samples.dtype.kind != "f" or samples.ndim != 1 or not np.isfinite(samples).all():
            raise ADRError(f"samples must be finite numbers of shape (samples,), not {samples.dtype} {samples.shape}")
        return reconstructed(self.sessions, self.manifest, samples)

    def resume(self, state: bytes) -> Stream:
        """The stream that `Stream.state()` saved, in this or another process; ADRError if it is not this bundle's."""
        return restore(state, self.manifest, self.sessions, self.bundle.hash)
