"""Files of pixels in lossless formats: which are understood, from their own bytes, and how they are written again.

Nothing is left to what a decoder makes of a file: whatever is not on the lists below raises ADRError with the reason,
and is kept byte for byte. PPM, PGM and BMP come back with the same bytes, since their pixels stand in them as they
are, between a head and an end; PNG, TIFF and WebP with the same pixels, and PNG with all of its chunks.
"""

import io
import re
import struct
from typing import Any

import numpy as np

from adr_runtime.media.exact.png import read_png, with_chunks
from adr_runtime.media.exact.rasters import Raster, check_size, decode, refuse

FORMATS = {".png": "PNG", ".webp": "WEBP", ".bmp": "BMP", ".tif": "TIFF", ".tiff": "TIFF", ".ppm": "PPM", ".pgm": "PPM"}
GREY_PALETTE = np.arange(256, dtype=np.uint8)[:, None].repeat(4, 1) * np.array([1, 1, 1, 0], np.uint8)
PPM = re.compile(
    rb"P([56])(?:\s|#[^\n\r]*[\n\r])+(\d{1,8})(?:\s|#[^\n\r]*[\n\r])+(\d{1,8})(?:\s|#[^\n\r]*[\n\r])+255\s"
)
# TIFF 6.0: tags that say how pixels are stored and nothing else, and the values that are understood (None: any).
TAGS: dict[int, tuple[int, ...] | None] = {
    254: (0,), 256: None, 257: None, 258: (8,), 259: (1, 5, 8, 32773, 32946), 262: (1, 2), 266: (1,), 273: None,
    274: (1,), 277: (1, 3, 4), 278: None, 279: None, 284: (1,), 317: (1, 2), 338: (2,), 339: (1,),
}  # fmt: skip


def read_picture_file(raw: bytes, form: str, file: str) -> Raster:
    """A picture whose file's name says `form`; ADRError with the reason for whatever is not wholly understood."""
    if form == "PNG":
        return read_png(raw, file)
    if form in ("PPM", "BMP"):
        raster = read_ppm(raw, file) if form == "PPM" else read_bmp(raw, file)
        if laid_out(raster.pixels, form, raster.extra) != raw:
            refuse(file, f"is an unusual {form}")
        return raster
    try:
        mode = tiff_mode(raw, file) if form == "TIFF" else webp_mode(raw, file)
    except (struct.error, KeyError, IndexError):
        refuse(file, f"is a damaged {form}")
    return Raster(mode, decode(raw, form, mode, file))


def read_ppm(raw: bytes, file: str) -> Raster:
    head = PPM.match(raw[: 1 << 16])
    if not head:
        refuse(file, "is no PPM or PGM of 8 bits")
    channels, shape = (1 if head[1] == b"5" else 3), (int(head[3]), int(head[2]))
    check_size(file, *shape, channels)
    size = shape[0] * shape[1] * channels
    body = raw[head.end() : head.end() + size]
    if len(body) != size:
        refuse(file, "is cut short")
    pixels = np.frombuffer(body, np.uint8).reshape(*shape, channels)
    return Raster("L" if channels == 1 else "RGB", pixels, (raw[: head.end()], raw[head.end() + size :]), "PPM")


