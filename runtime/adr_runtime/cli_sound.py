"""What `adr-run audio` does: sound into files, or streamed as it is made."""

import contextlib
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from adr_runtime import AnyOrderModel
from adr_runtime.cli_load import load
from adr_runtime.cli_make import (
    DEFAULT_MODELS,
    choose_labels,
    console,
    default_name,
    describe,
    file_names,
    of_kind,
    settle_seed,
    shown_labels,
    tell,
)
from adr_runtime.errors import ADRError
from adr_runtime.limits import MAX_SECONDS, check_samples
from adr_runtime.media import check_target, to_pcm, write_sound
from adr_runtime.model import Model
from adr_runtime.pace import Pace, affordable_steps
from adr_runtime.playlist import LONGEST
from adr_runtime.plot import write_plot
from adr_runtime.prompts import read_sound
from adr_runtime.provenance import SOUNDS
from adr_runtime.standard_streams import Enough
from adr_runtime.stream import Stream

SLOWEST, FASTEST = 0.001, 1000


@dataclass(frozen=True)
class Request:
    """The options of `adr-run audio` that are not the sampler's."""

    label: str | None
    labels: str | None
    seconds: float | None
    count: int | None
    out: Path | None
    plot: Path | None
    prompt: Path | None
    stream: bool
    realtime: float | None
    json: bool

    @property
    def piped(self) -> bool:
        return self.out is not None and str(self.out) == "-"

    @property
    def endless(self) -> bool:
        return self.piped and self.seconds == float("inf")

    def check(self) -> None:
        if self.json and self.piped:
            raise ADRError("--json and --out - would share standard output; choose one")
        if (self.piped or self.labels is not None) and (self.count or 1) != 1:
            raise ADRError(f"{'--out -' if self.piped else '--labels'} takes one sound; leave -n out")
        if self.label is not None and self.labels is not None:
            raise ADRError("--label is one word and --labels several; give one of them")
        if self.labels is not None and not self.labels.split():
            raise ADRError('--labels has no word; try --labels "three one four"')
        if self.prompt is not None and self.labels is not None:
            raise ADRError("--prompt goes with --label, not with --labels")
        if self.piped and self.plot:
            raise ADRError("--plot draws what went to a file; give --out a name")
        if self.seconds is not None and not self.endless and not 0 < self.seconds <= MAX_SECONDS:
            raise ADRError(
                f"--seconds must be more than 0 and up to {MAX_SECONDS:g} (inf with --out -), not {self.seconds:g}"
            )
        if self.realtime is not None and not SLOWEST <= self.realtime <= FASTEST:
            raise ADRError(f"--realtime must be from {SLOWEST} to {FASTEST}, not {self.realtime:g}")


def audio(name: str | None, request: Request, provider: str, threads: int | None, options: dict[str, Any]) -> None:
    request.check()
    seed = settle_seed(options)
    opened = load(name or DEFAULT_MODELS["audio"], provider, threads)
    if isinstance(opened, AnyOrderModel) and opened.kind == "sound":
        from adr_runtime import cli_any_order_sound

        cli_any_order_sound.audio(opened, request, options)
        return
    model = of_kind(opened, "audio")
    if request.realtime is not None:
        options["steps"] = affordable_steps(model, request.realtime, options)
        console.print(f"{options['steps']} steps stay {request.realtime:g} times ahead of playback")
    words: list[str | None] = list(request.labels.split()) if request.labels is not None else []
    labels = choose_labels(model, request.label, 1 if request.count is None else request.count, seed)
    provenance = describe(model, words or labels, options) | {"sample_rate": model.sample_rate}
    given = None if request.prompt is None else read_sound(request.prompt, model.sample_rate)
    out = request.out or default_name(model, [request.labels] if words else labels, seed, ".wav")
    files = [] if request.piped else file_names(out, len(labels), len(labels) > 1)
    for file in files:
        check_target(file, tuple(SOUNDS))
    if request.plot:
        check_target(request.plot, (".png",))
    streamed = request.piped or request.stream or bool(words) or request.seconds is not None or given is not None
    if not request.piped:
        seconds = model.manifest.defaults.seconds if request.seconds is None else request.seconds
        if words and request.seconds is None:
            seconds = len(words) * LONGEST
        check_samples(len(labels), seconds * model.sample_rate + (0 if given is None else len(given)))
    if not streamed and model.manifest.ends:
        started = time.perf_counter()
        made = model.generate(label=labels, **options)
        assert len(made) == 3
        samples = [row[:length] for row, length in zip(made.samples, made.lengths, strict=True)]
        pace = Pace(model.sample_rate, started)
        pace.add(max(len(row) for row in samples))
    else:
        stream = open_stream(model, request, words, labels, given, options)
        pace = Pace(model.sample_rate)
        if request.piped:
            pipe(stream, pace)
            if request.stream:
                console.print(pace.line())
            return
        samples = list(collect(stream, pace, request.seconds, len(labels)))
    for file, sound, one in zip(files, samples, labels, strict=True):
        write_sound(file, sound, model.sample_rate, provenance | {"labels": words or [one]})
    if request.plot:
        write_plot(request.plot, np.concatenate(samples), model.sample_rate, provenance)
    made_seconds = sum(len(row) for row in samples) / model.sample_rate
    report = {
        **provenance, "files": [str(f) for f in files], "seconds": round(pace.taken, 3),
        "real_time_factor": round(pace.taken / made_seconds, 4),
    }  # fmt: skip
    if request.stream:
        report |= pace.report()
    shown = str(out) if len(files) == 1 else f"{files[0]} to {files[-1].name}"
    longest = max(len(row) for row in samples) / model.sample_rate
    line = f"{shown}: {shown_labels(words or labels)}, {longest:.2f} s at {model.sample_rate} Hz, seed {seed}, "
    tell(report, request.json, line + f"real-time factor {report['real_time_factor']:.2f} on {model.provider}")
    if request.stream:
        console.print(pace.line())


