"""Fashion-MNIST in its public layout, and what is said of broken files."""

import gzip

import numpy as np
import pytest
from adr_train.data.datasets import load_dataset
from data_files import refuse


def write_idx(path, values):
    head = bytes([0, 0, 8, values.ndim]) + b"".join(size.to_bytes(4, "big") for size in values.shape)
    data = head + values.astype(np.uint8).tobytes()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)


def release(folder, ending=".gz", train=40, test=10):
    folder.mkdir()
    for stem, count in (("train", train), ("t10k", test)):
        random = np.random.default_rng(count)
        write_idx(folder / f"{stem}-images-idx3-ubyte{ending}", random.integers(0, 256, (count, 28, 28)))
        write_idx(folder / f"{stem}-labels-idx1-ubyte{ending}", np.arange(count) % 10)
    return folder


@pytest.mark.parametrize("ending", [".gz", ""])
def test_splits_and_values(tmp_path, ending):
    folder = release(tmp_path / "data", ending)
    parts = {split: load_dataset("fashion", folder, split) for split in ("train", "validation", "test")}
    assert {name: part.pixels.shape for name, part in parts.items()} == {
        "train": (36, 28, 28, 1), "validation": (4, 28, 28, 1), "test": (10, 28, 28, 1),
    }  # fmt: skip
    expected = np.random.default_rng(10).integers(0, 256, (10, 28, 28))
    assert (parts["test"].pixels[..., 0] == expected).all() and parts["test"].labels.tolist() == list(range(10))
    assert parts["test"].names[9] == "boot" and parts["test"].labels.dtype == np.int64
    whole = np.concatenate([parts["train"].pixels, parts["validation"].pixels])
    assert len(np.unique(whole.reshape(40, -1), axis=0)) == 40


def test_broken_files_are_named(tmp_path):
    folder = release(tmp_path / "data")
    images, labels = folder / "train-images-idx3-ubyte.gz", folder / "train-labels-idx1-ubyte.gz"
    whole = images.read_bytes()
    for data in (whole[:-9], b"", b"words", gzip.compress(gzip.decompress(whole)[:-1]), gzip.compress(b"\0\0\x09\1")):
        images.write_bytes(data)
        refuse(r"train-images-idx3-ubyte.gz: (cannot read|truncated)", "fashion", folder)
    images.write_bytes(whole)
    write_idx(labels, np.arange(39))
    refuse("do not belong together", "fashion", folder)
    write_idx(labels, np.full(40, 10))
    refuse("mislabelled: a label 10", "fashion", folder)
    labels.unlink()
    refuse("no train-labels-idx1-ubyte.gz here", "fashion", folder)
