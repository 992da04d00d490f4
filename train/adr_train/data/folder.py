"""One's own pictures: a folder with a sub-folder for each class, or with pictures of one class alone.

Whatever Pillow reads of the usual formats is taken: turned as its EXIF says, its first frame, transparency laid on
white, cut to the shape of the model's pictures at the middle and brought to their size. What cannot be read is named
and left out.
"""

import hashlib
import os
from pathlib import Path

import numpy as np
from adr_runtime.errors import InputError
from adr_runtime.media.reading import PICTURES
from adr_runtime.terminal.display import PlainConsole
from PIL import Image, ImageOps

from adr_train.data.types import Images
from adr_train.errors import TrainError

console = PlainConsole(stderr=True)

ENDINGS = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".ppm", ".pgm", ".gif", ".jfif"}
GROUND = (255, 255, 255, 255)
# Of a picture that is decoded whole.
MAX_PIXELS = 1 << 27
# Names of files that are told of those left out.
TOLD = 5


def read(folder: Path, split: str, shape: tuple[int, int, int]) -> Images:
    """The pictures of a split, uint8 (count, height, width, channels) for `shape` (height, width, 1 or 3). Of ten of a
    class about one validates and one tests. Raises TrainError where a class has none to train on."""
    classes = find_classes(folder)
    wanted = [
        (label, file)
        for label, files in enumerate(classes.values())
        for file, its_split in zip(files, splits_of([file.relative_to(folder) for file in files]), strict=True)
        if its_split == split
    ]
    pixels, labels, broken = np.empty((len(wanted), *shape), np.uint8), list[int](), list[str]()
    for label, file in wanted:
        try:
            pixels[len(labels)] = read_file(file, shape)
            labels.append(label)
        except MemoryError:
            raise
        except Exception:  # Decoders raise whatever a damaged file leads them to.
            broken.append(str(file.relative_to(folder)))
    if broken:
        more = f" and {len(broken) - TOLD} more" if len(broken) > TOLD else ""
        console.print(f"left out of {split}, as they cannot be read: {', '.join(broken[:TOLD])}{more}", soft_wrap=True)
    missing = [name for label, name in enumerate(classes) if label not in labels]
    if missing and split == "train":
        raise TrainError(f"{folder / missing[0]}: no picture to train on; add some or take the folder away")
    return Images(pixels[: len(labels)], np.array(labels, np.int64), tuple(classes))


def splits_of(names: list[Path]) -> list[str]:
    """The split of each of a class' pictures, at least 3, by a hash of its name: pictures that follow one another, as
    they were taken, come apart, and one that is added to a class of some fifty or more moves no other. The lowest
    tenth of all hashes validates, the highest tests. Where nothing is there, as in a class of few, the lowest and the
    highest one do; the one in the middle trains."""
    places = [int.from_bytes(hashlib.sha256(os.fsencode(name.as_posix())).digest()[:8]) for name in names]
    ordered = sorted(places)
    found = []
    for place in places:
        tenth = place * 10 >> 64
        if place == ordered[len(ordered) // 2]:
            found.append("train")
        elif tenth == 0 or place == ordered[0]:
            found.append("validation")
        else:
            found.append("test" if tenth == 9 or place == ordered[-1] else "train")
    return found


def find_classes(folder: Path) -> dict[str, list[Path]]:
    """The files of each class by its name, both in the order of their names."""
    folders = sorted(path for path in folder.iterdir() if path.is_dir() and seen(path))
    found = {path.name: pictures_below(path) for path in folders}
    classes = {name: files for name, files in found.items() if files}
    alone = pictures_in(folder)
    if classes and alone:
        raise TrainError(f"{alone[0]}: lies beside folders of classes; put it into one of them")
    classes = classes or ({folder.resolve().name: alone} if alone else {})
    if not classes:
        raise TrainError(f"{folder}: no pictures here; give a folder with one sub-folder of pictures for each class")
    for name in classes:
        # "none" asks adr-run for no label.
        if name == "none" or not name.isprintable() or not name.strip():
            raise TrainError(f"{folder / name!s}: {name!r} cannot be a label; give the folder another name")
    few = [name for name, files in classes.items() if len(files) < 3]
    if few:
        raise TrainError(f"{folder / few[0]}: has fewer than 3 pictures; add some: one validates and one tests")
    return classes


def pictures_in(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in ENDINGS and path.is_file() and seen(path))


def pictures_below(folder: Path) -> list[Path]:
    found = (path for path in folder.rglob("*") if path.suffix.lower() in ENDINGS and path.is_file())
    return sorted(path for path in found if all(map(seen, [path, *path.relative_to(folder).parents][:-1])))


def seen(path: Path) -> bool:
    """Whether it is nothing that a system has hidden there: thumbnails, checkpoints, another system's notes."""
    return not path.name.startswith(".") and path.name != "__MACOSX"


def read_file(path: Path, shape: tuple[int, int, int]) -> np.ndarray:
    """uint8 (height, width, channels)."""
    height, width, channels = shape
    with Image.open(path, formats=PICTURES) as image:
        # A photo is decoded at a size near to what is wanted, where its format can do that.
        image.draft("L" if channels == 1 else "RGB", (2 * max(width, height),) * 2)
        if image.width * image.height > MAX_PIXELS:
            raise InputError(f"{path}: more than {MAX_PIXELS} pixels")
        turned = ImageOps.exif_transpose(image)
        if turned.mode == "F":
            raise InputError(f"{path}: values of any size")
        if turned.mode.startswith("I"):
            turned = Image.fromarray((np.asarray(turned).astype(np.uint32) >> 8).astype(np.uint8))
        if turned.has_transparency_data:
            turned = Image.alpha_composite(Image.new("RGBA", turned.size, GROUND), turned.convert("RGBA"))
        plain = turned.convert("L" if channels == 1 else "RGB")
    fitted = ImageOps.fit(plain, (width, height), Image.Resampling.LANCZOS)
    return np.asarray(fitted).reshape(height, width, channels)
