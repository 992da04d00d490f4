"""adr-run image with an any-order model: whole pictures, or a given one with its holes filled."""

import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from adr_runtime.any_order.config import AnyOrderOptions
from adr_runtime.any_order.model import AnyOrderModel
from adr_runtime.causal.config import GenerationOptions
from adr_runtime.cli.image_request import ImageRequest, filling
from adr_runtime.cli.options import refuse_options
from adr_runtime.cli.output import listed, report
from adr_runtime.cli.preview import preview
from adr_runtime.errors import InputError
from adr_runtime.limits import check_count
from adr_runtime.media.images import Images, visible_scale
from adr_runtime.media.naming import file_stem


def generate_any_order(
    model: AnyOrderModel, request: ImageRequest, picture: np.ndarray | None, options: GenerationOptions
) -> None:
    """Make what was asked for, and tell what became of it."""
    refuse_options(model.name, {
        "sampler": options["sampler"], "guidance": options["guidance"],
        "label": request.label != "none" and request.label, "prompt": request.prompt,
        "sheet": request.sheet, "animate": request.animate,
    })  # fmt: skip
    model.require("image", "pictures")
    own, mask, (height, width, channels) = any_order_options(model.name, options), None, model.variables.shape
    seed = own["seed"]
    count, scale = request.count, request.scale or visible_scale(height)
    if picture is not None and request.mask is not None:
        picture, mask = filling(request, picture, model.name, channels)
        (height, width), scale = mask.shape, request.scale or 1
        count = 1 if count is None else count
    count = model.manifest.defaults.count if count is None else count
    check_count(count)
    out = request.out or Path(f"{file_stem(model.name)}-{seed}.png")
    Images.files(out, (count, height, width, channels), request.separate, scale)
    started = time.perf_counter()
    images = model.generate(count=count, picture=picture, mask=mask, **own)
    seconds = time.perf_counter() - started
    images = replace(images, provenance={**images.provenance, "filled": str(request.fill or "")})
    if request.show:
        with preview() as shown:
            shown(images)
    files = images.save(out, separate=request.separate, scale=scale)
    values = {**images.provenance, "files": [str(f) for f in files], "seconds": round(seconds, 3)}
    line = f"{listed(files)}: {count} picture(s), {images.provenance['steps']} network calls a window, "
    report(values, request.json, line + f"seed {seed}, {seconds:.2f} s")


def any_order_options(model: str, options: GenerationOptions) -> AnyOrderOptions:
    """Those that any-order models have. Raises InputError for values by parts."""
    for name, value in options.items():
        if isinstance(value, tuple):
            raise InputError(f"{model} is an any-order model, which takes one number for --{name}")
    return AnyOrderOptions(steps=options["steps"], temperature=options["temperature"], seed=options["seed"])  # type: ignore[typeddict-item]
