"""PNG files whose pixels and chunks can be told apart and put together again (W3C PNG specification, third edition).

What is understood: 8 bits of grey, RGB, and either with alpha, and 16 bits of grey. What else such a file says, colour
profile, gamma, text and so on, is carried along as the very chunks, before and behind the pixels.
"""

import struct
import zlib

from adr_runtime.media.exact.rasters import Raster, check_size, decode, refuse

SIGNATURE = b"\x89PNG\r\n\x1a\n"
MODES = {(8, 0): "L", (8, 2): "RGB", (8, 4): "LA", (8, 6): "RGBA", (16, 0): "I;16"}
CHANNELS = {"L": 1, "RGB": 3, "LA": 2, "RGBA": 4, "I;16": 2}
# They depend on the picture at most, and it stays the same. Of others the fourth letter tells whether they depend on
# how it is stored, as transparency of a colour, frames of a film, and signatures do.
KEPT = {b"cHRM", b"gAMA", b"iCCP", b"sBIT", b"sRGB", b"cICP", b"mDCV", b"cLLI", b"bKGD", b"tIME", b"sPLT"}
# Adam7: first row and column of each pass, and the steps between them.
PASSES = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))


def chunks(raw: bytes, file: str) -> list[tuple[bytes, bytes]]:
    """(type, data) of every chunk; ADRError unless they are whole, fill the file, and their checksums are right."""
    if raw[:8] != SIGNATURE:
        refuse(file, "is no PNG")
    parts, offset = [], 8
    while offset < len(raw):
        head = raw[offset : offset + 8]
        end = offset + 12 + int.from_bytes(head[:4], "big")
        whole = len(head) == 8 and end <= len(raw)
        if not whole or zlib.crc32(raw[offset + 4 : end - 4]) != int.from_bytes(raw[end - 4 : end], "big"):
            refuse(file, "is a damaged PNG")
        parts.append((head[4:], raw[offset + 8 : end - 4]))
        offset = end
    return parts


def joined(parts: list[tuple[bytes, bytes]]) -> bytes:
    """Chunks as they stand in a file."""
    sizes = [struct.pack(">I", len(data)) for _, data in parts]
    sums = [struct.pack(">I", zlib.crc32(name + data)) for name, data in parts]
    return b"".join(s + n + d + c for s, (n, d), c in zip(sizes, parts, sums, strict=True))


def read_png(raw: bytes, file: str) -> Raster:
    """ADRError with the reason for whatever is not wholly understood."""
    parts = chunks(raw, file)
    names = [name for name, _ in parts]
    if names.count(b"IHDR") != 1 or names[0] != b"IHDR" or names[-1] != b"IEND" or b"IDAT" not in names:
        refuse(file, "is a damaged PNG")
    if len(parts[0][1]) != 13 or parts[-1][1]:
        refuse(file, "is a damaged PNG")
    columns, rows, depth, colour, compression, filtering, interlace = struct.unpack(">IIBBBBB", parts[0][1])
    mode = MODES.get((depth, colour))
    if mode is None or compression or filtering or interlace > 1:
        refuse(file, f"is a PNG of {depth} bits and colour type {colour}")
    for name in names:
        if name in (b"IHDR", b"IDAT", b"IEND"):
            continue
        if not 97 <= name[0] <= 122 or (name not in KEPT and not 97 <= name[3] <= 122):
            refuse(file, f"is a PNG with {name.decode('latin1')!r}")
    first, last = names.index(b"IDAT"), len(names) - 1 - names[::-1].index(b"IDAT")
    if names.count(b"IDAT") != last - first + 1 or names.count(b"IEND") != 1:
        refuse(file, "is a damaged PNG")
    check_size(file, rows, columns, CHANNELS[mode])
    bare = [parts[0], (b"IDAT", b"".join(data for _, data in parts[first : last + 1])), (b"IEND", b"")]
    check_stream(bare[1][1], rows, columns, CHANNELS[mode], interlace == 1, file)
    pixels = decode(SIGNATURE + joined(bare), "PNG", mode, file)
    return Raster(mode, pixels, (joined(parts[1:first]), joined(parts[last + 1 : -1])))


def check_stream(data: bytes, rows: int, columns: int, width: int, interlaced: bool, file: str) -> None:
    """The pixels' stream must be whole, as long as the pixels are, and the last thing in its chunks."""
    sizes = [(-((y - rows) // down), -((x - columns) // across)) for y, x, down, across in PASSES]
    expected = sum(h * (1 + w * width) for h, w in (sizes if interlaced else [(rows, columns)]) if h > 0 and w > 0)
    inflate, length = zlib.decompressobj(), 0
    try:
        while not inflate.eof and length <= expected:
            part = inflate.decompress(data, 1 << 20)
            length, data = length + len(part), inflate.unconsumed_tail
            if not part and not data:
                break
    except zlib.error:
        refuse(file, "is a damaged PNG")
    if not inflate.eof or length != expected or inflate.unused_data:
        refuse(file, "is a damaged PNG")


def with_chunks(bare: bytes, extra: tuple[bytes, bytes]) -> bytes:
    """A PNG of nothing but pixels, with chunks before and behind these."""
    # The signature and IHDR take 33 bytes, IEND 12.
    return bare[:33] + extra[0] + bare[33:-12] + extra[1] + bare[-12:]
