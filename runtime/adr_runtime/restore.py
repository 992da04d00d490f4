"""From the bytes of a container to files on disk: what `adr-run decompress` does, and `adr-run compress` to verify."""

import os
import shutil
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path

from adr_runtime.any_order import AnyOrderModel
from adr_runtime.archive import decompress
from adr_runtime.atomic import write_whole
from adr_runtime.coded_files import File, check_ending, render
from adr_runtime.coding import Tell, quiet
from adr_runtime.container import Container, Section, unpack
from adr_runtime.errors import ADRError

RESERVED = {"con", "prn", "aux", "nul", *(f"{name}{n}" for name in ("com", "lpt") for n in range(1, 10))}


def restore(
    raw: bytes, file: str, out: Path, find: Callable[[Section], AnyOrderModel], tell: Tell = quiet
) -> list[File]:
    """Write the file or the folder of a container of the name `file` to `out`, wholly or not at all. Whatever speaks
    against it is found before anything is decoded, as far as it can be. ADRError with one line."""
    container = unpack(raw, file)
    check_target(container, out)
    for entry in container.entries:
        check_path(entry.path, container.folder, file)
        check_ending(entry.kind, entry.extra, out / entry.path if container.folder else out)
    files = decompress(container, find, file, tell)
    if container.folder:
        write_tree(out, files)
    else:
        made = render(files[0], out)
        write_whole(out, lambda beside: beside.write_bytes(made))
    return files


def check_target(container: Container, out: Path) -> None:
    if not out.parent.is_dir():
        raise ADRError(f"{out}: no folder {out.parent}; make it first")
    if container.folder and os.path.lexists(out):
        raise ADRError(f"{out} exists; a folder was coded: give the name of a new one")
    if not container.folder and out.is_dir():
        raise ADRError(f"{out}: is a folder; a single file was coded: give a file")
    refuse_special(out)


def refuse_special(path: Path) -> None:
    """ADRError for what is there but neither a file nor a folder: nothing is to take a device's or a pipe's place."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        raise ADRError(f"{path}: is a device, pipe or socket; give a file")


def check_path(path: str, folder: bool, file: str) -> None:
    """A path in a container comes from others: it may lead nowhere but into the folder. Names that only this system
    does not know are refused with another line."""
    parts = path.split("/")
    if folder == (path == "") or (folder and any(part in ("", ".", "..") or "\0" in part for part in parts)):
        raise ADRError(f"{file}: damaged: {path!r} is no path inside a folder")
    if os.name == "nt" and not all(map(known_to_windows, parts)):
        raise ADRError(f"{file}: {path!r} is no name on Windows; unpack it on another system")


def known_to_windows(name: str) -> bool:
    plain = not set(name) & set('\\:*?"<>|') and all(ord(c) >= 32 for c in name)
    return plain and name[-1:] not in (".", " ") and name.partition(".")[0].rstrip().lower() not in RESERVED


def write_tree(out: Path, files: list[File]) -> None:
    """All files into a new folder that appears under its name when it is whole."""
    try:
        beside = Path(tempfile.mkdtemp(prefix=".", suffix=".part", dir=out.parent))
    except OSError as error:
        raise ADRError(f"{out}: cannot write: {error.strerror}", exit_status=1) from error
    try:
        for file in files:
            target = beside / file.path
            (target if file.kind == "folder" else target.parent).mkdir(parents=True, exist_ok=True)
            if file.kind != "folder":
                # Never over another one: two names may be one to this file system.
                with target.open("xb") as stream:
                    stream.write(render(file, target))
        beside.chmod(0o777 & ~umask())
        if os.path.lexists(out):
            raise ADRError(f"{out} exists; a folder was coded: give the name of a new one")
        os.replace(beside, out)
    except FileExistsError as error:
        raise ADRError(
            f"{out}: two names of the folder are the same on this file system: {error.filename}", 1
        ) from error
    except (OSError, UnicodeError) as error:
        line = getattr(error, "strerror", None) or str(error)
        raise ADRError(f"{out}: cannot write: {line}", exit_status=1) from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def umask() -> int:
    """The user's, which can only be read by setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
