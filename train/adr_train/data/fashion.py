"""Fashion-MNIST (Xiao et al. 2017, arXiv 1708.07747): 70,000 grey pictures of ten kinds of clothes, 28 x 28 pixels.

Files are in the IDX format of MNIST: two zero bytes, a type (8 for bytes), the number of dimensions, each size as a
big-endian 32-bit number, then the values; gzipped as they are released, or not.
"""

import gzip
import zlib
from pathlib import Path

import numpy as np

from adr_train.data.splits import spread
from adr_train.data.types import Images
from adr_train.errors import TrainError

NAMES = ("t-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "boot")
VALIDATION = 5000
# Bytes of the largest file: 60,000 pictures of 28 x 28.
LARGEST = 1 << 26


def read(folder: Path, split: str) -> Images:
    """The official test split, or the training split less 5,000 pictures (a tenth of a smaller one) that validate:
    uint8 (count, 28, 28, 1)."""
    stem = "t10k" if split == "test" else "train"
    pixels, labels = (read_idx(find(folder, f"{stem}-{what}")) for what in ("images-idx3-ubyte", "labels-idx1-ubyte"))
    if pixels.ndim != 3 or labels.ndim != 1 or len(pixels) != len(labels) or not len(labels):
        raise TrainError(f"{folder}: pictures {pixels.shape} and labels {labels.shape} do not belong together")
    if labels.max() >= len(NAMES):
        raise TrainError(f"{folder}: mislabelled: a label {labels.max()}, expected 0 to 9")
    if split != "test":
        validates = np.zeros(len(labels), bool)
        validates[spread(len(labels), VALIDATION if len(labels) > VALIDATION else max(len(labels) // 10, 1))] = True
        keep = validates == (split == "validation")
        pixels, labels = pixels[keep], labels[keep]
    return Images(pixels[..., None], labels.astype(np.int64), NAMES)


def find(folder: Path, name: str) -> Path:
    for path in (folder / f"{name}.gz", folder / name):
        if path.is_file():
            return path
    raise TrainError(f"{folder}: no {name}.gz here; give the folder with the four files of Fashion-MNIST")


def read_idx(path: Path) -> np.ndarray:
    """uint8 of the shape that the file says."""
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            data = file.read(LARGEST)
    except (OSError, EOFError, zlib.error) as error:
        raise TrainError(f"{path}: cannot read: {error}") from error
    dimensions = data[3] if data[:3] == b"\0\0\x08" and len(data) > 3 else 0
    shape = tuple(int.from_bytes(data[4 + 4 * i : 8 + 4 * i], "big") for i in range(dimensions))
    values = data[4 + 4 * dimensions :]
    if not dimensions or dimensions > 3 or len(values) != np.prod(shape, dtype=object):
        raise TrainError(f"{path}: truncated, or no IDX file of bytes; fetch it again")
    return np.frombuffer(values, np.uint8).reshape(shape)
