"""The standard library's codecs, for what no model makes smaller.

No byte may stand for more than `MOST` bytes, which is what deflate reaches: so what unpacking takes is bounded by the
size of the file, whichever codec was taken.
"""

import bz2
import lzma
import zlib
from typing import Any

from adr_runtime.errors import DamagedFileError

MOST = 1032
# By their numbers in a container; a model has none of them.
STORED, DEFLATE, BZIP2, LZMA = 1, 2, 3, 4
NAMES = {STORED: "stored", DEFLATE: "deflate", BZIP2: "bzip2", LZMA: "lzma"}


def lzma_filters(size: int) -> list[dict[str, int]]:
    """Those of `size` bytes: a dictionary that is no larger than what it is for."""
    preset = 9 | lzma.PRESET_EXTREME
    return [{"id": lzma.FILTER_LZMA2, "preset": preset, "dict_size": min(max(size, 4096), 1 << 24)}]


def deflate(data: bytes) -> bytes:
    coder = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return coder.compress(data) + coder.flush()


def pack_plain(data: bytes) -> tuple[int, bytes]:
    """The number of the codec that makes the data smallest, and what it makes of them."""
    candidates = [(STORED, data), (DEFLATE, deflate(data))]
    # Short data lose more to the headers of the others than they gain, and what deflate cannot touch, a film or an
    # archive, is not worth their minutes.
    if len(data) > 64 and (len(data) < 1 << 20 or len(candidates[1][1]) < 0.99 * len(data)):
        candidates.append((BZIP2, bz2.compress(data)))
        candidates.append((LZMA, lzma.compress(data, lzma.FORMAT_RAW, filters=lzma_filters(len(data)))))
    return min((m for m in candidates if len(data) <= MOST * len(m[1])), key=lambda m: len(m[1]))


def decompressor(codec: int, size: int) -> Any:
    if codec == DEFLATE:
        return zlib.decompressobj(-zlib.MAX_WBITS)
    return bz2.BZ2Decompressor() if codec == BZIP2 else lzma.LZMADecompressor(lzma.FORMAT_RAW, None, lzma_filters(size))


def unpack_plain(codec: int, data: bytes, size: int, file: str) -> bytes:
    """The `size` bytes that were packed; ADRError where they are others."""
    damaged = DamagedFileError(f"{file}: damaged or cut short; get the file again")
    if codec not in NAMES or size > MOST * len(data):
        raise damaged
    try:
        # One byte more than there should be, so that a longer one is noticed.
        unpacked = data if codec == STORED else decompressor(codec, size).decompress(data, size + 1)
    except (zlib.error, lzma.LZMAError, OSError, EOFError) as error:
        raise damaged from error
    if len(unpacked) != size:
        raise damaged
    return unpacked
