"""Compressed sizes beside PNG, WebP and JPEG XL (pictures), xz, zstd and gzip (text) or FLAC (sound), and the time.

    pip install pillow-jxl-plugin zstandard
    python bench/compress.py pictures --data cifar10 --count 500
    python bench/compress.py digits-any --count 500
    python bench/compress.py shakespeare --data text
    python bench/compress.py MODEL_OF_16_BIT_SOUND --data fsdd --count 50

Held-out data only: pictures of the test split, and of the validation split where it has too few, the last 5% of a text,
clips of the test split joined to one. Sizes are bits per value, with every format's header and without: a format's
header is taken to be as long as its file of a black picture, or of nothing; ours is everything in the container but the
coded bytes.
"""

import argparse
import io
import json
import lzma
import time
import zlib
from pathlib import Path

import adr_runtime
import numpy as np
import soundfile
import zstandard
from adr_runtime.archive import File, compress, decompress
from adr_runtime.blocks import to_blocks
from adr_runtime.cli_code import score
from adr_runtime.container import pack, unpack
from adr_train.data import load_dataset
from adr_train.likelihood import dataset_of
from PIL import Image


def picture_formats(pixels: list[np.ndarray]) -> dict[str, dict[str, float]]:
    import pillow_jxl  # noqa: F401 - registers the format

    settings = {
        "PNG": {"optimize": True}, "WebP": {"lossless": True, "quality": 100, "method": 6},
        "JXL": {"lossless": True, "effort": 9},
    }  # fmt: skip
    rows = {}
    for name, options in settings.items():

        def size(picture: np.ndarray, name: str = name, options: dict = options) -> int:
            memory = io.BytesIO()
            Image.fromarray(picture[..., 0] if picture.shape[-1] == 1 else picture).save(memory, name, **options)
            return len(memory.getvalue())

        header = size(np.zeros_like(pixels[0]))
        total, values = sum(map(size, pixels)), sum(p.size for p in pixels)
        rows[name] = {"bits": 8 * total / values, "without header": 8 * (total - header * len(pixels)) / values}
    return rows


def text_formats(data: bytes) -> dict[str, dict[str, float]]:
    coders = {
        "xz -9e": lambda x: lzma.compress(x, preset=9 | lzma.PRESET_EXTREME),
        "zstd -19": zstandard.ZstdCompressor(level=19).compress, "gzip -9": lambda x: zlib.compress(x, 9),
    }  # fmt: skip
    rows = {}
    for name, coder in coders.items():
        whole, header = len(coder(data)), len(coder(b""))
        rows[name] = {"bits": 8 * whole / len(data), "without header": 8 * (whole - header) / len(data)}
    return rows


def sound_formats(samples: np.ndarray, rate: int) -> dict[str, dict[str, float]]:
    def flac(part: np.ndarray, level: float) -> int:
        memory = io.BytesIO()
        soundfile.write(memory, part, rate, "PCM_16", format="FLAC", compression_level=level)
        return len(memory.getvalue())

    best = min((flac(samples, level / 8), level) for level in range(9))
    coder = text_formats(samples.tobytes())["xz -9e"]
    return {
        f"FLAC -{best[1]}, its best": {
            "bits": 8 * best[0] / samples.size,
            "without header": 8 * (best[0] - flac(samples[:1], best[1] / 8)) / samples.size,
        },
        "xz -9e of the samples": {name: 2 * bits for name, bits in coder.items()},
    }


def held_out(model: adr_runtime.AnyOrderModel, folder: Path | None, count: int) -> list[File]:
    dataset = dataset_of(str(model.manifest.training["recipe"]))
    test = load_dataset(dataset, folder, "test")
    if model.kind == "text":
        return [File("", "text", test.symbols)]
    if model.kind == "sound":
        samples = np.round(np.concatenate(test.clips[:: max(len(test.clips) // count, 1)][:count]) * 32768)
        return [File("", f"sound:{test.sample_rate}", samples.astype(np.int16)[:, None])]
    pixels = test.pixels
    if len(pixels) < count:
        pixels = np.concatenate([pixels, load_dataset(dataset, folder, "validation").pixels])
    mode = "RGB" if pixels.shape[-1] == 3 else "L"
    return [File(f"{i:04d}.png", f"image:{mode}", p) for i, p in enumerate(pixels[:count])]


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("bundle")
    arguments.add_argument("--data", type=Path)
    arguments.add_argument("--count", type=int, default=500)
    arguments.add_argument("--steps", type=int)
    given = arguments.parse_args()
    model = adr_runtime.load(given.bundle, "cpu")
    assert isinstance(model, adr_runtime.AnyOrderModel)
    files = held_out(model, given.data, given.count)
    values = sum(f.data.size for f in files)
    folder = len(files) > 1
    started = time.perf_counter()
    container = compress([(model, files)], folder, given.steps, verify=False)
    data = pack(container)
    encoding = time.perf_counter() - started
    started = time.perf_counter()
    back = decompress(unpack(data, given.bundle), lambda section: model, given.bundle)
    decoding = time.perf_counter() - started
    assert all(np.array_equal(a.data, b.data) for a, b in zip(back, files, strict=True))
    blocks = [to_blocks(f.kind, f.data, model.variables) for f in files]
    bits, calls = score(model, type(blocks[0]).join(blocks), given.steps, 0)
    coded = sum(map(len, container.coded))
    rows = {
        f"{model.name}, one container": {"bits": 8 * len(data) / values, "without header": 8 * coded / values},
        "the model's own bits": {"bits": float(bits.sum()) / values},
    }
    if folder:
        # A file each: what differs is the header, and the last word of the coder.
        single = [
            pack(compress([(model, [File("", f.kind, f.data)])], False, given.steps, verify=False)) for f in files[:20]
        ]
        rows[f"{model.name}, a file each (first 20)"] = {
            "bits": 8 * sum(map(len, single)) / sum(f.data.size for f in files[:20])
        }
        rows |= picture_formats([f.data for f in files])
        few = picture_formats([f.data for f in files[:20]])
        rows |= {f"{name} (first 20)": {"bits": row["bits"]} for name, row in few.items()}
    elif model.kind == "sound":
        rows |= sound_formats(files[0].data, model.variables.sample_rate)
    else:
        rows |= text_formats(files[0].data.tobytes())
    for name, row in rows.items():
        print(f"{name:40s}" + "".join(f"  {k} {v:.4f}" for k, v in row.items()))
    steps = model.manifest.defaults.steps if given.steps is None else given.steps
    print(f"{steps} calls a batch, {calls} in all; encoding {encoding:.1f} s, decoding {decoding:.1f} s, exact")
    print(json.dumps({"bundle": given.bundle, "files": len(files), "values": values, "coded": coded, "rows": rows}))


if __name__ == "__main__":
    main()
