"""Unpacking as verification: every name and every kind of file comes back, and what cannot is told before."""

import json
import os
import socket
import sys
from dataclasses import replace

import numpy as np
import pytest
from adr_runtime import loading
from adr_runtime.cli import compress as commands
from adr_runtime.coding import container, restore, sources
from adr_runtime.errors import ADRError
from adr_runtime.media.exact.files import File, checksum
from PIL import Image

POSIX = pytest.mark.skipif(sys.platform != "linux", reason="names and special files as Linux has them")
TEXT = File("", "text", np.frombuffer(b"abc", np.uint8))


@pytest.fixture
def compress(any_order, tmp_path, monkeypatch, capsys):
    """compress(source, *models) packs and unpacks in this process -> the report, and the place of what came back."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(loading, "CODERS", {})

    def run(source, *names, out="x.ardm", back="back", **changes):
        given = [str(any_order[name]) for name in names]
        options = {"steps": 4, "seed": 0, "verify": True, "provider": "cpu", "threads": None, "json_": True} | changes
        commands.compress(tmp_path / source, tmp_path / out, given, **options)
        report = json.loads(capsys.readouterr().out)
        commands.decompress(tmp_path / out, tmp_path / back, given, True)
        capsys.readouterr()
        assert sorted(p.name for p in tmp_path.iterdir() if p.name.startswith(".")) == []
        return report, tmp_path / back

    return run


def pack_text(*paths, folder=True):
    entries = [container.Entry(p, "text", (3,), checksum(TEXT), 1, 0, b"abc") for p in paths]
    return container.pack(container.Container(folder, (), tuple(entries), ()))


def nothing(section):
    pytest.fail("no model is named")


@POSIX
def test_names_of_all_sorts_come_back(compress, tmp_path):
    folder = tmp_path / "f"
    names = [
        "log 12:30.txt",
        "back\\slash",
        "n" * 249,
        "m" * 255,
        "new\nline",
        "ü",
        "tab\t",
        "con",
        os.fsdecode(b"\xff\xfe"),
    ]
    for name in names:
        (folder / "deep").mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(name.encode("utf-8", "surrogateescape"))
        (folder / "deep" / name).write_bytes(b"")
    (folder / "empty" / "folder").mkdir(parents=True)
    Image.fromarray(np.zeros((3, 5, 4), np.uint8)).save(folder / "alpha.bmp")
    report, back = compress("f", "symbols", "colours")
    compress(f"f/{'m' * 255}", "symbols", out="o" * 255, back="b" * 255)
    assert report["verified"] and report["files"] == 2 * len(names) + 2
    before, after = ({p.relative_to(d) for p in d.rglob("*")} for d in (folder, back))
    assert before == after
    assert all((back / p).read_bytes() == (folder / p).read_bytes() for p in before if (folder / p).is_file())


def test_the_report_names_contract_and_coder_of_every_file(compress, tmp_path):
    folder = tmp_path / "f"
    folder.mkdir()
    picture = Image.fromarray(np.random.default_rng(0).integers(256, size=(8, 8, 3), dtype=np.uint8))
    picture.save(folder / "a.png")
    picture.save(folder / "b.bmp")
    picture.convert("P").save(folder / "c.png")
    (folder / "d.txt").write_bytes(b"abc" * 500)
    report, _ = compress("f", "symbols", "colours")
    rows = {row["path"]: row for row in report["contents"]}
    assert {path: row["contract"] for path, row in rows.items()} == {
        "a.png": "same samples", "b.bmp": "same bytes", "c.png": "same bytes", "d.txt": "same bytes",
    }  # fmt: skip
    assert rows["a.png"]["kind"] == "image:RGB" and rows["b.bmp"]["kind"] == "image:RGB:BMP"
    assert (
        rows["c.png"]["kind"] == "text" and "colour type 3" in rows["c.png"]["reason"] and "reason" not in rows["a.png"]
    )
    assert rows["d.txt"]["coder"] in ("deflate", "bzip2", "lzma") and 0 < rows["d.txt"]["bytes"] < 100


def test_what_does_not_come_back_leaves_no_container(compress, tmp_path, monkeypatch):
    (tmp_path / "a.txt").write_bytes(b"abc")
    real = restore.render
    monkeypatch.setattr(restore, "render", lambda file, path: real(file, path) + b"!")
    with pytest.raises(ADRError, match="does not come back as it is"):
        compress("a.txt")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.txt"]


def test_a_picture_that_lost_something_on_the_way_is_noticed(compress, tmp_path, monkeypatch):
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(tmp_path / "a.png", dpi=(72, 72))
    real = sources.read_exactly

    def forgetful(path, inside, kinds):
        file, reason = real(path, inside, kinds)
        return File(file.path, file.kind, file.data), reason

    monkeypatch.setattr(sources, "read_exactly", forgetful)
    with pytest.raises(ADRError, match="does not come back as it is"):
        compress("a.png", "colours")


def test_metadata_is_unpacked_into_png_only(compress, tmp_path):
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(tmp_path / "a.png", dpi=(72, 72))
    compress("a.png", "colours", back="b.png")
    with pytest.raises(ADRError, match=r"a PNG with metadata was coded; give a file ending in \.png"):
        restore.restore((tmp_path / "x.ardm").read_bytes(), "x", tmp_path / "b.webp", nothing)


@POSIX
def test_special_files_are_neither_replaced_nor_read(compress, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    link = tmp_path / "link"
    link.symlink_to("/dev/null")
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(tmp_path / "socket"))
    (tmp_path / "a.txt").write_bytes(b"abc")
    for name in ("pipe", "link", "socket"):
        with pytest.raises(ADRError, match="is a device, a pipe or a socket"):
            restore.restore(pack_text("", folder=False), "x", tmp_path / name, nothing)
        for source, out in ((name, "x.ardm"), ("a.txt", name)):
            with pytest.raises(ADRError, match="is a device, a pipe or a socket"):
                compress(source, out=out)
    server.close()
    (tmp_path / "f").mkdir()
    (tmp_path / "pipe").rename(tmp_path / "f" / "pipe")
    with pytest.raises(ADRError, match="is no plain file"):
        compress("f")
    assert (tmp_path / "f" / "pipe").is_fifo() and link.is_symlink()


def test_the_output_is_no_part_of_the_source(compress, tmp_path):
    (tmp_path / "f" / "g").mkdir(parents=True)
    (tmp_path / "f" / "a.txt").write_bytes(b"abc")
    for out in ("f/x.ardm", "f/g/x.ardm"):
        with pytest.raises(ADRError, match="lies in the folder"):
            compress("f", out=out)
    with pytest.raises(ADRError, match="is the file that is to be compressed"):
        compress("f/a.txt", out="f/a.txt")
    assert (tmp_path / "f" / "a.txt").read_bytes() == b"abc"


def test_names_that_collide_here_are_refused(tmp_path):
    files = [File("a", "text", TEXT.data), File("a", "text", TEXT.data)]
    with pytest.raises(ADRError, match="and another name are the same on this file system"):
        restore.write_tree(tmp_path / "out", files)
    assert list(tmp_path.iterdir()) == []


def test_names_that_windows_does_not_know_are_refused_there(tmp_path, monkeypatch):
    for name in ("log 12:30.txt", "back\\slash", "new\nline", "nul", "Con.txt", "a.", "b ", "what?"):
        assert not restore.known_to_windows(name)
        restore.check_path(name, True, "x")
    assert all(map(restore.known_to_windows, ("log.txt", "console", "ü", ".hidden", "a b")))
    monkeypatch.setattr(os, "name", "nt")
    with pytest.raises(ADRError, match="is no name on Windows"):
        restore.check_path("a/log 12:30.txt", True, "x")


def test_endings_are_judged_before_anything_is_decoded(tmp_path):
    section = container.Section("m", b"h" * 8, 0, 4, (), container.Environment("1", "2", "3", "x", 1, b"f"), 4)
    for kind, shape, says in (
        ("image:RGB", (2, 2, 3), "a picture was coded"), ("image:RGB:BMP", (2, 2, 3), r"a BMP file was coded.*\.bmp"),
        ("sound:8000", (4, 1), "sound was coded"), ("sound:8000:WAV", (4, 1), r"give a name in \.wav"),
    ):  # fmt: skip
        whole = container.Container(False, (section,), (container.Entry("", kind, shape, b"8" * 8, 0),), (b"code",))
        with pytest.raises(ADRError, match=says):
            restore.restore(container.pack(whole), "x", tmp_path / "a.jpg", nothing)


def test_settings_that_decoding_could_not_follow_are_refused(compress, tmp_path):
    (tmp_path / "a.txt").write_bytes(b"abc")
    with pytest.raises(ADRError, match="--provider cuda: only what the CPU computes"):
        compress("a.txt", provider="cuda")
    for threads in (0, 65, 1024):
        with pytest.raises(ADRError, match="threads must be from 1 to 64"):
            compress("a.txt", threads=threads)


def test_a_refusal_names_the_versions_to_install(models, coded, monkeypatch):
    from adr_runtime.coding import archive

    read = container.unpack(coded, "x")
    was = replace(read.sections[0].environment, onnxruntime="1.2.3", numpy="4.5.6", fingerprint=b"elsewhere")
    other = replace(read, sections=(replace(read.sections[0], environment=was),))
    with pytest.raises(ADRError, match=r"pip install onnxruntime==1\.2\.3 numpy==4\.5\.6 constriction==\d"):
        archive.decode_files(other, lambda section: models["symbols"], "x")
