"""Pictures for bench/compress.py: cut, made smaller, found as the JPEG files that they came from, and measured for the
grid that JPEG leaves."""

import hashlib
import io
import tarfile
from pathlib import Path

import numpy as np
from PIL import Image


def read_pictures(folder: Path, reduce: int, channels: int) -> list[np.ndarray]:
    """Every picture of a folder, uint8 (height, width, channels); made smaller by an average of squares of `reduce`
    pixels, which takes 8 x 8 blocks of a JPEG file away where it is 4 or more."""
    found = []
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in (".png", ".jpg", ".jpeg", ".ppm", ".bmp", ".webp"):
            picture = Image.open(path).convert("RGB" if channels == 3 else "L").reduce(reduce)
            found.append(np.asarray(picture).reshape(picture.height, picture.width, channels))
    assert found, f"{folder}: no pictures"
    return found


def cut(pixels: list[np.ndarray], size: int | None, offset: tuple[int, int]) -> list[np.ndarray]:
    """Squares of `size` pixels, or all that is there, from the offset (rows, columns) on."""
    top, left = offset
    end = (None, None) if size is None else (top + size, left + size)
    cropped = [np.ascontiguousarray(p[top : end[0], left : end[1]]) for p in pixels]
    assert all(p.size for p in cropped), f"the offset {top},{left} leaves nothing of some pictures"
    return cropped


def grid(pixels: list[np.ndarray]) -> float:
    """How much larger the mean step between neighbouring pixels is across lines 8 apart, counted from the first pixel,
    than elsewhere: 1 where no JPEG was, unless something else repeats every 8 pixels."""
    across, elsewhere = [0.0, 0.0], [0.0, 0.0]
    for picture in pixels:
        for axis in (0, 1):
            steps = np.abs(np.diff(picture.astype(np.int64), axis=axis))
            line = np.arange(steps.shape[axis]) % 8 == 7
            for total, kept in ((across, line), (elsewhere, ~line)):
                chosen = np.compress(kept, steps, axis)
                total[0] += float(chosen.sum())
                total[1] += chosen.size
    return across[0] / max(across[1], 1) / (elsewhere[0] / max(elsewhere[1], 1))


def jpeg_sizes(tar: Path, pixels: list[np.ndarray], split: str) -> list[int]:
    """Bytes of the JPEG file in an archive whose pixels are those of each picture; only names beginning with `split`
    are read."""
    wanted = {hashlib.sha256(p.tobytes()).digest() for p in pixels}
    sizes: dict[bytes, int] = {}
    with tarfile.open(tar) as archive:
        for member in archive:
            if member.isfile() and member.name.lstrip("./").startswith(split):
                data = archive.extractfile(member).read()
                key = hashlib.sha256(np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).tobytes()).digest()
                if key in wanted:
                    sizes[key] = len(data)
    found = [sizes.get(hashlib.sha256(p.tobytes()).digest()) for p in pixels]
    missing = found.count(None)
    assert not missing, f"{tar}: {missing} of {len(pixels)} pictures are of none of its JPEG files"
    return [size for size in found if size is not None]
