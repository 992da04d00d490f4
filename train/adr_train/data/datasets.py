"""The data sets by name, as plain arrays."""

from collections.abc import Callable
from pathlib import Path

from adr_train.data import cifar10, digits, fsdd, speech_commands, text
from adr_train.data.splits import SPLITS
from adr_train.data.types import Dataset
from adr_train.errors import TrainError


def load_dataset(name: str, folder: Path | None, split: str) -> Dataset:
    """One split of a data set in its public release's layout. Raises TrainError that names the file at fault."""
    readers: dict[str, Callable[[Path, str], Dataset]] = {
        "cifar10": cifar10.read,
        "fsdd": fsdd.read,
        "speech-commands": speech_commands.read,
        "text": text.read,
    }
    if split not in SPLITS:
        raise TrainError(f"unknown split {split!r}; there are {', '.join(SPLITS)}")
    if name == "digits":
        return digits.read(split)
    if name not in readers:
        raise TrainError(f"unknown data set {name!r}; there are digits, {', '.join(readers)}")
    if folder is None:
        raise TrainError(f"{name} needs its folder: give --data DIR (adr-train --download {name} DIR fetches it)")
    if not folder.is_dir() and not (name == "text" and folder.is_file()):
        raise TrainError(f"{folder}: no such folder; adr-train --download {name} {folder} fetches it")
    return readers[name](folder, split)
