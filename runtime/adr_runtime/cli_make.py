"""What `adr-run image` does, and what it shares with `adr-run audio`."""

import json
import re
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from adr_runtime import AnyOrderModel, Images, Model, __version__
from adr_runtime.cli_load import load
from adr_runtime.display import PlainConsole
from adr_runtime.errors import ADRError
from adr_runtime.limits import check_count, check_sheet
from adr_runtime.media import check_target, grid, write_picture
from adr_runtime.philox import checked_seed
from adr_runtime.prompts import read_picture, read_unchanged

DEFAULT_MODELS = {"audio": "speech-digits", "image": "digits"}
# By the channels of the picture that is to be filled in.
FILL_MODELS = {1: "digits-any", 3: "pictures"}


@dataclass(frozen=True)
class Target:
    """Where pictures go: one file with a grid of them or one file each, pixels enlarged `scale` times."""

    out: Path | None
    separate: bool
    scale: int | None

    def enlarged(self, height: int) -> int:
        """The scale that was asked for, or the one at which small pictures can be seen."""
        return self.scale or max(1, 64 // height)

    def checked(self, out: Path, count: int, height: int, width: int) -> list[Path]:
        """The files of `count` pictures; ADRError before they are made where one is too large or cannot be written."""
        check_sheet(1 if self.separate else count, height, width, self.enlarged(height))
        files = file_names(out, count, self.separate)
        for file in files:
            check_target(file, (".png",))
        return files


@dataclass(frozen=True)
class Given:
    """What of a picture is there already: its top to continue, or all but what a mask marks."""

    prompt: Path | None
    fill: Path | None
    mask: Path | None


console = PlainConsole(stderr=True)


def of_kind(model: Model | AnyOrderModel, kind: str) -> Model:
    if not isinstance(model, Model):
        raise ADRError(f"{model.name} makes {model.kind} in any order; use adr-run {model.kind}")
    if model.kind != kind:
        raise ADRError(
            f"{model.name} makes {'sound' if model.kind == 'audio' else 'pictures'}; use adr-run {model.kind}"
        )
    return model


def choose_labels(model: Model, label: str | None, count: int, seed: int) -> list[str | None]:
    """One label a row: the one asked for, or, without one, each drawn by the seed."""
    check_count(count, "--count")
    if label == "none" or not model.labels:
        if label not in (None, "none"):
            model.label_index(label)
        return [None] * count
    if label is not None:
        return [label] * count
    drawn = np.random.default_rng(seed).integers(len(model.labels), size=count)
    return [model.labels[i] for i in drawn]


def settle_seed(options: dict[str, Any]) -> int:
    """The seed, drawn now where none was given, so that it can be told and used again."""
    options["seed"] = checked_seed(options["seed"])
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
    return Path(f"{file_stem(what or model.name)}-{seed}{suffix}")


def file_stem(name: str) -> str:
    """A label or a model's name, which the bundle's author chose, as part of a file's name in this folder."""
    return re.sub(r"[^\w.-]+", "-", name)[:50]


def tell(report: dict[str, Any], as_json: bool, line: str) -> None:
    if as_json:
        print(json.dumps(report))
    else:
        console.print(line, soft_wrap=True)


def image(
    name: str | None, label: str | None, count: int | None, target: Target, given: Given,
    provider: str, threads: int | None, as_json: bool, options: dict[str, Any],
) -> None:  # fmt: skip
    seed = settle_seed(options)
    if (given.fill is None) != (given.mask is None):
        raise ADRError("--fill and --mask belong together: a picture, and which part of it is made anew")
    picture = None if given.fill is None else read_unchanged(given.fill)
    if picture is not None and name is None:
        name = FILL_MODELS[picture.shape[2]]
    opened = load(name or DEFAULT_MODELS["image"], provider, threads)
    if isinstance(opened, AnyOrderModel):
        any_order_image(opened, label, count, target, given, picture, as_json, options)
        return
    if given.fill is not None:
        raise ADRError(f"{opened.name} makes pictures from the top down; --fill takes an any-order model")
    model = of_kind(opened, "image")
    spec = model.manifest.image
    assert spec is not None
    count = model.manifest.defaults.count if count is None else count
    labels = choose_labels(model, label, count, seed)
    provenance = describe(model, labels, options)
    model.settings(labels, **options)
    out = target.out or default_name(model, labels, seed, ".png")
    files = target.checked(out, count, spec.height, spec.width)
    top = None if given.prompt is None else read_picture(given.prompt, spec.width, spec.channels)
    started = time.perf_counter()
    made = model.generate(label=labels, prompt=top, **options)
    assert isinstance(made, Images)
    seconds = time.perf_counter() - started
    write_pictures(made.pixels, files, target, [provenance | {"labels": [one]} for one in labels], provenance)
    report = {**provenance, "files": [str(f) for f in files], "seconds": round(seconds, 3)}
    line = f"{named(files)}: {count} x {shown_labels(labels)}, seed {seed}, {seconds:.2f} s on {model.provider}"
    tell(report, as_json, line)


def any_order_image(
    model: AnyOrderModel, label: str | None, count: int | None, target: Target, given: Given,
    picture: np.ndarray | None, as_json: bool, options: dict[str, Any],
) -> None:  # fmt: skip
    """Pictures by an any-order model: whole ones, or a given one with its holes filled, `count` times."""
    foreign = [k for k in ("sampler", "guidance") if options[k] is not None]
    if foreign or label not in (None, "none") or given.prompt is not None:
        what = foreign[0] if foreign else "label" if label not in (None, "none") else "prompt"
        raise ADRError(f"{model.name} is an any-order model, which takes no --{what}")
    spec, steps = model.variables, options["steps"]
    if spec.kind != "image":
        raise ADRError(f"{model.name} makes {spec.kind}, not pictures")
    temperature = 1.0 if options["temperature"] is None else options["temperature"]
    mask, (height, width) = None, spec.shape[:2]
    if picture is not None and given.mask is not None:
        mask = read_unchanged(given.mask).max(-1) > 127
        if picture.shape[2] > spec.shape[2]:
            raise ADRError(f"{given.fill}: is in colour, {model.name} makes greys; choose another --model")
        picture = np.broadcast_to(picture, (*picture.shape[:2], spec.shape[2]))
        height, width = picture.shape[:2]
        if (height, width) != mask.shape:
            raise ADRError(
                f"{given.fill}: {width} x {height} pixels, the mask {mask.shape[1]} x {mask.shape[0]}; "
                "make them of one size"
            )
        count, target = 1 if count is None else count, replace(target, scale=target.scale or 1)
    count = model.manifest.defaults.count if count is None else count
    check_count(count, "--count")
    out = target.out or Path(f"{file_stem(model.name)}-{options['seed']}.png")
    files = target.checked(out, count, height, width)
    calls = sum(map(len, model.policy(steps)))
    started = time.perf_counter()
    pixels = model.generate(
        count=count, steps=steps, seed=options["seed"], temperature=temperature, picture=picture, mask=mask
    )
    seconds = time.perf_counter() - started
    provenance = {
        "adr": __version__, "model": model.name, "bundle": model.bundle.hash, "seed": options["seed"], "steps": calls,
        "temperature": temperature, "filled": str(given.fill or ""), "provider": model.provider,
    }  # fmt: skip
    write_pictures(pixels, files, target, [provenance] * len(pixels), provenance)
    report = {**provenance, "files": [str(f) for f in files], "seconds": round(seconds, 3)}
    line = f"{named(files)}: {len(pixels)} picture(s), {calls} network calls a window, "
    tell(report, as_json, line + f"seed {options['seed']}, {seconds:.2f} s")


def write_pictures(
    pixels: np.ndarray, files: list[Path], target: Target, each: list[dict[str, Any]], all_: dict[str, Any]
) -> None:
    """One picture, a grid of several, or one file a picture, with their provenance."""
    scale = target.enlarged(pixels.shape[1])
    if not target.separate:
        one = pixels[0].repeat(scale, 0).repeat(scale, 1) if len(pixels) == 1 else grid(pixels, scale)
        write_picture(files[0], one, all_)
        return
    for file, picture, provenance in zip(files, pixels, each, strict=True):
        write_picture(file, picture.repeat(scale, 0).repeat(scale, 1), provenance)


def named(files: list[Path]) -> str:
    return str(files[0]) if len(files) == 1 else f"{files[0]} to {files[-1].name}"


def shown_labels(labels: list[str | None]) -> str:
    names = list(dict.fromkeys(label or "unconditional" for label in labels))
    return ", ".join(names[:4]) + (", …" if len(names) > 4 else "")
