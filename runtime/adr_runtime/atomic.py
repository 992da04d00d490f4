"""Writing files: one appears under its name only when it is whole, and nothing but a plain file is ever replaced."""

import os
import secrets
import stat
from collections.abc import Callable
from pathlib import Path

from adr_runtime.errors import ADRError
from adr_runtime.interrupts import held


def check_place(path: Path) -> None:
    """Raise ADRError where `write_whole` could not put a file, before anything is made for it."""
    try:
        target = real_target(path)
        beside = part_beside(target)
        with held():
            try:
                make_part(beside, target)
            finally:
                beside.unlink(missing_ok=True)
    except OSError as error:
        raise ADRError(f"{path}: cannot write there: {error.strerror}") from error


def write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a file beside `path`, then rename it; on any error or interrupt nothing is left behind.

    A link is followed: what it leads to is replaced. An existing file keeps its permissions, a new one has the umask's.
    The name that `write` is given has no suffix to tell a format by. Raises ADRError: status 2 where `path` is no place
    for a file, 1 where writing fails.
    """
    try:
        target = real_target(path)
        beside = part_beside(target)
        try:
            mode = make_part(beside, target)
            write(beside)
            if mode is not None:
                os.chmod(beside, mode)
            os.replace(beside, target)
        finally:
            beside.unlink(missing_ok=True)
    except (OSError, RuntimeError) as error:
        line = getattr(error, "strerror", None) or " ".join(str(error).split())
        raise ADRError(f"{path}: cannot write: {line}", exit_status=1) from error


def real_target(path: Path) -> Path:
    """The file that `path` names, behind any links. ADRError for all but a plain file and a name that is free."""
    try:
        if b"\0" in os.fsencode(path):
            raise UnicodeError
        found = path.stat()
    except UnicodeError as error:
        raise ADRError(f"{str(path)!r} cannot be a file's name") from error
    except FileNotFoundError:
        folder = path.parent
        if not folder.is_dir():
            raise ADRError(f"{path}: no folder {folder}; make it first") from None
    else:
        if stat.S_ISDIR(found.st_mode):
            raise ADRError(f"{path}: is a folder; give a file")
        if not stat.S_ISREG(found.st_mode):
            raise ADRError(f"{path}: is a device, a pipe or a socket, which a file would replace; give another name")
    # os.replace would put the file in the place of the link.
    return Path(os.path.realpath(path)) if path.is_symlink() else path


def part_beside(target: Path) -> Path:
    """A name in the target's folder that is short however long the target's own name is."""
    return target.with_name(f".{secrets.token_hex(8)}.part")


def make_part(beside: Path, target: Path) -> int | None:
    """Make an empty file that only those may read who may read the target. -> the target's permissions, None where it
    does not exist yet. A name that is too long is found out here, not after the work."""
    os.close(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
    try:
        mode = stat.S_IMODE(target.stat().st_mode) & 0o777
    except FileNotFoundError:
        return None
    os.chmod(beside, mode | stat.S_IWUSR)
    return mode
