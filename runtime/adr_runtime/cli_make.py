"""What `adr-run image` and `adr-run audio` do."""

import json
import os
import secrets
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from adr_runtime import Images, Model, __version__, load
from adr_runtime.errors import ADRError
from adr_runtime.media import check_target, grid, read_picture, read_sound, to_pcm, write_picture, write_sound
from adr_runtime.provenance import SOUNDS

DEFAULT_MODELS = {"audio": "speech-digits", "image": "digits"}
LONGEST = 3600.0
console = Console(stderr=True)


def open_model(name: str | None, kind: str, provider: str, threads: int | None) -> Model:
    model = load(name or DEFAULT_MODELS[kind], provider, threads)
    if model.kind != kind:
        raise ADRError(
            f"{model.name} makes {'sound' if model.kind == 'audio' else 'pictures'}; use adr-run {model.kind}"
        )
    return model


def choose_labels(model: Model, label: str | None, count: int, seed: int) -> list[str | None]:
    """One label a row: the one asked for, or, without one, each drawn by the seed."""
    if label == "none" or not model.labels:
        if label not in (None, "none"):
            model.label_index(label)
        return [None] * count
    if label is not None:
        return [label] * count
    drawn = np.random.default_rng(seed).integers(len(model.labels), size=max(count, 1))
    return [model.labels[i] for i in drawn[:count]]


def settle_seed(options: dict[str, Any]) -> int:
    """The seed, drawn now where none was given, so that it can be told and used again."""
    if options["seed"] is None:
        options["seed"] = secrets.randbits(31)
    if not 0 <= options["seed"] < 1 << 64:
        raise ADRError(f"--seed must be from 0 to 2^64 - 1, not {options['seed']}")
    return options["seed"]


def describe(model: Model, labels: list[str | None], options: dict[str, Any]) -> dict[str, Any]:
    """The provenance that every file carries."""
    settings = model.settings(labels[:1], **options)
    return {
        "adr": __version__, "model": model.name, "bundle": model.bundle.hash, "seed": settings.seed,
        "labels": labels, "steps": settings.steps, "sampler": settings.sampler, "guidance": settings.guidance,
        "temperature": settings.temperature, "provider": model.provider,
    }  # fmt: skip


def file_names(out: Path, count: int, separate: bool) -> list[Path]:
    if not separate:
        return [out]
    return [out.with_name(f"{out.stem}-{i:03d}{out.suffix}") for i in range(count)]


def default_name(model: Model, labels: list[str | None], seed: int, suffix: str) -> Path:
    what = labels[0] if len(set(labels)) == 1 else "mixed"
    return Path(f"{what or model.name}-{seed}{suffix}")


def tell(report: dict[str, Any], as_json: bool, line: str) -> None:
    if as_json:
        print(json.dumps(report))
    else:
        console.print(line, highlight=False, soft_wrap=True)


