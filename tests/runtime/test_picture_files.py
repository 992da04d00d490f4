"""What is coded by pixels is told by the file itself; everything else comes back byte for byte."""

import io
import struct
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from adr_runtime.any_order.scoring import read_to_score
from adr_runtime.coding.sources import read_source
from adr_runtime.errors import InputError
from adr_runtime.media.exact import audio as audio_files
from adr_runtime.media.exact.files import File, checksum, read_exactly, render
from adr_runtime.media.exact.pictures import FORMATS, read_picture_file
from PIL import Image

sys.path.append(str(Path(__file__).parents[2] / "bench"))
import odd_pictures
import picture_files as bench
import plain_png

BOTH = ("image", "sound")


def png(depth, colour, special="plain"):
    return odd_pictures.by_hand(np.random.default_rng(0), colour, depth, special)


def pillow(mode, form, **options):
    return odd_pictures.saved(odd_pictures.picture(np.random.default_rng(0), mode), form, **options)


def read(raw, ending, tmp_path, kinds=BOTH):
    path = tmp_path / f"a{ending}"
    path.write_bytes(raw)
    return read_exactly(path, "", kinds)


def test_a_slice_of_all_modes_and_depths(models, tmp_path):
    made = odd_pictures.invent(120, 1)
    contracts = bench.round_trip({"image": models["colours"]}, made, tmp_path)
    assert len(set(contracts)) == 3


@pytest.mark.parametrize(
    "raw, ending",
    [
        (png(16, 2), ".png"), (png(16, 6), ".png"), (png(16, 4), ".png"), (png(8, 2, "transparent colour"), ".png"),
        (png(4, 0), ".png"), (png(8, 3), ".png"), (png(8, 2) + b"more", ".png"),
        (b"P6 1 1 65535\nabcdef", ".ppm"), (b"P6 2 1 100\nabcdef", ".ppm"), (b"P6 2 1 255\nabcde", ".ppm"),
        (pillow("RGB", "TIFF", compression="jpeg"), ".tif"), (pillow("RGB", "TIFF", dpi=(72, 72)), ".tif"),
        (pillow("CMYK", "TIFF"), ".tif"), (pillow("RGB", "WEBP"), ".webp"), (pillow("RGBA", "BMP"), ".bmp"),
        (pillow("RGB", "WEBP", lossless=True, exif=odd_pictures.exif()), ".webp"), (b"no picture", ".png"),
        (pillow("RGB", "PNG"), ".bmp"), (b"II*\0\xff\xff\xff\xff", ".tif"), (b"RIFF\4\0\0\0WEBP", ".webp"),
    ],
)  # fmt: skip
def test_kept_byte_for_byte(raw, ending, tmp_path):
    file, reason = read(raw, ending, tmp_path)
    assert (file.kind, file.contract, file.data.tobytes()) == ("text", "same bytes", raw)
    assert reason and "\n" not in reason


@pytest.mark.parametrize(
    "raw, ending, kind, contract",
    [
        (png(8, 2), ".png", "image:RGB", "same samples"), (png(16, 0), ".png", "image:I;16", "same samples"),
        (png(8, 6, "interlaced"), ".png", "image:RGBA", "same samples"),
        (b"P6 2 1 255\nabcdef", ".ppm", "image:RGB:PPM", "same bytes"),
        (b"P5 # by hand\n2 3\n255\nabcdef and more", ".pgm", "image:L:PPM", "same bytes"),
        (pillow("RGB", "BMP", dpi=(300, 300)), ".bmp", "image:RGB:BMP", "same bytes"),
        (pillow("L", "BMP"), ".bmp", "image:L:BMP", "same bytes"),
        (pillow("RGBA", "TIFF", compression="tiff_lzw"), ".tiff", "image:RGBA", "same samples"),
        (pillow("RGB", "WEBP", lossless=True), ".webp", "image:RGB", "same samples"),
    ],
)  # fmt: skip
def test_coded_by_pixels(raw, ending, kind, contract, tmp_path):
    file, reason = read(raw, ending, tmp_path)
    assert (file.kind, file.contract, reason) == (kind, contract, "")
    back = render(file, tmp_path / f"b{ending}")
    if contract == "same bytes":
        assert back == raw
    else:
        assert bench.reading(back, FORMATS[ending]) == bench.reading(raw, FORMATS[ending])


