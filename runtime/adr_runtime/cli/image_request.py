"""What `adr-run image` was asked for, beside how tokens are generated."""

from dataclasses import dataclass
from pathlib import Path


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
