"""From the bytes of a container to files on disk: what `adr-run decompress` does, and `adr-run compress` to verify."""

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from adr_runtime.any_order.network import AnyOrderNetwork
from adr_runtime.any_order.scoring import Progress, no_progress
from adr_runtime.coding.archive import decode_files
from adr_runtime.coding.container import Container, Section, unpack
from adr_runtime.errors import ADRError, DamagedFileError, InputError
from adr_runtime.media.atomic import check_place, temporary_path, write_atomic
from adr_runtime.media.exact.files import File, check_ending, render
from adr_runtime.terminal.interrupts import held

# Walking and removing a tree takes a call and a descriptor for each of its folders.
MAX_DEPTH = 128
RESERVED = {"con", "prn", "aux", "nul", *(f"{name}{n}" for name in ("com", "lpt") for n in range(1, 10))}


def restore(
    raw: bytes, file: str, out: Path, find: Callable[[Section], AnyOrderNetwork], progress: Progress = no_progress
) -> list[File]:
    """Write the file or the folder of a container of the name `file` to `out`, wholly or not at all. Whatever speaks
    against it is found before anything is decoded, as far as it can be. ADRError with one line."""
    container = unpack(raw, file)
    check_target(container, out)
    for entry in container.entries:
        check_path(entry.path, container.folder, file)
        check_ending(entry.kind, entry.extra, out / entry.path if container.folder else out)
    files = decode_files(container, find, file, progress)
    if container.folder:
        write_tree(out, files)
    else:
        content = render(files[0], out)
        write_atomic(out, lambda temporary: temporary.write_bytes(content))
    return files


def check_target(container: Container, out: Path) -> None:
    if not container.folder:
        check_place(out)
    elif os.path.lexists(out):
        raise InputError(f"{out} exists; a folder was coded: give the name of a new one")
    elif not out.parent.is_dir():
        raise InputError(f"{out}: no folder {out.parent}; make it first")


def check_path(path: str, folder: bool, file: str) -> None:
    """A path in a container comes from others: it may lead nowhere but into the folder. Names that only this system
    does not know are refused with another line."""
    parts = path.split("/")
    if folder == (path == "") or (folder and any(part in ("", ".", "..") or "\0" in part for part in parts)):
        raise DamagedFileError(f"{file}: damaged: {path!r} is no path inside a folder")
    if len(parts) > MAX_DEPTH:
        raise InputError(f"{file}: {path[:40]!r}… lies more than {MAX_DEPTH} folders deep")
    if os.name == "nt" and not all(map(known_to_windows, parts)):
        raise InputError(f"{file}: {path!r} is no name on Windows; unpack it on another system")


def known_to_windows(name: str) -> bool:
    plain = not set(name) & set('\\:*?"<>|') and all(ord(c) >= 32 for c in name)
    return plain and name[-1:] not in (".", " ") and name.partition(".")[0].rstrip().lower() not in RESERVED


@contextlib.contextmanager
def temporary_folder(path: Path, mode: int = 0o777) -> Iterator[Path]:
    """A new folder in the same folder as `path`, gone when the block is over unless it was moved. ADRError for what the
    system refuses."""
    temporary = temporary_path(path)
    try:
        temporary.mkdir(mode)
        yield temporary
    except (OSError, UnicodeError) as error:
        line = getattr(error, "strerror", None) or str(error)
        raise ADRError(f"{path}: cannot write: {line}") from error
    finally:
        # A signal waits: what is removed may be a copy of the source.
        with held():
            shutil.rmtree(temporary, ignore_errors=True)


def write_tree(out: Path, files: list[File]) -> None:
    """All files into a new folder that appears under its name when it is whole."""
    with temporary_folder(out) as folder:
        for file in files:
            target = folder / file.path
            (target if file.kind == "folder" else target.parent).mkdir(parents=True, exist_ok=True)
            if file.kind != "folder":
                write_new(target, render(file, target), out)
        if os.path.lexists(out):
            raise InputError(f"{out} exists; a folder was coded: give the name of a new one")
        os.replace(folder, out)


def write_new(target: Path, data: bytes, out: Path) -> None:
    """Never over another file: two names may be one to this file system."""
    try:
        with target.open("xb") as stream:
            stream.write(data)
    except FileExistsError as error:
        raise ADRError(f"{out}: {target.name!r} and another name are the same on this file system") from error
