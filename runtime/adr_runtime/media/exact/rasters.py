"""Pixels as a file holds them, and the reasons not to code a file by them."""

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
