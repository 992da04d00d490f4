"""Pictures that are given: their sizes are checked by the header, and what cannot be read is one line."""

import struct
import zlib

import numpy as np
import pytest
from adr_runtime import InputError
from adr_runtime.media.reading import read_picture, read_unchanged
from PIL import Image

NAMES = ("x.png", "mask.png")


def png(width, height, colour=0, depth=8, values=1):
    """A black PNG by hand, at most 64 rows of it: whatever Pillow would not write."""

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    packer = zlib.compressobj(9)
    row = bytes(1 + width * values * depth // 8)
    pixels = b"".join(packer.compress(row) for _ in range(min(height, 64))) + packer.flush()
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


@pytest.mark.parametrize("read", [lambda path: read_picture(path, 8, 1), read_unchanged])
def test_pictures_that_are_refused_in_one_line(tmp_path, monkeypatch, read):
    for name, data in (
        ("maxval.ppm", b"P6 8 8 70000\n" + b"1" * 192),
        ("short.ppm", b"P6 8 8"),
        ("words.ppm", b"P3 8 8 255\n1 2 3 x"),
        ("cut.png", png(8, 8)[:45]),
        ("empty.png", b""),
        ("post.eps", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\n"),
    ):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(InputError, match=f"{name}: not a readable picture"):
            read(tmp_path / name)
    for name, data in (
        ("grey.png", png(8, 8, 0, 16)),
        ("colour.png", png(8, 8, 2, 16, 3)),
        ("alpha.png", png(8, 8, 6, 16, 4)),
        ("colour.ppm", b"P6 8 8 65535\n" + b"12" * 192),
        ("grey.pgm", b"P5 8 8 65535\n" + b"12" * 64),
    ):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(InputError, match=f"{name}: has more than 8 bits a channel"):
            read(tmp_path / name)


@pytest.mark.parametrize("read", [lambda path: read_picture(path, 8, 1), read_unchanged])
def test_large_pictures_are_refused_by_their_header(tmp_path, monkeypatch, recwarn, read):
    (tmp_path / "large.png").write_bytes(png(13_000, 13_000))
    (tmp_path / "huge.png").write_bytes(png(20_000, 20_000))
    monkeypatch.setattr(Image.Image, "load", lambda _: pytest.fail("nothing may be decoded"))
    with pytest.raises(InputError, match="13000 x 13000 pixels are 169000000 values; a picture may have"):
        read(tmp_path / "large.png")
    with pytest.raises(InputError, match="too large; a picture may have up to 67108864 values"):
        read(tmp_path / "huge.png")
    assert not [w for w in recwarn if "bomb" in str(w.message)]


@pytest.mark.parametrize("suffix", ["png", "ppm", "bmp", "gif", "webp", "tif"])
def test_pictures_of_eight_bits_are_read_as_before(tmp_path, suffix):
    pixels = np.random.default_rng(0).integers(0, 2, (6, 8), dtype=np.uint8) * 255
    Image.fromarray(pixels).save(tmp_path / f"x.{suffix}", **({"lossless": True} if suffix == "webp" else {}))
    np.testing.assert_array_equal(read_picture(tmp_path / f"x.{suffix}", 8, 1)[..., 0], pixels)
    np.testing.assert_array_equal(read_unchanged(tmp_path / f"x.{suffix}").max(-1), pixels)


def test_a_picture_to_fill_is_read_once(tmp_path, monkeypatch):
    from adr_runtime.cli import image, image_request

    seen, read = [], image.read_unchanged
    for module in (image, image_request):
        monkeypatch.setattr(module, "read_unchanged", lambda path: seen.append(path.name) or read(path))
    Image.new("L", (8, 8)).save(tmp_path / "x.png")
    Image.new("L", (8, 8), 255).save(tmp_path / "mask.png")
    fill, mask = map(tmp_path.joinpath, NAMES)
    image.image(count=1, out=tmp_path / "y.png", scale=1, steps=4, seed=1, fill=fill, mask=mask, provider="cpu")
    assert seen == list(NAMES) and Image.open(tmp_path / "y.png").size == (8, 8)
