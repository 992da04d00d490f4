"""adr-run image with a masked model: whole pictures, or a given one with its holes filled."""

import time
from dataclasses import replace

import numpy as np

from adr_runtime.cli.image_request import ImageRequest, filling
from adr_runtime.cli.labels import UNCONDITIONAL, asked_labels
from adr_runtime.cli.options import refuse_options
from adr_runtime.cli.output import listed, listed_labels, report
from adr_runtime.cli.preview import preview
from adr_runtime.masked.config import MaskedConfig, MaskedOptions
from adr_runtime.masked.model import MaskedModel
from adr_runtime.media.images import Images, visible_scale
from adr_runtime.media.naming import default_name
from adr_runtime.philox import checked_seed

# Pictures in a row of a sheet.
ROW = 8


def generate_masked(
    model: MaskedModel, request: ImageRequest, picture: np.ndarray | None, options: MaskedOptions
) -> None:
    """Make what was asked for, and tell what became of it."""
    refuse_options(model.name, {"prompt": request.prompt, "animate": request.animate}, "a masked model")
    seed = checked_seed(options["seed"])
    height, width, channels = model.size
    columns = (ROW if request.count is None else request.count) if request.sheet else None
    # What is filled in has no label unless one is asked for.
    label = UNCONDITIONAL if request.label is None and picture is not None else request.label
    count = (model.manifest.defaults.count if picture is None else 1) if request.count is None else request.count
    labels = asked_labels(model.manifest, label, count, columns, seed)
    MaskedConfig(**options).resolve(model.manifest, labels)
    scale = request.scale or visible_scale(height)
    mask = None
    if picture is not None:
        picture, mask = filling(request, picture, model.name, channels)
        (height, width), scale = mask.shape, request.scale or 1
    out = request.out or default_name(model.name, labels, seed, ".png")
    Images.files(out, (len(labels), height, width, channels), request.separate, scale)
    started = time.perf_counter()
    if picture is None or mask is None:
        images = model.generate(label=labels, **options)
    else:
        images = model.fill(picture, mask, label=labels, **options)
        images = replace(images, provenance={**images.provenance, "filled": str(request.fill)})
    seconds = time.perf_counter() - started
    if request.show:
        with preview() as shown:
            shown(images, columns)
    files = images.save(out, separate=request.separate, scale=scale, columns=columns)
    values = {**images.provenance, "files": [str(f) for f in files], "seconds": round(seconds, 3)}
    line = f"{listed(files)}: {len(labels)} x {listed_labels(labels)}, {images.provenance['calls']} network calls"
    line += " a window" * (picture is not None)
    report(values, request.json, f"{line}, seed {seed}, {seconds:.2f} s on {model.provider}")
