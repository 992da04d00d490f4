"""scikit-learn's handwritten digits: 1,797 pictures of 8 x 8 pixels with 17 grey levels. Nothing to download."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np

from adr_train.data.types import Images


def read(split: str) -> Images:
    """Of every ten pictures in their order, seven train, one validates, two test: uint8 (count, 8, 8, 1).

    The set has no official split; neighbouring pictures are by the same writer, but each writer's digits fall into
    all three parts, so the test part measures recognition and says little about new handwriting.
    """
    # As sklearn.datasets.load_digits, without the seconds that it takes to import scikit-learn.
    package = find_spec("sklearn")
    assert package and package.origin
    rows = np.loadtxt(Path(package.origin).with_name("datasets") / "data" / "digits.csv.gz", delimiter=",")
    position = np.arange(len(rows)) % 10
    part = {"train": position < 7, "validation": position == 7, "test": position > 7}[split]
    pixels = np.round(rows[part, :64] * (255 / 16)).astype(np.uint8)
    return Images(pixels.reshape(-1, 8, 8, 1), rows[part, 64].astype(np.int64), tuple("0123456789"))
