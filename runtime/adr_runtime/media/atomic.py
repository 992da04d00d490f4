"""Writing files: one appears under its name only when it is whole, and nothing but a plain file is ever replaced."""

import os
import secrets
import stat
from collections.abc import Callable
from pathlib import Path

from adr_runtime.errors import ADRError, InputError
from adr_runtime.terminal.interrupts import held


def check_place(path: Path) -> None:
    """Raise InputError where `write_atomic` could not put a file, before anything is made for it."""
    try:
        target = real_target(path)
        temporary = temporary_path(target)
        with held():
            try:
                make_temporary(temporary, target)
            finally:
                temporary.unlink(missing_ok=True)
    except OSError as error:
        raise InputError(f"{path}: cannot write there: {error.strerror}") from error


def check_target(path: Path, endings: tuple[str, ...]) -> None:
    """Raise InputError, before anything is generated, where `path` has an unknown ending or cannot be written."""
    if path.suffix.lower() not in endings:
        raise InputError(f"{path}: unknown file type {path.suffix!r}; there are {', '.join(endings)}")
    check_place(path)


def check_targets(files: list[Path], endings: tuple[str, ...]) -> list[Path]:
    """The same files, each of which `check_target` has let pass."""
    for file in files:
        check_target(file, endings)
    return files


def write_atomic(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a temporary file in the same folder as `path`, then rename it; on any error or interrupt nothing
    is left behind.

    A link is followed: what it leads to is replaced. An existing file keeps its permissions, a new one has the umask's.
    The name that `write` is given has no suffix to tell a format by. Raises InputError where `path` is no place for
    a file, ADRError where writing fails.
    """
    try:
        target = real_target(path)
        temporary = temporary_path(target)
        try:
            mode = make_temporary(temporary, target)
            write(temporary)
            if mode is not None:
                os.chmod(temporary, mode)
            os.replace(temporary, target)
        finally:
            temporary.unlink(missing_ok=True)
    except (OSError, RuntimeError) as error:
        line = getattr(error, "strerror", None) or " ".join(str(error).split())
        raise ADRError(f"{path}: cannot write: {line}") from error


def real_target(path: Path) -> Path:
    """The file that `path` names, behind any links. Raises InputError for all but a plain file and a free name."""
    try:
        if b"\0" in os.fsencode(path):
            raise UnicodeError
        status = path.stat()
    except UnicodeError as error:
        raise InputError(f"{str(path)!r} cannot be a file's name") from error
    except FileNotFoundError:
        folder = path.parent
        if not folder.is_dir():
            raise InputError(f"{path}: no folder {folder}; make it first") from None
    else:
        if stat.S_ISDIR(status.st_mode):
            raise InputError(f"{path}: is a folder; give a file")
        if not stat.S_ISREG(status.st_mode):
            raise InputError(f"{path}: is a device, a pipe or a socket, which a file would replace; give another name")
    # os.replace would put the file in the place of the link.
    return Path(os.path.realpath(path)) if path.is_symlink() else path


def temporary_path(target: Path) -> Path:
    """A name in the target's folder that is short however long the target's own name is."""
    return target.with_name(f".{secrets.token_hex(8)}.part")


def make_temporary(temporary: Path, target: Path) -> int | None:
    """Make an empty file that only those may read who may read the target. -> the target's permissions, None where it
    does not exist yet. A name that is too long is found out here, not after the work."""
    os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
    try:
        mode = stat.S_IMODE(target.stat().st_mode) & 0o777
    except FileNotFoundError:
        return None
    os.chmod(temporary, mode | stat.S_IWUSR)
    return mode
