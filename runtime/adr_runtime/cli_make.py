"""What `adr-run image` does, and what it shares with `adr-run audio`."""

import json
import secrets
import time
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from adr_runtime import Images, Model, __version__, load
from adr_runtime.errors import ADRError
from adr_runtime.media import check_target, grid, read_picture, write_picture

DEFAULT_MODELS = {"audio": "speech-digits", "image": "digits"}
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
    return Path(f"{'-'.join((what or model.name).split())}-{seed}{suffix}")


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
