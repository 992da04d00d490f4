"""adr-run image: pictures, whole or continued from their top, and what is missing of them."""

import time
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Optional

import typer

from adr_runtime.any_order.model import AnyOrderModel
from adr_runtime.causal.config import GenerationOptions
from adr_runtime.causal.image_model import ImageModel
from adr_runtime.cli.any_order_image import generate_any_order
from adr_runtime.cli.image_request import ImageRequest
from adr_runtime.cli.labels import asked_labels
from adr_runtime.cli.masked_image import ROW, generate_masked
from adr_runtime.cli.options import (
    CountOption,
    DebugOption,
    JsonOption,
    LabelOption,
    ModelOption,
    PromptOption,
    ProviderOption,
    SamplerOption,
    SeedOption,
    ThreadsOption,
    app,
)
from adr_runtime.cli.output import announced, listed, listed_labels, report
from adr_runtime.cli.parts_options import PictureGuidanceOption, PictureStepsOption, PictureTemperatureOption
from adr_runtime.cli.preview import check_terminal, preview
from adr_runtime.errors import InputError
from adr_runtime.limits import check_bytes
from adr_runtime.loading import FILLERS, GENERATORS, load
from adr_runtime.masked.config import MaskedOptions
from adr_runtime.masked.model import MaskedModel
from adr_runtime.media.atomic import check_target
from adr_runtime.media.images import ANIMATIONS, Images, visible_scale, write_animation
from adr_runtime.media.naming import default_name
from adr_runtime.media.reading import read_picture, read_unchanged
from adr_runtime.philox import checked_seed

# Frames of an animation and on a terminal.
FRAMES, SHOWN_FRAMES = 64, 12


@app.command(epilog="Example: adr-run image -n 16 --label 7 --seed 1 --out sevens.png")
def image(
    label: LabelOption = None,
    count: CountOption = None,
    out: Annotated[Optional[Path], typer.Option(help="A .png file; named after the label unless given.")] = None,
    separate: Annotated[bool, typer.Option("--separate", help="One file a picture instead of a grid.")] = False,
    sheet: Annotated[
        bool, typer.Option("--sheet", help="One row of pictures for each label; -n says how many a row.")
    ] = False,
    animate: Annotated[Optional[Path], typer.Option(help="A .webp, .gif or .png file that shows them grow.")] = None,
    show: Annotated[bool, typer.Option("--show", help="Show them on the terminal while they are made.")] = False,
    scale: Annotated[Optional[int], typer.Option(min=1, help="Enlarge pixels this many times.")] = None,
    steps: PictureStepsOption = None,
    sampler: SamplerOption = None,
    guidance: PictureGuidanceOption = None,
    temperature: PictureTemperatureOption = None,
    calls: Annotated[
        Optional[int], typer.Option(help="Masked models: network calls a picture, or a window of --fill.")
    ] = None,
    order: Annotated[Optional[str], typer.Option(help="Masked models: levels (coarse tokens first) or random.")] = None,
    seed: SeedOption = None,
    prompt: PromptOption = None,
    fill: Annotated[Optional[Path], typer.Option(help="A picture to fill in where --mask is white.")] = None,
    mask: Annotated[
        Optional[Path], typer.Option(help="Of the size of --fill: black is kept exactly, white is made anew.")
    ] = None,
    model: ModelOption = None,
    provider: ProviderOption = "auto",
    threads: ThreadsOption = None,
    json_: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Make pictures; --prompt continues the top of a given one, --fill with --mask completes any part of it."""
    request = ImageRequest(label, count, out, separate, sheet, animate, show, scale, prompt, fill, mask, json_)
    if show:
        check_terminal()
    options = GenerationOptions(
        steps=steps, sampler=sampler, guidance=guidance, temperature=temperature, seed=checked_seed(seed)
    )
    if sheet and (label is not None or separate or prompt is not None or fill is not None):
        raise InputError("--sheet has every label, in one file: leave --label, --separate, --prompt and --fill out")
    if (fill is None) != (mask is None):
        raise InputError("--fill and --mask belong together: a picture, and which part of it is made anew")
    picture = None if fill is None else read_unchanged(fill)
    name = GENERATORS["image"] if picture is None else FILLERS[picture.shape[2]]
    opened = announced(load(model or name, provider, threads))
    if isinstance(opened, MaskedModel):
        generate_masked(opened, request, picture, MaskedOptions(**options, calls=calls, order=order))
        return
    if calls is not None or order is not None:
        raise InputError(f"{opened.name} is no masked model, which --calls and --order are for; leave them out")
    if isinstance(opened, AnyOrderModel):
        generate_any_order(opened, request, picture, options)
    elif fill is not None:
        raise InputError(f"{opened.name} makes pictures from the top down; --fill takes an any-order model")
    elif isinstance(opened, ImageModel):
        generate(opened, request, options)
    else:
        raise InputError(f"{opened.name} makes sound; use adr-run audio")


def generate(model: ImageModel, request: ImageRequest, options: GenerationOptions) -> None:
    """Make what was asked for, and tell what became of it."""
    seed = checked_seed(options["seed"])
    height, width, channels = model.size
    count = model.manifest.defaults.count if request.count is None else request.count
    columns = (ROW if request.count is None else request.count) if request.sheet else None
    labels = asked_labels(model.manifest, request.label, count, columns, seed)
    count = len(labels)
    out = request.out or default_name(model.name, labels, seed, ".png")
    scale = request.scale or visible_scale(height)
    Images.files(out, (count, height, width, channels), request.separate, scale)
    if request.animate:
        check_target(request.animate, ANIMATIONS)
        check_bytes(FRAMES * count * height * width * channels * scale**2, f"an animation of {count} picture(s)")
    top = None if request.prompt is None else read_picture(request.prompt, width, channels)
    started = time.perf_counter()
    frames = []
    # A frame for each token, up to as many as one can follow.
    frames_wanted = FRAMES if request.animate else SHOWN_FRAMES if request.show else 1
    every = -(-model.length // frames_wanted)
    with preview() if request.show else nullcontext() as shown:
        for images in model.stream(label=labels, prompt=top, every=every, **options):
            if shown:
                shown(images, columns)
            if request.animate:
                frames.append(images.sheet(scale, columns))
    seconds = time.perf_counter() - started
    if request.animate:
        write_animation(request.animate, frames)
    files = images.save(out, separate=request.separate, scale=scale, columns=columns)
    values = {**images.provenance, "files": [str(f) for f in files], "seconds": round(seconds, 3)}
    line = f"{listed(files)}: {count} x {listed_labels(labels)}, seed {seed}, {seconds:.2f} s on {model.provider}"
    report(values, request.json, line)
