"""One's own pictures: a folder with a sub-folder for each class, or with pictures of one class alone.

Whatever Pillow reads of the usual formats is taken: turned as its EXIF says, its first frame, transparency laid on
white, cut to the shape of the model's pictures at the middle and brought to their size. What cannot be read is named
and left out.
"""

from pathlib import Path

import numpy as np
from adr_runtime.errors import InputError
from adr_runtime.media.reading import PICTURES
from adr_runtime.terminal.display import PlainConsole
from PIL import Image, ImageOps

from adr_train.data.class_folders import find_classes, splits_of
from adr_train.data.types import Images
from adr_train.errors import TrainError

console = PlainConsole(stderr=True)

ENDINGS = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".ppm", ".pgm", ".gif", ".jfif"})
# Of a class: one trains, one validates and one tests.
FEWEST = 3
GROUND = (255, 255, 255, 255)
# Of a picture that is decoded whole.
MAX_PIXELS = 1 << 27
# Names of files that are told of those left out.
TOLD = 5


def read(folder: Path, split: str, shape: tuple[int, int, int]) -> Images:
    """The pictures of a split, uint8 (count, height, width, channels) for `shape` (height, width, 1 or 3). Of ten of a
    class about one validates and one tests. Raises TrainError where a class has none to train on."""
    classes = find_classes(folder, ENDINGS, "pictures", FEWEST)
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
