"""Compressed sizes beside PNG, WebP and JPEG XL (pictures), xz, zstd, gzip, bz2 and PPMd (text) or FLAC (sound), and
the time.

    pip install pillow-jxl-plugin zstandard pyppmd
    python bench/compress.py pictures --data cifar10 --count 500 --jpegs cifar10-jpeg.tar.xz
    python bench/compress.py pictures --data cifar10 --count 100 --bits --crop 24 --offset 4,4
    python bench/compress.py pictures --bits --pictures PHOTOGRAPHS --reduce 4
    python bench/compress.py digits-any --count 500
    python bench/compress.py shakespeare --data text
    python bench/compress.py MODEL_OF_16_BIT_SOUND --data fsdd --count 50

Held-out data only, evenly spread: pictures of the test split, and of the validation split where it has too few, the
last 5% of a text, clips of the test split joined to one; or one's own pictures. Sizes are bits per value, with every
format's header and without (bench/formats.py); ours is everything in the container but the coded bytes.

A model of pictures that went through JPEG knows the grid of its 8 x 8 blocks. --offset cuts the pictures so that the
grid lies elsewhere (compare --crop 24 at 0,0 and at 4,4), --reduce makes pictures smaller until the grid is gone.
"""

import argparse
import json
import time
from pathlib import Path

import adr_runtime
import numpy as np
from adr_runtime.any_order.blocks import Blocks
from adr_runtime.any_order.scoring import score_blocks
from adr_runtime.coding.archive import decode_files, encode_files
from adr_runtime.coding.container import pack, unpack
from adr_runtime.media.exact.files import File
from adr_train.data.datasets import load_dataset
from adr_train.data.splits import spread
from adr_train.recipes.recipe import dataset_of
from formats import Rows, picture_formats, sound_formats, text_formats
from sources import cut, grid, jpeg_sizes, read_pictures

# So many files are also coded one by one.
ALONE = 20


def held_out(model: adr_runtime.AnyOrderModel, given: argparse.Namespace) -> list[File]:
    """What is coded: evenly spread over the test split, so that its order does not matter."""
    dataset = dataset_of(str(model.manifest.training["recipe"]))
    if model.kind == "text":
        return [File("", "text", load_dataset(dataset, given.data, "test").symbols)]
    if model.kind == "audio":
        test = load_dataset(dataset, given.data, "test")
        clips = [test.clips[i] for i in spread(len(test.clips), given.count)]
        samples = np.round(np.concatenate(clips) * 32768).astype(np.int16)
        return [File("", f"sound:{test.sample_rate}", samples[:, None])]
    channels = model.variables.shape[-1]
    if given.pictures:
        pixels = read_pictures(given.pictures, given.reduce, channels)
    else:
        pixels = load_dataset(dataset, given.data, "test").pixels
        if len(pixels) < given.count:
            pixels = np.concatenate([pixels, load_dataset(dataset, given.data, "validation").pixels])
    pixels = [pixels[i] for i in spread(len(pixels), given.count)]
    mode = "RGB" if channels == 3 else "L"
    cropped = cut(pixels, given.crop, given.offset)
    return [File(f"{i:04d}.png", f"image:{mode}", p) for i, p in enumerate(cropped)]


def code(model: adr_runtime.AnyOrderModel, files: list[File], folder: bool, steps: int | None) -> tuple[bytes, int]:
    """The container, and how many of its bytes are coded ones; not yet decoded."""
    container = encode_files([(model, files)], folder, steps, choose=False)
    return pack(container), sum(map(len, container.coded))


def own_bits(model: adr_runtime.AnyOrderModel, files: list[File], steps: int | None) -> float:
    """What the model says that they cost by the same policy."""
    blocks = Blocks([(f.kind, f.data.shape) for f in files], model.variables)
    return float(score_blocks(model, blocks, [f.data for f in files], model.policy(steps), 0)[0].sum())