def test_what_is_no_pixel_comes_back_too(tmp_path):
    """Every chunk, in its place, and only into PNG."""
    info = Image.new("RGB", (3, 2), (1, 2, 3))
    raw = odd_pictures.saved(info, "PNG", icc_profile=odd_pictures.profile(), exif=odd_pictures.exif(), dpi=(72, 72))
    behind = plain_png.chunk(b"tEXt", b"Title\0behind")
    file, _ = read(raw[:-12] + behind + raw[-12:], ".png", tmp_path)
    back = render(file, tmp_path / "b.png")
    assert plain_png.read(back)[3] == plain_png.read(raw)[3] + [(True, b"tEXt", b"Title\0behind")]
    with Image.open(io.BytesIO(back)) as image:
        assert image.info["icc_profile"] == odd_pictures.profile() and image.info["dpi"] == pytest.approx(
            (72, 72), 0.01
        )
    for ending in (".bmp", ".webp", ".tif", ".ppm"):
        with pytest.raises(InputError, match=r"give a file ending in \.png"):
            render(file, tmp_path / f"b{ending}")
    other = File("", file.kind, file.data, (file.extra[0], b""))
    assert checksum(other) != checksum(file)


@pytest.mark.parametrize("at", [20, 33, 45, -20, -3])
def test_a_damaged_png_is_not_taken_for_pixels(at, tmp_path):
    raw = bytearray(png(8, 2))
    raw[at] ^= 1
    assert read(bytes(raw), ".png", tmp_path)[0].kind == "text"


@pytest.mark.parametrize("rest", [b"hidden", None])
def test_a_stream_with_more_or_less_than_the_pixels_is_not_taken_for_them(rest, tmp_path):
    stream = zlib.compress(bytes(4 * 7)) + rest if rest else zlib.compress(bytes(4 * 7 - 1))
    head = plain_png.chunk(b"IHDR", struct.pack(">IIBBBBB", 2, 4, 8, 2, 0, 0, 0))
    raw = b"\x89PNG\r\n\x1a\n" + head + plain_png.chunk(b"IDAT", stream) + plain_png.chunk(b"IEND", b"")
    assert read(raw, ".png", tmp_path)[0].kind == "text"


def test_a_picture_too_large_is_refused_from_its_header(models, tmp_path, monkeypatch):
    head = plain_png.chunk(b"IHDR", struct.pack(">IIBBBBB", 13000, 13000, 8, 0, 0, 0, 0))
    raw = b"\x89PNG\r\n\x1a\n" + head + plain_png.chunk(b"IDAT", b"x") + plain_png.chunk(b"IEND", b"")
    monkeypatch.setattr(Image, "open", lambda *_, **__: pytest.fail("decoded"))
    (tmp_path / "a.png").write_bytes(raw)
    (tmp_path / "a.ppm").write_bytes(b"P5 13000 13000 255\n")
    (tmp_path / "a.bmp").write_bytes(
        b"BM" + struct.pack("<IIIIiiHHI", 0, 0, 54, 40, 13000, 13000, 1, 24, 0) + bytes(40)
    )
    for name in ("a.png", "a.ppm", "a.bmp"):
        with pytest.raises(InputError, match="more than the 67108864 that are decoded at once"):
            read_to_score(tmp_path / name, models["colours"])
        assert read_source("", tmp_path / name, {"image": models["colours"]}).file.kind == "text"


def wave(samples, rate=8000, **options):
    import soundfile

    memory = io.BytesIO()
    soundfile.write(memory, samples, rate, **options)
    return memory.getvalue()