def open_stream(
    model: Model, request: Request, words: list[str | None], labels: list[str | None], given: np.ndarray | None,
    options: dict[str, Any],
) -> Stream:  # fmt: skip
    """The stream that was asked for. Where the model knows when a word is over, it ends there unless --seconds is
    given; an endless one says its word again and again, or without a label all words in an order drawn by the seed."""
    seconds = None if request.endless else request.seconds
    chunk = 1 if request.piped or request.stream else 16
    known, label = model.manifest.ends and given is None, labels[0]
    playlist: list[Any] = list(words)
    if request.endless and not words and known:
        if request.label is None and model.labels:
            order = np.random.default_rng(options["seed"]).permutation(len(model.labels))
            playlist = [model.labels[i] for i in order]
        else:
            playlist = [label]
    if known and seconds is None and not request.endless and not words and len(labels) == 1:
        playlist = [label]
    if playlist:
        cycle = seconds is not None or request.endless
        return model.stream(playlist=playlist, cycle=cycle, seconds=seconds, chunk_tokens=chunk, **options)
    if seconds is None and not request.endless:
        seconds = model.manifest.defaults.seconds
    several = labels if len(labels) > 1 or not request.piped else label
    return model.stream(label=several, seconds=seconds, prompt=given, chunk_tokens=chunk, **options)


def collect(stream: Stream, pace: Pace, seconds: float | None, count: int) -> np.ndarray:
    """Samples (count, samples) of a stream that ends, what was given before them; a bar on a terminal."""
    bar = Progress(
        TextColumn("{task.completed:.1f} s"), BarColumn(), TimeRemainingColumn(),
        TextColumn("real-time factor {task.fields[factor]:.2f}"), console=console,
        disable=not console.is_terminal, transient=True,
    )  # fmt: skip
    parts: list[np.ndarray] = []
    if stream.given is not None:
        parts.append(np.broadcast_to(stream.given, (count, len(stream.given))))
    with bar:
        task = bar.add_task("", total=seconds, factor=0.0)
        for chunk in stream:
            parts.append(np.atleast_2d(chunk))
            pace.add(parts[-1].shape[1])
            bar.update(task, completed=pace.made, factor=pace.taken / pace.made)
    return np.concatenate(parts, 1)


def pipe(stream: Stream, pace: Pace) -> None:
    """Raw 16-bit little-endian mono PCM on standard output, chunk by chunk."""
    rate = pace.sample_rate
    how = f"raw PCM: signed 16 bit, {rate} Hz, mono; try: … | aplay -f S16_LE -r {rate}"
    # A listener who leaves is no failure; how fast it was is still told.
    with contextlib.suppress(Enough):
        if stream.given is not None:
            sys.stdout.buffer.write(to_pcm(stream.given).astype("<i2").tobytes())
        for number, chunk in enumerate(stream):
            sys.stdout.buffer.write(to_pcm(chunk).astype("<i2").tobytes())
            sys.stdout.buffer.flush()
            if not number:
                console.print(how)
            pace.add(len(chunk))
