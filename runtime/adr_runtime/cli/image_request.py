"""What `adr-run image` was asked for, beside how tokens are generated."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from adr_runtime.errors import InputError
from adr_runtime.media.reading import read_unchanged


@dataclass(frozen=True)
class ImageRequest:
    """The options of `adr-run image` that are not the sampler's. Of a picture there may be its top already (`prompt`),
    or all but what a mask marks (`fill`, `mask`); pictures go to one file with a sheet of them or to one file each,
    their pixels enlarged `scale` times. A `sheet` has a row for each label; `animate` is a file that shows
    them grow; `show` shows them on the terminal."""

    label: str | None
    count: int | None
    out: Path | None
    separate: bool
    sheet: bool
    animate: Path | None
    show: bool
    scale: int | None
    prompt: Path | None
    fill: Path | None
    mask: Path | None
    json: bool


def filling(request: ImageRequest, picture: np.ndarray, model: str, channels: int) -> tuple[np.ndarray, np.ndarray]:
    """The picture to fill in, uint8 (height, width, channels) with a model's channels, and bool (height, width) where.
    Raises InputError where model or mask do not fit it."""
    assert request.mask is not None
    mask = read_unchanged(request.mask).max(-1) > 127
    if picture.shape[2] > channels:
        raise InputError(f"{request.fill}: is in colour, {model} makes greys; choose another --model")
    height, width = picture.shape[:2]
    if (height, width) != mask.shape:
        raise InputError(
            f"{request.fill}: {width} x {height} pixels, the mask {mask.shape[1]} x {mask.shape[0]}; "
            "make them of one size"
        )
    return np.broadcast_to(picture, (height, width, channels)), mask
