"""CIFAR-10 (Krizhevsky 2009) in both public layouts, the binary version and the Python version.

A record of the binary version is a label byte and 3,072 pixel bytes: the red, green and blue planes, row by row. The
Python version holds the same bytes in pickles, which are read here without executing them.
"""

from pathlib import Path

import numpy as np

from adr_train.data.plain_pickle import PickleRefused, read_plain_pickle
from adr_train.data.splits import spread
from adr_train.data.types import Images
from adr_train.errors import TrainError

NAMES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
RECORD = 1 + 3072
TRAIN = tuple(f"data_batch_{i}" for i in range(1, 6))
VALIDATION = 5000


def read(folder: Path, split: str) -> Images:
    """The official test split, or the training split less 5,000 pictures (a tenth of a smaller one) that validate.
    These are spread evenly over the files, whose order may be that of the classes."""
    for root in (folder, folder / "cifar-10-batches-bin", folder / "cifar-10-batches-py"):
        binary, python = (root / "test_batch.bin").exists(), (root / "test_batch").exists()
        if binary or python:
            break
    else:
        raise TrainError(
            f"{folder}: neither test_batch.bin nor test_batch here; unpack cifar-10-binary.tar.gz or "
            "cifar-10-python.tar.gz and give its folder"
        )
    files = ("test_batch",) if split == "test" else TRAIN
    parts = [read_binary(root / f"{file}.bin") if binary else read_python(root / file) for file in files]
    labels = np.concatenate([part[0] for part in parts])
    pixels = np.concatenate([part[1] for part in parts])
    if split != "test":
        validates = np.zeros(len(labels), bool)
        validates[spread(len(labels), VALIDATION if len(labels) > VALIDATION else max(len(labels) // 10, 1))] = True
        keep = validates == (split == "validation")
        labels, pixels = labels[keep], pixels[keep]
    return Images(pixels.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1), labels.astype(np.int64), NAMES)


def read_binary(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """labels (count,) and pixel bytes (count, 3072)."""
    try:
        data = np.fromfile(path, np.uint8)
    except OSError as error:
        raise TrainError(f"{path}: cannot read: {error.strerror}") from error
    if not len(data) or len(data) % RECORD:
        raise TrainError(f"{path}: truncated: {len(data)} bytes are not a multiple of {RECORD}; fetch it again")
    records = data.reshape(-1, RECORD)
    return check_labels(path, records[:, 0]), records[:, 1:]


def read_python(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """The same from a pickled dictionary with b"labels" and b"data"."""
    try:
        values = read_plain_pickle(path.read_bytes())
    except OSError as error:
        raise TrainError(f"{path}: cannot read: {error.strerror}") from error
    except PickleRefused as error:
        raise TrainError(f"{path}: not a batch of CIFAR-10's Python version: {error}") from error
    fields = (
        {k.decode() if isinstance(k, bytes) else k: v for k, v in values.items()} if isinstance(values, dict) else {}
    )
    labels, pixels = fields.get("labels"), fields.get("data")
    if not isinstance(labels, list) or not isinstance(pixels, np.ndarray) or pixels.shape != (len(labels), RECORD - 1):
        raise TrainError(f"{path}: not a batch of CIFAR-10's Python version: no labels with data of 3,072 bytes each")
    return check_labels(path, np.array(labels)), pixels


def check_labels(path: Path, labels: np.ndarray) -> np.ndarray:
    wrong = np.flatnonzero((labels < 0) | (labels > 9))
    if len(wrong):
        raise TrainError(f"{path}: mislabelled: record {wrong[0]} has label {labels[wrong[0]]}, expected 0 to 9")
    return labels
