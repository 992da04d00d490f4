"""Pixels as a file holds them, and the reasons not to code a file by them."""

import io
from dataclasses import dataclass
from typing import NoReturn

import numpy as np

from adr_runtime.errors import InputError
from adr_runtime.limits import MAX_VALUES


@dataclass(frozen=True)
class Raster:
    """pixels uint8 (rows, columns, channels) of a mode (L, LA, RGB, RGBA, or I;16, whose two bytes are two channels),
    and what stands before and behind them in the file. `format` is set where that gives the very file again."""

    mode: str
    pixels: np.ndarray
    extra: tuple[bytes, bytes] = (b"", b"")
    format: str = ""


def refuse(file: str, why: str) -> NoReturn:
    raise InputError(f"{file}: {why}, which is not coded by its values; convert it to RGB or grey of 8 bits")


def check_size(file: str, *sizes: int) -> None:
    """ADRError for more values than are decoded at once, or none."""
    values = 1
    for size in sizes:
        values *= size
    if values > MAX_VALUES:
        raise InputError(f"{file}: has {values} values, more than the {MAX_VALUES} that are decoded at once; cut it up")
    if not values:
        raise InputError(f"{file}: holds no values")


def decode(raw: bytes, form: str, mode: str, file: str) -> np.ndarray:
    """uint8 (rows, columns, channels) of a file in one of Pillow's formats, which must find one picture of that mode in
    it; 16-bit greys are two channels, high byte first."""
    from PIL import Image

    try:
        with Image.open(io.BytesIO(raw), formats=[form]) as image:
            if image.mode != mode or getattr(image, "n_frames", 1) != 1:
                refuse(file, f"is a {form} that Pillow takes for {image.mode}")
            pixels: np.ndarray = np.asarray(image)
    except InputError:
        raise
    except (OSError, SyntaxError, ValueError):
        refuse(file, f"is a damaged {form}")
    if mode == "I;16":
        pixels = np.stack([pixels >> 8, pixels & 255], -1).astype(np.uint8)
    return np.ascontiguousarray(pixels.reshape(*pixels.shape[:2], -1))
