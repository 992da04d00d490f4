"""Pictures: in memory, in files, in a notebook."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from adr_runtime.errors import InputError
from adr_runtime.limits import check_sheet, whole_number
from adr_runtime.media.atomic import check_targets, write_atomic
from adr_runtime.media.naming import numbered
from adr_runtime.media.provenance import KEY, encode_provenance

# Smaller pictures are enlarged to about this height where nobody says how much.
VISIBLE = 64
# Milliseconds of a frame of an animation, and of the last one.
FRAME, LAST_FRAME = 80, 2000
ANIMATIONS = (".webp", ".gif", ".png")
# What a notebook is given to hold.
NOTEBOOK_PIXELS = 1 << 22


@dataclass(frozen=True, eq=False)
class Images:
    """Pictures and where they came from: pixels uint8 (count, height, width, channels). `seed` makes the same again."""

    pixels: np.ndarray
    seed: int
    provenance: Mapping[str, Any]

    def __len__(self) -> int:
        return len(self.pixels)

    def save(
        self, path: str | Path, *, separate: bool = False, scale: int | None = None, columns: int | None = None
    ) -> list[Path]:
        """Write a PNG with the provenance as a text chunk: one picture, a sheet of several, or with `separate` numbered
        files beside `path`. scale enlarges the pixels; small pictures are enlarged unless it is given. columns are the
        pictures of a row of the sheet, which is nearly square unless it is given. -> the files. Raises ADRError."""
        scale = visible_scale(self.pixels.shape[1]) if scale is None else whole_number(scale, "scale")
        files = self.files(Path(path), self.pixels.shape, separate, scale)
        if not separate:
            write_picture(files[0], self.sheet(scale, columns), self.provenance)
            return files
        labels = self.provenance.get("labels")
        for number, (file, picture) in enumerate(zip(files, self.pixels, strict=True)):
            own = {"labels": [labels[number]]} if labels else {}
            write_picture(file, enlarged(picture, scale), {**self.provenance, **own})
        return files

    @staticmethod
    def files(path: Path, shape: tuple[int, ...], separate: bool, scale: int) -> list[Path]:
        """The files that pictures of this shape (count, height, width, channels) go to. Raises InputError, before
        anything is made, where one cannot or would be too large."""
        count, height, width, _ = shape
        if scale < 1:
            raise InputError(f"scale must be at least 1, not {scale}")
        check_sheet(1 if separate else count, height, width, scale)
        return check_targets(numbered(path, count) if separate else [path], (".png",))

    def sheet(self, scale: int = 1, columns: int | None = None) -> np.ndarray:
        """One picture, or several as one, uint8 (height, width, channels)."""
        return enlarged(self.pixels[0], scale) if len(self) == 1 else grid(self.pixels, scale, columns)

    def _repr_png_(self) -> bytes:
        """A sheet, in a notebook: of the first pictures, where all would be too large."""
        file, (height, width) = io.BytesIO(), self.pixels.shape[1:3]
        scale = visible_scale(height)
        first = self.pixels[: max(NOTEBOOK_PIXELS // (height * width * scale**2), 1)]
        save_png(file, replace(self, pixels=first).sheet(scale), self.provenance)
        return file.getvalue()


def visible_scale(height: int) -> int:
    """The scale at which small pictures can be seen."""
    return max(1, VISIBLE // height)


def enlarged(picture: np.ndarray, scale: int) -> np.ndarray:
    return picture.repeat(scale, 0).repeat(scale, 1)


def grid(pixels: np.ndarray, scale: int, columns: int | None = None, gap: int = 2) -> np.ndarray:
    """Pictures (count, height, width, channels) as one, nearly square unless `columns` is given, enlarged `scale`
    times, on white."""
    count, height, width, channels = pixels.shape
    columns = int(np.ceil(np.sqrt(count))) if columns is None else min(whole_number(columns, "columns"), count)
    if columns < 1:
        raise InputError(f"columns must be at least 1, not {columns}")
    rows = -(-count // columns)
    height, width = height * scale, width * scale
    sheet = np.full((rows * (height + gap) + gap, columns * (width + gap) + gap, channels), 255, np.uint8)
    for i, picture in enumerate(pixels):
        y, x = gap + i // columns * (height + gap), gap + i % columns * (width + gap)
        sheet[y : y + height, x : x + width] = enlarged(picture, scale)
    return sheet


def write_picture(path: Path, pixels: np.ndarray, provenance: Mapping[str, Any]) -> None:
    """uint8 pixels (height, width, 1 or 3) -> PNG with the provenance as a text chunk."""
    write_atomic(path, lambda temporary: save_png(temporary, pixels, provenance))


def write_animation(path: Path, frames: Sequence[np.ndarray]) -> None:
    """uint8 frames (height, width, 1 or 3) of one size -> an animation that goes on for ever: WebP without loss, GIF or
    PNG by the file's ending. The last frame stays longest."""
    from PIL import Image

    first, *others = (Image.fromarray(frame[..., 0] if frame.shape[-1] == 1 else frame) for frame in frames)
    durations, form = [FRAME] * (len(frames) - 1) + [LAST_FRAME], path.suffix[1:].upper()

    def write(temporary: Path) -> None:
        first.save(temporary, form, save_all=True, append_images=others, duration=durations, loop=0, lossless=True)

    write_atomic(path, write)


def save_png(file: Path | io.BytesIO, pixels: np.ndarray, provenance: Mapping[str, Any]) -> None:
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add_text(KEY, encode_provenance(provenance))
    Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels).save(file, "PNG", pnginfo=info)
