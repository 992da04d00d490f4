"""Small valid pictures and sounds in many formats and modes, as bytes by file name."""

import io
import struct
import zlib
from collections.abc import Iterable

import numpy as np
import soundfile
from PIL import Image


def png(width: int, height: int, depth: int, colour: int, rows: bytes, chunks: Iterable[tuple[bytes, bytes]] = ()):
    """A PNG by hand, for depths and chunks that Pillow does not write; `rows` with a filter byte before each."""
    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    parts = [(b"IHDR", head), *chunks, (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(name, data) for name, data in parts)


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def pictures() -> dict[str, bytes]:
    noise = np.random.default_rng(0).integers(0, 256, (6, 4, 4), dtype=np.uint8)
    rgb = Image.fromarray(noise[..., :3])
    modes = {
        "rgb": rgb, "grey": rgb.convert("L"), "one": rgb.convert("1"), "palette": rgb.convert("P"),
        "rgba": Image.fromarray(noise), "la": Image.fromarray(noise).convert("LA"),
        "deep": Image.fromarray(noise[..., 0].astype(np.uint16) * 257),
    }  # fmt: skip
    made = {f"{name}.png": saved(image, "PNG") for name, image in modes.items()}
    for form, suffix in (("BMP", "bmp"), ("PPM", "ppm"), ("TIFF", "tif"), ("GIF", "gif"), ("WEBP", "webp")):
        made[f"rgb.{suffix}"] = saved(rgb, form)
    made["lossless.webp"] = saved(rgb, "WEBP", lossless=True)
    made["lzw.tif"] = saved(rgb, "TIFF", compression="tiff_lzw")
    made["jpeg.tif"] = saved(rgb, "TIFF", compression="jpeg")
    made["photo.jpg"] = saved(rgb, "JPEG")
    made["grey.pgm"] = saved(rgb.convert("L"), "PPM")
    wide = np.random.default_rng(1).integers(0, 1 << 16, (6, 4, 3)).astype(">u2")
    made["wide.ppm"] = b"P6 4 6 65535\n" + wide.tobytes()
    made["hundred.ppm"] = b"P6 4 6 100\n" + (noise[..., :3] % 101).tobytes()
    rows = b"".join(b"\0" + row.tobytes() for row in wide)
    made["wide.png"] = png(4, 6, 16, 2, rows)
    made["key.png"] = png(4, 6, 8, 2, b"".join(b"\0" + r.tobytes() for r in noise[..., :3]), [(b"tRNS", bytes(6))])
    made["profile.png"] = png(
        4, 6, 8, 2, b"".join(b"\0" + r.tobytes() for r in noise[..., :3]),
        [(b"gAMA", struct.pack(">I", 45455)), (b"tEXt", b"adr\0" + b'{"adr":{"model":"[red]x[/red]","seed":1}}')],
    )  # fmt: skip
    made["mask.png"] = saved(Image.fromarray((noise[..., 0] > 127).astype(np.uint8) * 255), "PNG")
    return made


def saved(image: Image.Image, form: str, **options: object) -> bytes:
    memory = io.BytesIO()
    image.save(memory, form, **options)  # type: ignore[arg-type]
    return memory.getvalue()


def sounds() -> dict[str, bytes]:
    wave = (np.sin(np.arange(200) * 0.3) * 0.4).astype(np.float32)
    stereo = np.stack([wave, -wave], 1)
    made = {}
    for name, samples, rate, form, subtype in (
        ("mono.wav", wave, 800, "WAV", "PCM_16"), ("stereo.wav", stereo, 8000, "WAV", "PCM_16"),
        ("float.wav", wave, 800, "WAV", "FLOAT"), ("deep.wav", wave, 44100, "WAV", "PCM_24"),
        ("bytes.wav", wave, 800, "WAV", "PCM_U8"), ("mono.flac", wave, 8000, "FLAC", "PCM_16"),
        ("mono.ogg", wave, 8000, "OGG", "VORBIS"),
    ):  # fmt: skip
        memory = io.BytesIO()
        soundfile.write(memory, samples, rate, subtype, format=form)
        made[name] = memory.getvalue()
    return made