def test_sound_by_its_samples_or_byte_for_byte(tmp_path):
    samples = np.random.default_rng(0).integers(-999, 999, size=(40, 2)).astype(np.int16)
    raw = wave(samples, format="WAV", subtype="PCM_16")
    for whole in (raw, raw + b"LIST\4\0\0\0abcd"):
        file, _ = read(whole, ".wav", tmp_path)
        assert (file.kind, file.contract) == ("sound:8000:WAV", "same bytes") and (file.data == samples).all()
        assert render(file, tmp_path / "b.wav") == whole
        with pytest.raises(InputError, match=r"give a name in \.wav"):
            render(file, tmp_path / "b.flac")
    flac = wave(samples, format="FLAC", subtype="PCM_16")
    file, reason = read(flac, ".flac", tmp_path)
    assert (file.kind, file.contract, reason) == ("sound:8000", "same samples", "")
    rate, back = audio_files.read_flac(render(file, tmp_path / "b.flac"), "b")
    assert rate == 8000 and (back == samples).all()
    for ending, other in (
        (".wav", wave(samples, format="WAV", subtype="PCM_24")), (".wav", wave(samples[:0], format="WAV")),
        (".flac", wave(samples, format="FLAC", subtype="PCM_24")), (".flac", flac[:60]),
        (".flac", flac[:26] + bytes(16) + flac[42:]), (".flac", flac + b"TAG" + bytes(125)),
    ):  # fmt: skip
        assert read(other, ending, tmp_path)[0].kind == "text"


def test_pictures_that_a_format_does_not_hold_are_refused(tmp_path):
    deep = File("", "image:I;16", np.array([[[1, 2], [3, 4]]], np.uint8))
    for ending in (".bmp", ".webp", ".ppm"):
        with pytest.raises(InputError, match=r"this format (cannot hold|does not keep) image:I;16"):
            render(deep, tmp_path / f"a{ending}")
    found = read_picture_file(render(deep, tmp_path / "a.png"), "PNG", "a.png")
    assert found.mode == "I;16" and (found.pixels == deep.data).all()


def tiff(rows, at_once, strips, behind=b""):
    """An uncompressed 8-bit grey TIFF, 8 pixels wide, with strips of `at_once` rows filled with 1, 2, ..."""
    data = [bytes([i + 1]) * 8 * at_once for i in range(strips)]
    tags = {256: (8,), 257: (rows,), 258: (8,), 259: (1,), 262: (1,), 277: (1,), 278: (at_once,)}
    head = 8 + 2 + 12 * (len(tags) + 2) + 4
    starts = head + 8 * strips
    tags |= {273: tuple(starts + i * 8 * at_once for i in range(strips)), 279: (8 * at_once,) * strips}
    body, far, where = struct.pack("<H", len(tags)), b"", head
    for tag, values in sorted(tags.items()):
        if len(values) == 1:
            body += struct.pack("<HHII", tag, 4, 1, values[0])
        else:
            body += struct.pack("<HHII", tag, 4, len(values), where + len(far))
            far += struct.pack(f"<{len(values)}I", *values)
    return b"II*\0" + struct.pack("<I", 8) + body + bytes(4) + far.ljust(8 * strips, b"\0") + b"".join(data) + behind


def test_a_tiff_is_its_strips_and_nothing_else():
    """Pillow wraps around where there are too many of them, and makes up black where there are too few."""
    mode, pixels = tiff_values(tiff(50, 10, 5))
    assert mode == "image:L" and pixels[::10, 0, 0].tolist() == [1, 2, 3, 4, 5]
    for raw in (tiff(50, 10, 10), tiff(100, 10, 5), tiff(100, 7, 3), tiff(50, 10, 5, b"PRECIOUS")):
        with pytest.raises(InputError, match=r"strips are not its rows|no part of its picture"):
            tiff_values(raw)


def tiff_values(raw):
    found = read_picture_file(raw, "TIFF", "x.tif")
    return f"image:{found.mode}", found.pixels
