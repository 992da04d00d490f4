"""adr-run compress and decompress as they are typed: every kind of file, folders, and refusals."""

import io
import json
import os
import shutil

import numpy as np
import pytest
from adr_runtime.coding import container
from adr_runtime.media.exact.pictures import read_picture_file
from PIL import Image


@pytest.mark.parametrize("mode", ["L", "RGB", "LA", "RGBA", "I;16"])
def test_every_mode_of_picture_from_the_command_line(mode, any_order, command, tmp_path):
    random = np.random.default_rng(0)
    if mode == "I;16":
        picture = Image.fromarray(random.integers(1 << 16, size=(9, 5)).astype(np.uint16))
    else:
        channels = len(mode)
        pixels = random.integers(256, size=(9, 5, channels), dtype=np.uint8)
        picture = Image.fromarray(pixels[..., 0] if channels == 1 else pixels, mode)
    picture.save(tmp_path / "a.png")
    given = ("--model", any_order["colours"])
    done = command("adr-run", "compress", "a.png", "a.ardm", *given, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["verified"]
    done = command("adr-run", "decompress", "a.ardm", "b.png", *given)
    assert done.returncode == 0, done.stderr
    a, b = (read_picture_file((tmp_path / name).read_bytes(), "PNG", name) for name in ("a.png", "b.png"))
    assert a.mode == b.mode == mode and (a.pixels == b.pixels).all()


def test_a_folder_comes_back_file_by_file(any_order, command, tmp_path):
    import soundfile

    folder = tmp_path / "f"
    (folder / "deep" / "er").mkdir(parents=True)
    random = np.random.default_rng(0)
    Image.fromarray(random.integers(256, size=(9, 5, 3), dtype=np.uint8)).save(folder / "a.png")
    Image.fromarray(random.integers(256, size=(9, 5, 3), dtype=np.uint8)).save(
        folder / "deep" / "b.webp", lossless=True
    )
    Image.fromarray(random.integers(256, size=(9, 5, 3), dtype=np.uint8)).save(folder / "deep" / "c.jpg")
    (folder / "deep" / "er" / "text ü.txt").write_text("to be or not to be")
    (folder / "empty").write_bytes(b"")
    (folder / "broken.png").write_bytes(b"this is no picture")
    soundfile.write(folder / "s.wav", random.integers(-999, 999, size=40).astype(np.int16), 8000)
    given = [x for name in ("colours", "symbols", "samples") for x in ("--model", any_order[name])]
    done = command("adr-run", "compress", "f", "f.ardm", *given)
    assert done.returncode == 0, done.stderr
    done = command("adr-run", "decompress", "f.ardm", "g", *given)
    assert done.returncode == 0, done.stderr
    before, after = ({p.relative_to(d): p for p in d.rglob("*") if p.is_file()} for d in (folder, tmp_path / "g"))
    assert before.keys() == after.keys()
    for name, path in before.items():
        if name.name in ("a.png", "b.webp"):
            assert (np.asarray(Image.open(path)) == np.asarray(Image.open(after[name]))).all()
        elif name.suffix == ".wav":
            assert (soundfile.read(path, dtype="int16")[0] == soundfile.read(after[name], dtype="int16")[0]).all()
        else:
            assert path.read_bytes() == after[name].read_bytes()
    done = command("adr-run", "score", "f/deep", *given, "--json")
    assert [json.loads(line)["model"] for line in done.stdout.splitlines()] == ["colours", "symbols"]


def test_refusals_of_the_command_line(any_order, refused, command, tmp_path, coded):
    symbols, greys = any_order["symbols"], any_order["greys"]
    (tmp_path / "t.ardm").write_bytes(coded)
    newer = bytearray(coded)
    newer[4] = 9
    (tmp_path / "newer.ardm").write_bytes(newer)
    flipped = bytearray(coded)
    flipped[-20] ^= 4
    (tmp_path / "flipped.ardm").write_bytes(flipped)
    (tmp_path / "cut.ardm").write_bytes(coded[:-7])
    (tmp_path / "d").mkdir()
    (tmp_path / "n.png").write_bytes(b"no picture")
    Image.fromarray(np.full((4, 6), 7, np.uint8)).save(tmp_path / "odd.png")
    buffer = io.BytesIO()
    frames = [Image.fromarray(np.full((4, 4), i, np.uint8)) for i in (0, 9)]
    frames[0].save(buffer, "WEBP", save_all=True, append_images=frames[1:], lossless=True)
    (tmp_path / "film.webp").write_bytes(buffer.getvalue())
    # A model of the same shape with other weights.
    other = shutil.copytree(symbols, tmp_path / "other")
    text = (other / "manifest.json").read_text()
    (other / "manifest.json").write_text(text.replace('"step_loss":[[5.0', '"step_loss":[[5.1'))
    for arguments, says in (
        (("decompress", "t.ardm", "out.txt", "--model", other), "was made with the model symbols"),
        (("decompress", "t.ardm", "out.txt"), "name its bundle among the models"),
        (("decompress", "newer.ardm", "out.txt", "--model", symbols), "written in format 9"),
        (("decompress", "flipped.ardm", "out.txt", "--model", symbols), "damaged or cut short"),
        (("decompress", "cut.ardm", "out.txt", "--model", symbols), "damaged or cut short"),
        (("decompress", "n.png", "out.txt"), "not a file of adr-run compress"),
        (("decompress", "nowhere", "out.txt"), "cannot read"),
        (("decompress", "t.ardm", "d", "--model", symbols), "is a folder"),
        (("compress", "nowhere", "x.ardm", "--model", symbols), "no such file"),
        (("score", "n.png", "--model", greys), "is no PNG"),
        (("score", "odd.png", "--model", greys), "cannot say"),
        (("score", "film.webp", "--model", greys), "frames"),
        (("compress", "odd.png", "d", "--model", greys), "is a folder"),
        (("compress", "odd.png", "x.ardm", "--model", "digits"), "shipped ones are digits-any, pictures, shakespeare"),
        (("compress", "odd.png", "x.ardm", "--seed", 1 << 32), "seed must be from 0 to 2^32 - 1"),
        (("score", "odd.png", "--seed", -1), "seed must be from 0 to 2^64 - 1"),
        (("compress", "odd.png", "x.ardm", "--model", greys, "--model", greys), "give one of them"),
        (("compress", "odd.png", "x.ardm", "--model", any_order["colours"], "--steps", "1"), "steps must be"),
    ):  # fmt: skip
        refused("adr-run", *arguments, says=(says,))
        assert not (tmp_path / "out.txt").exists() and not (tmp_path / "x.ardm").exists()
    done = command("adr-run", "decompress", "t.ardm", "out.txt", "--model", symbols)
    assert done.returncode == 0, done.stderr
    assert len((tmp_path / "out.txt").read_bytes()) == 192


@pytest.mark.parametrize("path", ["../evil", "/etc/evil", "a/../../b", "", "a//b", "."])
def test_paths_that_lead_out_of_the_folder_are_refused(path, tmp_path, refused):
    entry = container.Entry(path, "text", (3,), b"8" * 8, 1, 0, b"abc")
    (tmp_path / "evil.ardm").write_bytes(container.pack(container.Container(True, (), (entry,), ())))
    refused("adr-run", "decompress", "evil.ardm", "out", says=("no path inside a folder",))
    assert not (tmp_path / "out").exists()


def test_more_threads_than_processors_come_back(any_order, command, tmp_path):
    """Another number of threads computes other numbers: decoding takes that of the encoder."""
    (tmp_path / "a.txt").write_text("To be, or not to be, that is the question. " * 12)
    threads = (os.cpu_count() or 1) + 1
    given = ("--model", "shakespeare", "--threads", threads)
    done = command("adr-run", "compress", "a.txt", "a.ardm", *given, "--steps", 2, "--json")
    assert done.returncode == 0 and json.loads(done.stdout)["verified"], done.stderr
    done = command("adr-run", "decompress", "a.ardm", "b.txt")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "b.txt").read_bytes() == (tmp_path / "a.txt").read_bytes()


def test_a_link_into_the_folder_is_no_place_for_the_output(refused, any_order, tmp_path):
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "a.txt").write_text("hello")
    (tmp_path / "link.ardm").symlink_to(tmp_path / "src" / "a.txt")
    refused("adr-run", "compress", "src", "link.ardm", says=("lies in the folder that is to be compressed",))
    assert (tmp_path / "src" / "a.txt").read_text() == "hello"


def test_an_empty_folder_and_one_too_deep(command, refused, tmp_path):
    (tmp_path / "empty").mkdir()
    assert command("adr-run", "compress", "empty", "e.ardm").returncode == 0
    assert command("adr-run", "decompress", "e.ardm", "back").returncode == 0
    assert (tmp_path / "back").is_dir() and not list((tmp_path / "back").iterdir())
    deep = tmp_path / "deep"
    deep.mkdir()
    os.makedirs(deep / "/".join(["a"] * 140))
    refused("adr-run", "compress", "deep", "d.ardm", says=("more than 128 folders deep",))