def coded_rows(model: adr_runtime.AnyOrderModel, files: list[File], steps: int | None) -> Rows:
    """All files as one container, which must come back, and some of them as a container each."""
    started, values = time.perf_counter(), sum(f.data.size for f in files)
    data, coded = code(model, files, model.kind == "image", steps)
    encoding = time.perf_counter() - started
    started = time.perf_counter()
    back = decode_files(unpack(data, model.name), lambda section: model, model.name)
    decoding = time.perf_counter() - started
    assert all(np.array_equal(a.data, b.data) for a, b in zip(back, files, strict=True))
    print(f"encoding {encoding:.1f} s, decoding {decoding:.1f} s, exact")
    rows = {f"{model.name}, one container": {"bits": 8 * len(data) / values, "without header": 8 * coded / values}}
    if model.kind == "image" and len(files) > ALONE:
        some = [files[i] for i in spread(len(files), ALONE)]
        # What differs is the header, and the last word of the coder.
        single = sum(len(code(model, [File("", f.kind, f.data)], False, steps)[0]) for f in some)
        rows[f"{model.name}, a file each"] = {"bits": 8 * single / sum(f.data.size for f in some)}
    return rows


def other_rows(model: adr_runtime.AnyOrderModel, files: list[File], given: argparse.Namespace) -> Rows:
    data = [f.data for f in files]
    if model.kind == "audio":
        return sound_formats(data[0], model.variables.sample_rate)
    if model.kind == "text":
        dataset = dataset_of(str(model.manifest.training["recipe"]))
        parts = (load_dataset(dataset, given.data, split).symbols.tobytes() for split in ("train", "validation"))
        return text_formats(data[0].tobytes(), *parts)
    print(f"steps across lines 8 apart are {grid(data):.3f} times the others")
    rows = picture_formats(data)
    if given.jpegs:
        assert given.crop is None, "--jpegs: whole pictures are found in them, no --crop"
        sizes = jpeg_sizes(given.jpegs, data, "test")
        rows["the JPEG files themselves"] = {"bits": 8 * sum(sizes) / sum(p.size for p in data)}
    if len(files) > ALONE:
        some = picture_formats([data[i] for i in spread(len(files), ALONE)])
        rows |= {f"{name}, {ALONE} of them": {"bits": row["bits"]} for name, row in some.items()}
    return rows


def pair(text: str) -> tuple[int, int]:
    first, second = map(int, text.split(","))
    return first, second


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("bundle")
    arguments.add_argument("--data", type=Path)
    arguments.add_argument("--count", type=int, default=500)
    arguments.add_argument("--steps", type=int)
    arguments.add_argument("--bits", action="store_true", help="the model's own bits alone: nothing is coded")
    arguments.add_argument("--pictures", type=Path, help="a folder of pictures in place of the data set's")
    arguments.add_argument("--reduce", type=int, default=1, help="how many times smaller to make those")
    arguments.add_argument("--crop", type=int, help="squares of so many pixels")
    arguments.add_argument("--offset", type=pair, default=(0, 0), help="row and column of their first pixel, as 4,4")
    arguments.add_argument("--jpegs", type=Path, help="a tar file of the JPEG files that the pictures came from")
    given = arguments.parse_args()
    model = adr_runtime.AnyOrderModel.load(given.bundle, "cpu")
    files = held_out(model, given)
    values = sum(f.data.size for f in files)
    rows = {} if given.bits else coded_rows(model, files, given.steps)
    rows[f"{model.name}, the model's own bits"] = {"bits": own_bits(model, files, given.steps) / values}
    rows |= other_rows(model, files, given)
    for name, row in rows.items():
        print(f"{name:40s}" + "".join(f"  {k} {v:.4f}" for k, v in row.items()))
    steps = model.manifest.defaults.steps if given.steps is None else given.steps
    print(json.dumps({"bundle": given.bundle, "files": len(files), "values": values, "steps": steps, "rows": rows}))


if __name__ == "__main__":
    main()