def image(
    name: str | None, label: str | None, count: int | None, out: Path | None, separate: bool, scale: int | None,
    prompt: Path | None, provider: str, threads: int | None, as_json: bool, options: dict[str, Any],
) -> None:  # fmt: skip
    seed = settle_seed(options)
    model = open_model(name, "image", provider, threads)
    spec = model.manifest.image
    assert spec is not None
    count = model.manifest.defaults.count if count is None else count
    labels = choose_labels(model, label, count, seed)
    provenance = describe(model, labels, options)
    model.settings(labels, **options)
    out = out or default_name(model, labels, seed, ".png")
    files = file_names(out, count, separate)
    for file in files:
        check_target(file, (".png",))
    given = None if prompt is None else read_picture(prompt, spec.width, spec.channels)
    started = time.perf_counter()
    made = model.generate(label=labels, prompt=given, **options)
    assert isinstance(made, Images)
    seconds = time.perf_counter() - started
    scale = scale or max(1, 64 // spec.height)
    if separate:
        for file, pixels, one in zip(files, made.pixels, labels, strict=True):
            write_picture(file, pixels.repeat(scale, 0).repeat(scale, 1), provenance | {"labels": [one]})
    else:
        write_picture(out, grid(made.pixels, scale), provenance)
    report = {**provenance, "files": [str(f) for f in files], "seconds": round(seconds, 3)}
    shown = str(out) if not separate else f"{files[0]} to {files[-1].name}"
    tell(
        report, as_json, f"{shown}: {count} x {shown_labels(labels)}, seed {seed}, {seconds:.2f} s on {model.provider}"
    )


def shown_labels(labels: list[str | None]) -> str:
    names = list(dict.fromkeys(label or "unconditional" for label in labels))
    return ", ".join(names[:4]) + (", …" if len(names) > 4 else "")


def audio(
    name: str | None, label: str | None, seconds: float | None, count: int | None, out: Path | None,
    prompt: Path | None, provider: str, threads: int | None, as_json: bool, options: dict[str, Any],
) -> None:  # fmt: skip
    seed = settle_seed(options)
    piped = out is not None and str(out) == "-"
    if as_json and piped:
        raise ADRError("--json and --out - would share standard output; choose one")
    if piped and (count or 1) != 1:
        raise ADRError("--out - takes one sound; leave -n out")
    model = open_model(name, "audio", provider, threads)
    seconds = model.manifest.defaults.seconds if seconds is None else seconds
    endless = piped and seconds == float("inf")
    if not endless and not 0 < seconds <= LONGEST:
        raise ADRError(f"--seconds must be more than 0 and up to {LONGEST:g} (inf with --out -), not {seconds:g}")
    labels = choose_labels(model, label, 1 if count is None else count, seed)
    provenance = describe(model, labels, options) | {"sample_rate": model.sample_rate}
    model.settings(labels, **options)
    given = None if prompt is None else read_sound(prompt, model.sample_rate)
    if piped:
        pipe(model, labels[0], None if endless else seconds, given, options)
        return
    out = out or default_name(model, labels, seed, ".wav")
    files = file_names(out, len(labels), len(labels) > 1)
    for file in files:
        check_target(file, tuple(SOUNDS))
    started = time.perf_counter()
    samples = stream_with_progress(model, labels, seconds, given, options)
    took = time.perf_counter() - started
    for file, sound, one in zip(files, samples, labels, strict=True):
        write_sound(file, sound, model.sample_rate, provenance | {"labels": [one]})
    factor = took / (samples.size / model.sample_rate)
    report = {
        **provenance, "files": [str(f) for f in files], "seconds": round(took, 3),
        "real_time_factor": round(factor, 4),
    }  # fmt: skip
    shown = str(out) if len(files) == 1 else f"{files[0]} to {files[-1].name}"
    line = f"{shown}: {shown_labels(labels)}, {samples.shape[1] / model.sample_rate:.2f} s at {model.sample_rate} Hz, "
    tell(report, as_json, line + f"seed {seed}, real-time factor {factor:.2f} on {model.provider}")


def stream_with_progress(
    model: Model, labels: list[str | None], seconds: float, prompt: np.ndarray | None, options: dict[str, Any]
) -> np.ndarray:
    """Samples (count, samples), the prompt before them; a bar on a terminal."""
    bar = Progress(
        TextColumn("{task.completed:.1f} of {task.total:.1f} s"), BarColumn(), TimeRemainingColumn(),
        TextColumn("real-time factor {task.fields[factor]:.2f}"), console=console,
        disable=not console.is_terminal, transient=True,
    )  # fmt: skip
    stream = model.stream(label=labels, seconds=seconds, prompt=prompt, chunk_tokens=16, **options)
    parts: list[np.ndarray] = []
    if stream.given is not None:
        parts.append(np.broadcast_to(stream.given, (len(labels), len(stream.given))))
    started = time.perf_counter()
    with bar:
        task = bar.add_task("", total=seconds, factor=0.0)
        for chunk in stream:
            parts.append(chunk)
            made = stream.emitted / model.sample_rate
            bar.update(task, completed=made, factor=(time.perf_counter() - started) / made)
    return np.concatenate(parts, 1)


def pipe(
    model: Model, label: str | None, seconds: float | None, prompt: np.ndarray | None, options: dict[str, Any]
) -> None:
    """Raw 16-bit little-endian mono PCM on standard output, chunk by chunk."""
    rate = model.sample_rate
    console.print(f"raw PCM: signed 16 bit, {rate} Hz, mono; try: … | aplay -f S16_LE -r {rate}", highlight=False)
    stream = model.stream(label=label, seconds=seconds, prompt=prompt, chunk_tokens=4, **options)
    try:
        if stream.given is not None:
            sys.stdout.buffer.write(to_pcm(stream.given).astype("<i2").tobytes())
        for chunk in stream:
            sys.stdout.buffer.write(to_pcm(chunk).astype("<i2").tobytes())
            sys.stdout.buffer.flush()
    except BrokenPipeError:
        # Python flushes standard output once more on its way out; that write must not fail, too.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
