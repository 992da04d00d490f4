"""What other coders make of the same data: rows of bits per value, with every header and without.

A format's header is taken to be as long as its file of a black picture of the same size, or of nothing. Coders of text
are measured primed as well, since a model brings its training text with it: what they add for the text when they code
the training text before it.
"""

import bz2
import io
import lzma
import zlib
from collections.abc import Callable

import numpy as np
import soundfile
import zstandard
from PIL import Image

Rows = dict[str, dict[str, float]]
Coder = Callable[[bytes], bytes]
PICTURES = {
    "PNG": {"optimize": True}, "WebP": {"lossless": True, "quality": 100, "method": 6},
    "JXL": {"lossless": True, "effort": 9},
}  # fmt: skip


def picture_size(picture: np.ndarray, name: str) -> int:
    """Bytes of a picture uint8 (height, width, channels) in a format of `PICTURES`."""
    memory = io.BytesIO()
    Image.fromarray(picture[..., 0] if picture.shape[-1] == 1 else picture).save(memory, name, **PICTURES[name])
    return len(memory.getvalue())


def picture_formats(pixels: list[np.ndarray]) -> Rows:
    import pillow_jxl  # noqa: F401 - registers the format

    values = sum(p.size for p in pixels)
    rows = {}
    for name in PICTURES:
        header = {shape: picture_size(np.zeros(shape, np.uint8), name) for shape in {p.shape for p in pixels}}
        total = sum(picture_size(p, name) for p in pixels)
        without = total - sum(header[p.shape] for p in pixels)
        rows[name] = {"bits": 8 * total / values, "without header": 8 * without / values}
    return rows


def ppmd(order: int) -> Coder:
    import pyppmd

    return lambda data: pyppmd.compress(data, max_order=order, mem_size=64 << 20, variant="I")


def best_order(size: Callable[[Coder], int]) -> int:
    return min(range(3, 9), key=lambda order: size(ppmd(order)))


def text_formats(data: bytes, train: bytes = b"", validation: bytes = b"") -> Rows:
    """Rows for a text; with its training text the primed ones too. PPMd's order is the best for the validation text."""
    coders: dict[str, Coder] = {
        "xz -9e": lambda x: lzma.compress(x, preset=9 | lzma.PRESET_EXTREME),
        "zstd -19": zstandard.ZstdCompressor(level=19).compress, "gzip -9": lambda x: zlib.compress(x, 9),
        "bz2 -9": lambda x: bz2.compress(x, 9),
    }  # fmt: skip
    if validation:
        order = best_order(lambda coder: len(coder(validation)))
        coders[f"PPMd, order {order}"] = ppmd(order)
    rows = {}
    for name, coder in coders.items():
        whole, header = len(coder(data)), len(coder(b""))
        rows[name] = {"bits": 8 * whole / len(data), "without header": 8 * (whole - header) / len(data)}
    return rows | (primed_formats(data, train, validation) if train else {})


def primed_formats(data: bytes, train: bytes, validation: bytes) -> Rows:
    def added(coder: Coder, text: bytes) -> int:
        return len(coder(train + text)) - len(coder(train))

    # A window that reaches back over all of the training text, which xz -9 has up to 64 MB and zstd by its parameters.
    reach = max((len(train) + len(data)).bit_length(), 20)
    wide = zstandard.ZstdCompressionParameters.from_level(19, window_log=reach)
    dictionary = zstandard.ZstdCompressionDict(train, dict_type=zstandard.DICT_TYPE_RAWCONTENT)
    order = best_order(lambda coder: added(coder, validation))
    sizes = {
        "xz -9e": added(lambda x: lzma.compress(x, preset=9 | lzma.PRESET_EXTREME), data),
        "zstd -19": added(zstandard.ZstdCompressor(compression_params=wide).compress, data),
        "zstd -19, as a dictionary": len(
            zstandard.ZstdCompressor(compression_params=wide, dict_data=dictionary).compress(data)
        ),
        f"PPMd, order {order}": added(ppmd(order), data),
    }
    return {f"{name}, primed": {"bits": 8 * size / len(data)} for name, size in sizes.items()}


def sound_formats(samples: np.ndarray, rate: int) -> Rows:
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
