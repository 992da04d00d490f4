"""Pictures on a terminal: two pixels a character, the upper one as the half block's colour and the lower one behind it.

Every terminal with colours shows these, where protocols for real pictures (Sixel, Kitty's, iTerm's) are those of a few.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

import numpy as np
from rich.color import Color
from rich.color_triplet import ColorTriplet
from rich.console import Console
from rich.style import Style
from rich.text import Text

from adr_runtime.cli.output import console
from adr_runtime.errors import InputError
from adr_runtime.media.images import Images, grid

UPPER = "▀"
GAP = 2
# Lines that stay free for what stands below.
FREE_LINES = 2


class Preview(Protocol):
    """Shows pictures in the place of those that it showed before."""

    def __call__(self, images: Images, columns: int | None = None) -> None: ...


def check_terminal() -> None:
    """Raises InputError where standard error, which pictures are shown on, is no terminal with colours."""
    if not console.is_terminal or console.color_system is None:
        raise InputError("--show draws on a terminal with colours, and standard error is none; leave it out")


@contextmanager
def preview() -> Iterator[Preview]:
    """Pictures shown on standard error while they are made, the last of which stay."""
    from rich.live import Live

    with Live(console=console, auto_refresh=False) as live:

        def show(images: Images, columns: int | None = None) -> None:
            live.update(half_blocks(fitting(images.pixels, columns, console)), refresh=True)

        yield show


def fitting(pixels: np.ndarray, columns: int | None, console: Console) -> np.ndarray:
    """As many of the pictures (count, height, width, channels) as the terminal has room for, on one sheet of `columns`,
    fewer where the terminal is narrow; of one that is too large, every other or every third pixel and so on."""
    count, height, width, _ = pixels.shape
    lines, across = 2 * (console.height - FREE_LINES) - GAP, console.width - GAP
    # A picture that is too large comes down to one that fits.
    step = max(-(-width // max(across - GAP, 1)), -(-height // max(lines - GAP, 1)))
    pixels = pixels[:, ::step, ::step]
    height, width = pixels.shape[1:3]
    room = max(across // (width + GAP), 1)
    columns = min(columns or room, room, count)
    rows = max(lines // (height + GAP), 1)
    return grid(pixels[: rows * columns], 1, columns, GAP)


def half_blocks(picture: np.ndarray) -> Text:
    """uint8 (height, width, 1 to 4) -> lines of half blocks in its colours, on white where the last of 2 or 4 channels
    lets it through; a last odd row stands alone."""
    if picture.shape[-1] in (2, 4):
        opacity = picture[..., -1:] / 255
        picture = np.round(picture[..., :-1] * opacity + 255 * (1 - opacity)).astype(np.uint8)
    rgb = np.broadcast_to(picture, (*picture.shape[:2], 3))
    text = Text()
    for y in range(0, len(rgb), 2):
        for x, upper in enumerate(rgb[y]):
            lower = colour(rgb[y + 1, x]) if y + 1 < len(rgb) else None
            text.append(UPPER, Style(color=colour(upper), bgcolor=lower))
        text.append("\n")
    text.right_crop()
    return text


def colour(pixel: np.ndarray) -> Color:
    red, green, blue = pixel.tolist()
    return Color.from_triplet(ColorTriplet(red, green, blue))
