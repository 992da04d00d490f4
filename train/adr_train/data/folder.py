"""One's own pictures: a folder with a sub-folder for each class, or with pictures of one class alone.

Whatever Pillow reads of the usual formats is taken: turned as its EXIF says, its first frame, transparency laid on
white, cut to the shape of the model's pictures at the middle and brought to their size. What cannot be read is named
and left out.
"""

import warnings
from pathlib import Path

import numpy as np
from adr_runtime.media.reading import PICTURES, check_picture
from PIL import Image, ImageOps

from adr_train.data.types import Images
from adr_train.errors import TrainError

ENDINGS = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".ppm", ".pgm", ".gif"}
GROUND = (255, 255, 255, 255)
# Of every ten pictures of a class, in the order of their names, which validates and which tests.
VALIDATION, TEST = 4, 9
# Names of files that are told of those left out.
TOLD = 5


def read(folder: Path, split: str, shape: tuple[int, int, int]) -> Images:
    """The pictures of a split, uint8 (count, height, width, channels) for `shape` (height, width, 1 or 3). Of every ten
    of a class one validates and one tests. Raises TrainError where a class has none to train on."""
    classes = find_classes(folder)
    pixels, labels, broken = [], [], []
    for label, files in enumerate(classes.values()):
        for number, file in enumerate(files):
            if split_of(number, len(files)) != split:
                continue
            try:
                pixels.append(read_file(file, shape))
                labels.append(label)
            except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
                broken.append(f"{file.relative_to(folder)} ({' '.join(str(error).split())[:60] or 'cannot be read'})")
    if broken:
        more = f" and {len(broken) - TOLD} more" if len(broken) > TOLD else ""
        warnings.warn(f"left out of {split}, no pictures: {', '.join(broken[:TOLD])}{more}", stacklevel=2)
    missing = [name for label, name in enumerate(classes) if label not in labels]
    if missing and split == "train":
        raise TrainError(f"{folder / missing[0]}: no picture to train on; add some or take the folder away")
    return Images(np.stack(pixels) if pixels else np.zeros((0, *shape), np.uint8), np.array(labels, np.int64),
                  tuple(classes))  # fmt: skip


def split_of(number: int, count: int) -> str:
    """A class of fewer than three has them all in every split but test: too few to keep any back."""
    place = number % 10
    if count < 10:
        place = {count - 1: TEST, count - 2: VALIDATION}.get(number, 0)
    return {VALIDATION: "validation", TEST: "test"}.get(place, "train")


def find_classes(folder: Path) -> dict[str, list[Path]]:
    """The files of each class by its name, both in the order of their names."""
    folders = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    found = {path.name: pictures_below(path) for path in folders}
    classes = {name: files for name, files in found.items() if files}
    alone = [path for path in pictures_in(folder)]
    if classes and alone:
        raise TrainError(f"{alone[0]}: lies beside folders of classes; put it into one of them")
    classes = classes or ({folder.resolve().name: alone} if alone else {})
    if not classes:
        raise TrainError(f"{folder}: no pictures here; give a folder with one sub-folder of pictures for each class")
    few = [name for name, files in classes.items() if len(files) < 3]
    if few:
        raise TrainError(f"{folder / few[0]}: has fewer than 3 pictures; add some: one validates and one tests")
    return classes


def pictures_in(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_file() and path.suffix.lower() in ENDINGS)


def pictures_below(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix.lower() in ENDINGS)


def read_file(path: Path, shape: tuple[int, int, int]) -> np.ndarray:
    """uint8 (height, width, channels)."""
    height, width, channels = shape
    with Image.open(path, formats=PICTURES) as image:
        image.seek(0)
        check_picture(path, image)
        turned = ImageOps.exif_transpose(image)
        if turned.has_transparency_data:
            turned = Image.alpha_composite(Image.new("RGBA", turned.size, GROUND), turned.convert("RGBA"))
        plain = turned.convert("L" if channels == 1 else "RGB")
    fitted = ImageOps.fit(plain, (width, height), Image.Resampling.LANCZOS)
    return np.asarray(fitted).reshape(height, width, channels)
