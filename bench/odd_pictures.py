"""Tiny pictures of every mode and depth that Pillow, or a hand, can write in the five lossless formats."""

import io
import struct
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import plain_png
from PIL import Image, ImageCms
from PIL.PngImagePlugin import PngInfo

Random = np.random.Generator
# (format, kind, ending, the file's bytes)
Made = tuple[str, str, str, bytes]


def picture(random: Random, mode: str) -> Image.Image:
    """A smooth ramp with some noise, of up to 12 pixels a side."""
    rows, columns = (int(n) for n in random.integers(1, 13, size=2))
    ramp = np.add.outer(np.arange(rows), np.arange(columns))[..., None] * 9 + random.integers(40, size=3)
    pixels = ((ramp + random.integers(4, size=ramp.shape)) % 256).astype(np.uint8)
    base = Image.fromarray(pixels)
    if mode in ("I;16", "I", "F"):
        wide = random.integers(1 << 16, size=(rows, columns))
        return Image.fromarray(wide.astype({"I;16": np.uint16, "I": np.int32, "F": np.float32}[mode]))
    if mode == "RGBA":
        base.putalpha(Image.fromarray(random.integers(256, size=(rows, columns), dtype=np.uint8)))
        return base
    if mode == "LAB":
        return ImageCms.applyTransform(
            base, ImageCms.buildTransform(ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB")
        )
    return base.convert(mode)


def saved(image: Image.Image, form: str, **options: Any) -> bytes:
    memory = io.BytesIO()
    image.save(memory, form, **options)
    return memory.getvalue()


def profile() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def exif() -> bytes:
    found = Image.Exif()
    found[0x010E] = "a picture"
    found[0x0112] = 6
    return found.tobytes()


def frames(random: Random, form: str, **options: Any) -> bytes:
    first = picture(random, "RGB")
    second = first.point(lambda value: 255 - value)
    return saved(first, form, save_all=True, append_images=[second], **options)


CHUNKS: dict[bytes, bytes] = {
    b"gAMA": struct.pack(">I", 45455), b"sRGB": b"\0", b"cHRM": struct.pack(">8I", *range(31270, 31278)),
    b"pHYs": struct.pack(">IIB", 2835, 2835, 1), b"tEXt": b"Comment\0made by hand", b"tIME": b"\x07\xe8\1\2\3\4\5",
    b"zTXt": b"Comment\0\0" + zlib.compress(b"made by hand"), b"iTXt": b"Comment\0\0\0en\0\0made by hand",
    b"iCCP": b"sRGB\0\0" + zlib.compress(b"no profile, but nobody looks"), b"eXIf": b"MM\0*\0\0\0\x08\0\0\0\0\0\0",
    b"prVt": b"a private chunk that may be copied", b"prVT": b"one that may not",
}  # fmt: skip


def by_hand(random: Random, colour: int, depth: int, special: str) -> bytes:
    shape = (*random.integers(1, 13, size=2), plain_png.CHANNELS[colour])
    samples = random.integers(1 << min(depth, int(random.integers(1, 17))), size=shape)
    before, after, interlaced = b"", b"", special == "interlaced"
    if special == "chunks":
        for name in random.choice(list(CHUNKS), size=int(random.integers(1, 5)), replace=False):
            before += plain_png.chunk(bytes(name), CHUNKS[bytes(name)])
        after = plain_png.chunk(b"tEXt", b"Title\0behind")
    if special == "background":
        before += plain_png.chunk(b"bKGD", bytes(1 if colour == 3 else 2 if colour in (0, 4) else 6))
        before += plain_png.chunk(b"sBIT", bytes([1] * (3 if colour == 3 else shape[2])))
    if colour == 3:
        before += plain_png.chunk(b"PLTE", random.bytes(3 << depth))
    if special == "transparent colour":
        key = samples[0, 0].astype(">u2").tobytes()
        before += plain_png.chunk(b"tRNS", random.bytes(1 << depth) if colour == 3 else key)
    return plain_png.write(samples, depth, colour, random, interlaced, before, after)


def pngs(random: Random) -> list[Made]:
    found = []
    for colour, depths in plain_png.DEPTHS.items():
        for depth in depths:
            for special in ("plain", "interlaced", "chunks", "background", "transparent colour"):
                if special == "transparent colour" and colour in (4, 6):
                    continue
                kind = f"colour type {colour}, {depth} bits, {special}"
                found.append(("PNG", kind, ".png", by_hand(random, colour, depth, special)))
    for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"):
        info = PngInfo()
        info.add_itxt("Title", "ü", "de", "Titel")
        options = {"pnginfo": info, "dpi": (72, 72), "icc_profile": profile(), "exif": exif()}
        found.append(("PNG", f"Pillow {mode}, metadata", ".png", saved(picture(random, mode), "PNG", **options)))
        found.append(("PNG", f"Pillow {mode}", ".png", saved(picture(random, mode), "PNG", optimize=True)))
    found.append(("PNG", "two frames", ".png", frames(random, "PNG")))
    found.append(("PNG", "bytes behind the end", ".png", by_hand(random, 2, 8, "plain") + b"more"))
    broken = bytearray(by_hand(random, 2, 8, "plain"))
    broken[40] ^= 1
    return [*found, ("PNG", "wrong checksum", ".png", bytes(broken))]


def ppms(random: Random) -> list[Made]:
    found = []
    for kind, channels in ((b"P5", 1), (b"P6", 3)):
        for most in (1, 100, 255, 256, 65535):
            for comment in (b"", b"# by hand\n"):
                rows, columns = (int(n) for n in random.integers(1, 13, size=2))
                values = random.integers(most + 1, size=rows * columns * channels)
                body = values.astype(">u2" if most > 255 else np.uint8).tobytes()
                head = kind + b"\n" + comment + b"%d %d\n%d\n" % (columns, rows, most)
                ending = ".pgm" if channels == 1 else ".ppm"
                found.append(("PPM", f"{kind.decode()} up to {most}", ending, head + body))
                found.append(("PPM", f"{kind.decode()} up to {most}, two", ending, 2 * (head + body)))
    for kind, values in ((b"P1", b"1 0 0 1"), (b"P2", b"100 9 0 7"), (b"P3", b"1 2 3 4 5 6 7 8 9 10 11 12")):
        found.append(("PPM", f"{kind.decode()}, digits", ".ppm", kind + b" 2 2 " + b"100 " * (kind > b"P1") + values))
    for mode in ("1", "L", "RGB", "I;16", "F"):
        found.append(("PPM", f"Pillow {mode}", ".ppm", saved(picture(random, mode), "PPM")))
    return found


def bmps(random: Random) -> list[Made]:
    found = [("BMP", f"Pillow {m}", ".bmp", saved(picture(random, m), "BMP")) for m in ("1", "L", "P", "RGB", "RGBA")]
    found.append(("BMP", "Pillow RGB, 300 dpi", ".bmp", saved(picture(random, "RGB"), "BMP", dpi=(300, 300))))
    for bits, rows, compression, head in (
        (24, 3, 0, 40),
        (24, -3, 0, 40),
        (24, 3, 0, 124),
        (32, 3, 0, 40),
        (16, 3, 0, 40),
    ):
        body = random.bytes(3 * (-(-5 * bits // 32) * 4))
        size = struct.pack("<IiiHHIIiiII", head, 5, rows, 1, bits, compression, len(body), 0, 0, 0, 0)
        size += bytes(head - 40)
        whole = b"BM" + struct.pack("<IHHI", 14 + len(size) + len(body), 0, 0, 14 + len(size)) + size + body
        way = "top down" if rows < 0 else "padding of noise"
        found.append(("BMP", f"{bits} bits, {way}, head of {head}", ".bmp", whole))
        found.append(("BMP", f"{bits} bits, {way}, head of {head}, more behind", ".bmp", whole + b"more"))
    runs = b"\3\1\2\2\0\0\5\1\0\1"
    size = struct.pack("<IiiHHIIiiII", 40, 5, 2, 1, 8, 1, len(runs), 0, 0, 256, 0) + random.bytes(1024)
    whole = b"BM" + struct.pack("<IHHI", 14 + len(size) + len(runs), 0, 0, 14 + len(size)) + size + runs
    return [*found, ("BMP", "8 bits in runs", ".bmp", whole)]


def tiffs(random: Random) -> list[Made]:
    found = []
    for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "I", "F", "LAB"):
        for way in ("raw", "tiff_lzw", "tiff_adobe_deflate", "packbits"):
            found.append(
                ("TIFF", f"Pillow {mode}, {way}", ".tif", saved(picture(random, mode), "TIFF", compression=way))
            )
    for way, mode in (("jpeg", "RGB"), ("jpeg", "L"), ("group4", "1")):
        found.append(("TIFF", f"Pillow {mode}, {way}", ".tiff", saved(picture(random, mode), "TIFF", compression=way)))
    metadata: dict[str, dict] = {
        "resolution": {"dpi": (300, 300)}, "profile": {"icc_profile": profile()}, "exif": {"exif": exif()},
        "description": {"tiffinfo": {270: "by hand"}}, "turned": {"tiffinfo": {274: 6}}, "big": {"big_tiff": True},
    }  # fmt: skip
    for name, options in metadata.items():
        found.append(("TIFF", f"Pillow RGB, {name}", ".tif", saved(picture(random, "RGB"), "TIFF", **options)))
    return [*found, ("TIFF", "two frames", ".tif", frames(random, "TIFF"))]


def webps(random: Random) -> list[Made]:
    found = []
    for mode in ("RGB", "RGBA"):
        for name, options in (
            ("lossless", {"lossless": True}), ("lossless, exact", {"lossless": True, "exact": True}), ("lossy", {}),
            ("lossless, profile", {"lossless": True, "icc_profile": profile()}),
            ("lossless, EXIF", {"lossless": True, "exif": exif()}),
            ("lossless, XMP", {"lossless": True, "xmp": b"<x/>"}), ("lossy, EXIF", {"exif": exif()}),
        ):  # fmt: skip
            found.append(("WEBP", f"{mode}, {name}", ".webp", saved(picture(random, mode), "WEBP", **options)))
    return [*found, ("WEBP", "two frames", ".webp", frames(random, "WEBP", lossless=True))]


MAKERS: list[Callable[[Random], list[Made]]] = [pngs, ppms, bmps, tiffs, webps]


def invent(count: int, seed: int) -> list[Made]:
    """`count` pictures: all kinds, as often as it takes, or evenly spread ones where there are more kinds."""
    random, found = np.random.default_rng(seed), []
    while len(found) < count:
        found += [made for maker in MAKERS for made in maker(random)]
    return [found[i * len(found) // count] for i in range(count)]