def read_bmp(raw: bytes, file: str) -> Raster:
    if raw[:2] != b"BM" or len(raw) < 54:
        refuse(file, "is no BMP")
    start, head, columns, rows, _, bits, compression = struct.unpack_from("<IIiiHHI", raw, 10)
    if head < 40 or bits not in (8, 24) or compression or columns <= 0 or rows <= 0:
        refuse(file, f"is a BMP of {bits} bits a pixel, or compressed")
    channels = bits // 8
    check_size(file, rows, columns, channels)
    stride = -(-columns * channels // 4) * 4
    body = raw[start : start + stride * rows]
    # The head of greys ends before their palette.
    before = raw[: start - (1024 if bits == 8 else 0)]
    if len(body) != stride * rows or start < 54 + (1024 if bits == 8 else 0):
        refuse(file, "is cut short")
    lines = np.frombuffer(body, np.uint8).reshape(rows, stride)[::-1, : columns * channels]
    pixels = np.ascontiguousarray(lines.reshape(rows, columns, channels)[..., ::-1])
    return Raster("L" if channels == 1 else "RGB", pixels, (before, raw[start + stride * rows :]), "BMP")


def laid_out(pixels: np.ndarray, form: str, extra: tuple[bytes, bytes]) -> bytes:
    """The very file of a PPM, PGM or BMP."""
    if form == "PPM":
        return extra[0] + pixels.tobytes() + extra[1]
    palette = GREY_PALETTE.tobytes() if pixels.shape[2] == 1 else b""
    lines = np.ascontiguousarray(pixels[::-1, :, ::-1]).reshape(len(pixels), -1)
    return extra[0] + palette + np.pad(lines, ((0, 0), (0, -lines.shape[1] % 4))).tobytes() + extra[1]


def tiff_mode(raw: bytes, file: str) -> str:
    """The mode of a TIFF of one plain picture; struct.error or IndexError where it is damaged."""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(raw[:4])
    if order is None:
        refuse(file, "is no TIFF")
    (directory,) = struct.unpack_from(order + "I", raw, 4)
    (count,) = struct.unpack_from(order + "H", raw, directory)
    if struct.unpack_from(order + "I", raw, directory + 2 + 12 * count)[0]:
        refuse(file, "is a TIFF of several pictures")
    tags: dict[int, tuple[int, ...]] = {}
    outside: list[tuple[int, int]] = []
    for n in range(count):
        entry = directory + 2 + 12 * n
        tag, kind, length = struct.unpack_from(order + "HHI", raw, entry)
        letter = {1: "B", 3: "H", 4: "I"}.get(kind, "")
        if tag not in TAGS or tag in tags or not letter:
            refuse(file, f"is a TIFF with the tag {tag}")
        form = f"{order}{length}{letter}" if length < 1 << 20 else ""
        size, where = struct.calcsize(form), entry + 8
        if size > 4:
            (where,) = struct.unpack_from(order + "I", raw, entry + 8)
            outside.append((where, where + size))
        tags[tag] = struct.unpack_from(form, raw, where)
        allowed = TAGS[tag]
        if not tags[tag] or (allowed is not None and not set(tags[tag]) <= set(allowed)):
            refuse(file, f"is a TIFF whose tag {tag} is {tags[tag][:4]}")
    covered = [(0, 8), (directory, directory + 2 + 12 * count + 4), *outside]
    samples = tags.get(277, (1,))[0]
    if 258 not in tags or (tags[262][0] == 2) != (samples > 1) or (samples == 4) != (338 in tags):
        refuse(file, f"is a TIFF of {samples} channels")
    check_size(file, tags[257][0], tags[256][0], samples)
    check_strips(tags, samples, covered, len(raw), file)
    return {1: "L", 3: "RGB", 4: "RGBA"}[samples]


def check_strips(
    tags: dict[int, tuple[int, ...]], samples: int, covered: list[tuple[int, int]], length: int, file: str
) -> None:
    """The strips of a TIFF are its rows, and nothing stands in the file beside them and what is `covered`."""
    columns, rows, at_once = tags[256][0], tags[257][0], min(tags.get(278, tags[257])[0], tags[257][0])
    offsets, counts = tags[273], tags[279]
    whole = at_once and len(offsets) == len(counts) == -(-rows // at_once)
    if whole and tags.get(259, (1,))[0] == 1:
        whole = all(n == columns * samples * min(at_once, rows - i * at_once) for i, n in enumerate(counts))
    if not whole:
        refuse(file, "is a TIFF whose strips are not its rows")
    end = 0
    for start, stop in sorted([*covered, *((a, a + n) for a, n in zip(offsets, counts, strict=True))]):
        # Words begin at even places.
        if start > end + 1:
            break
        end = max(end, stop)
    if not end <= length <= end + 1:
        refuse(file, "is a TIFF with bytes that are no part of its picture")


def webp_mode(raw: bytes, file: str) -> str:
    """The mode of a WebP of one lossless picture and nothing else; struct.error where it is damaged."""
    if raw[:4] != b"RIFF" or raw[8:12] != b"WEBP" or struct.unpack_from("<I", raw, 4)[0] != len(raw) - 8:
        refuse(file, "is no WebP")
    offset, names = 12, []
    while offset < len(raw):
        name, size = struct.unpack_from("<4sI", raw, offset)
        names.append(name)
        if name == b"VP8X" and raw[offset + 8] & ~0x10:
            refuse(file, "is a WebP with a profile, metadata or frames")
        if name == b"VP8L":
            mark, bits = struct.unpack_from("<BI", raw, offset + 8)
        offset += 8 + size + size % 2
    if names not in ([b"VP8L"], [b"VP8X", b"VP8L"]) or mark != 0x2F or offset != len(raw):
        refuse(file, "is a lossy WebP" if b"VP8 " in names else "is an unusual WebP")
    alpha = bits >> 28 & 1
    check_size(file, (bits >> 14 & 0x3FFF) + 1, (bits & 0x3FFF) + 1, 4 if alpha else 3)
    return "RGBA" if alpha else "RGB"


def write_picture_file(mode: str, pixels: np.ndarray, form: str, extra: tuple[bytes, bytes]) -> bytes:
    """The picture in a format; OSError, ValueError or KeyError where Pillow knows that this cannot hold it."""
    from PIL import Image

    shaped: Any = pixels[..., 0] if pixels.shape[-1] == 1 else pixels
    if mode == "I;16":
        shaped = pixels[..., 0].astype(np.uint16) << 8 | pixels[..., 1]
    memory = io.BytesIO()
    Image.fromarray(shaped).save(memory, form, **({"lossless": True, "exact": True} if form == "WEBP" else {}))
    return with_chunks(memory.getvalue(), extra) if form == "PNG" else memory.getvalue()
