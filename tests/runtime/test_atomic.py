"""Writing whole files: names, links, permissions, what is no file, and what an error or an interrupt leaves behind."""

import os
import socket
import stat
from pathlib import Path

import numpy as np
import pytest
from adr_runtime import ADRError, InputError
from adr_runtime.media.atomic import check_place, check_target, write_atomic
from adr_runtime.media.audio import write_audio
from adr_runtime.media.images import write_picture
from adr_runtime.media.provenance import read_provenance


def put(path, data=b"new"):
    write_atomic(path, lambda beside: beside.write_bytes(data))


@pytest.mark.parametrize("length", [249, 255])
def test_names_as_long_as_the_file_system_allows(tmp_path, length):
    sound, picture = (tmp_path / (kind * (length - 4) + suffix) for kind, suffix in (("s", ".wav"), ("p", ".png")))
    check_target(sound, (".wav",))
    write_audio(sound, np.zeros(100, np.float32), 8000, {"seed": 1})
    write_picture(picture, np.zeros((2, 2, 3), np.uint8), {"seed": 1})
    assert read_provenance(sound) == read_provenance(picture) == {"seed": 1}
    assert sorted(tmp_path.iterdir()) == sorted([sound, picture])


def test_a_name_that_is_too_long_is_one_line(tmp_path):
    for act in (check_place, put):
        with pytest.raises(ADRError, match="File name too long"):
            act(tmp_path / ("x" * 256))


@pytest.mark.parametrize("name", ["a\0b", "a\ud800b"])
def test_names_that_no_file_can_have(tmp_path, name):
    for act in (check_place, put):
        with pytest.raises(InputError, match="cannot be a file's name"):
            act(tmp_path / name)


def special(folder):
    """Things that are no plain file, by what they are."""
    os.mkfifo(folder / "pipe")
    (folder / "folder").mkdir()
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(folder / "socket"))
    server.close()
    os.symlink("pipe", folder / "link")
    return {name: (folder / name).lstat() for name in ("pipe", "folder", "socket", "link")}


def test_what_is_no_plain_file_is_refused_and_stays(tmp_path, monkeypatch):
    # The path of a socket has to be short.
    monkeypatch.chdir(tmp_path)
    before = special(Path("."))
    for name, was in before.items():
        path = tmp_path / name
        for act in (check_place, put):
            with pytest.raises(InputError, match=r"give (a file|another name)"):
                act(path)
        now = path.lstat()
        assert (now.st_ino, now.st_mode) == (was.st_ino, was.st_mode)
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(before)


def test_a_device_is_refused():
    for act in (check_place, put):
        with pytest.raises(InputError, match="is a device"):
            act(Path(os.devnull))
    assert stat.S_ISCHR(os.stat(os.devnull).st_mode)


def test_a_link_is_followed(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    real, link, fresh = tmp_path / "elsewhere" / "real", tmp_path / "link", tmp_path / "fresh"
    real.write_bytes(b"old")
    link.symlink_to("elsewhere/real")
    fresh.symlink_to("elsewhere/made")
    put(link)
    put(fresh)
    assert link.is_symlink() and real.read_bytes() == b"new" and not real.is_symlink()
    assert fresh.is_symlink() and (tmp_path / "elsewhere" / "made").read_bytes() == b"new"
    (tmp_path / "round").symlink_to("round")
    with pytest.raises(InputError, match="symbolic links"):
        check_place(tmp_path / "round")


def test_permissions(tmp_path):
    """An existing file keeps its own, even while it is written; a new one has the umask's."""
    path, seen = tmp_path / "x", []
    before = os.umask(0o027)
    try:
        put(path)
        assert stat.S_IMODE(path.stat().st_mode) == 0o640
        for mode in (0o600, 0o444, 0o755):
            path.chmod(mode)
            write_atomic(path, lambda beside: seen.append(beside.stat().st_mode & 0o077) or beside.write_bytes(b"new"))
            assert stat.S_IMODE(path.stat().st_mode) == mode and seen[-1] == mode & 0o077
    finally:
        os.umask(before)


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, ValueError])
def test_nothing_is_left_behind_whatever_is_raised(tmp_path, error):
    (tmp_path / "x").write_bytes(b"old")

    def fail(beside):
        beside.write_bytes(b"half")
        assert beside.parent == tmp_path and len(beside.name) < 32
        raise error

    with pytest.raises(error):
        write_atomic(tmp_path / "x", fail)
    assert [p.read_bytes() for p in tmp_path.iterdir()] == [b"old"]


def test_the_command_leaves_a_pipe_a_pipe(refused, exported, tmp_path):
    os.mkfifo(tmp_path / "x.wav")
    refused("adr-run", "audio", "--model", exported["sound"], "--out", "x.wav", says=("x.wav: is a device, a pipe",))
    assert stat.S_ISFIFO((tmp_path / "x.wav").stat().st_mode)


def test_figures_of_a_bundle_are_written_through_the_same_door(bundle_copy):
    """adr-eval --write keeps a link where the manifest is one, and the permissions of the card."""
    import adr_runtime
    from adr_train.evaluation.quality import record_rows

    folder = bundle_copy("picture")
    (folder / "manifest.json").rename(folder / "kept.json")
    (folder / "manifest.json").symlink_to("kept.json")
    (folder / "README.md").chmod(0o600)
    record_rows(adr_runtime.load(folder, "cpu"), {"test": {"accuracy": 0.5}}, {})
    assert (folder / "manifest.json").is_symlink() and "test: accuracy" in (folder / "kept.json").read_text()
    assert stat.S_IMODE((folder / "README.md").stat().st_mode) == 0o600
    assert not list(folder.glob(".*"))
