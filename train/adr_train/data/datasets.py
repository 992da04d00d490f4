"""The data sets by name, as plain arrays."""

from collections.abc import Callable
from pathlib import Path

from adr_train.data import (
    aligned,
    cifar10,
    digits,
    fashion,
    fsdd,
    pronunciations,
    sounds,
    speech,
    speech_commands,
    text,
)
from adr_train.data import folder as pictures
from adr_train.data.download import RELEASES
from adr_train.data.splits import SPLITS
from adr_train.data.types import Dataset
from adr_train.errors import TrainError

# One's own pictures and sounds; the dictionary, which an installed package may bring; what one's own recordings become.
IMAGES, SOUNDS, PRONUNCIATIONS, ALIGNED_SPEECH = "images", "sounds", "pronunciations", "aligned-speech"


def load_dataset(
    name: str, folder: Path | None, split: str, shape: tuple[int, int, int] | None = None,
    sample_rate: int | None = None,
) -> Dataset:  # fmt: skip
    """One split of a data set in its public release's layout, or of one's own "images", brought to `shape` (height,
    width, channels), or "sounds", brought to `sample_rate` Hz. Raises TrainError that names the file at fault."""
    readers: dict[str, Callable[[Path, str], Dataset]] = {
        ALIGNED_SPEECH: aligned.read,
        "cifar10": cifar10.read,
        "fashion": fashion.read,
        "fsdd": fsdd.read,
        "speech": speech.read,
        "speech-commands": speech_commands.read,
        "text": text.read,
    }
    if split not in SPLITS:
        raise TrainError(f"unknown split {split!r}; there are {', '.join(SPLITS)}")
    if name == "digits":
        return digits.read(split)
    if name == PRONUNCIATIONS:
        return pronunciations.read(folder, split)
    if name not in (*readers, IMAGES, SOUNDS):
        others = ", ".join((*readers, PRONUNCIATIONS))
        raise TrainError(f"unknown data set {name!r}; there are digits, {IMAGES}, {SOUNDS}, {others}")
    if name == IMAGES:
        if folder is None or not folder.is_dir():
            raise TrainError(f"{folder or IMAGES}: give --data DIR, with one sub-folder of pictures for each class")
        if shape is None:
            raise TrainError(f"{IMAGES} are for models of pictures; the recipe or bundle makes none")
        return pictures.read(folder, split, shape)
    if name == SOUNDS:
        if folder is None or not folder.is_dir():
            raise TrainError(f"{folder or SOUNDS}: give --data DIR, with one sub-folder of sounds for each class")
        if sample_rate is None:
            raise TrainError(f"{SOUNDS} are for models of sound; the recipe or bundle makes none")
        return sounds.read(folder, split, sample_rate)
    if folder is None:
        raise TrainError(f"{name} needs its folder: give --data DIR{fetched(name, 'DIR')}")
    if not folder.is_dir() and not (name == "text" and folder.is_file()):
        raise TrainError(f"{folder}: no such folder{fetched(name, str(folder))}")
    return readers[name](folder, split)


def fetched(name: str, folder: str) -> str:
    """How to come by a data set, where adr-train can fetch it."""
    return f"; adr-train --download {name} {folder} fetches it" if name in RELEASES else ""
