"""The files that `adr-run compress` and `score` are given: found, read, and compared with what came back."""

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from adr_runtime.any_order.blocks import refuse_unsayable
from adr_runtime.any_order.network import AnyOrderNetwork
from adr_runtime.coding.restore import check_path
from adr_runtime.errors import ADRError, InputError
from adr_runtime.media.exact.files import SAME_BYTES, File, read_bytes, read_exactly, read_values, refuse_special


@dataclass(frozen=True)
class Source:
    """A file as it is to be coded, by a model unless None, its bytes on disk, and, of a picture or sound that is kept
    byte for byte, the reason."""

    path: Path
    file: File
    model: AnyOrderNetwork | None
    size: int
    reason: str = ""


def find_sources(source: Path) -> list[tuple[str, Path]]:
    """(path inside the folder, file) of every file and every empty folder; one with an empty path for a single file.
    Raises InputError for what cannot be packed."""
    refuse_special(source)
    # Path.is_file raises for a name that is too long.
    if os.path.isfile(source):
        return [("", source)]
    if not os.path.isdir(source):
        raise InputError(f"{source}: no such file or folder")
    paths = []
    for folder, folders, files in os.walk(source, onerror=unreadable):
        # Before the walk itself is too deep for Python.
        if Path(folder) != source:
            check_path(Path(folder).relative_to(source).as_posix(), True, folder)
        for name in [*folders, *files]:
            mode = os.lstat(os.path.join(folder, name)).st_mode
            if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
                raise InputError(
                    f"{os.path.join(folder, name)}: is no plain file; take links and devices out of the folder first"
                )
        if not folders and not files and Path(folder) != source:
            paths.append(Path(folder))
        paths += [Path(folder, name) for name in files]
    listed = sorted((path.relative_to(source).as_posix(), path) for path in paths)
    for inside, path in listed:
        check_path(inside, True, str(path))
    return listed


def unreadable(error: OSError) -> None:
    raise InputError(f"{error.filename}: cannot read: {error.strerror}") from error


def read_source(inside: str, path: Path, models: Mapping[str, AnyOrderNetwork]) -> Source:
    """A file by its values where it is understood and there is a model that can say them, else byte for byte."""
    if path.is_dir():
        return Source(path, File(inside, "folder", np.zeros(0, np.uint8)), None, 0)
    file, reason = read_exactly(path, inside, models)
    if file.kind != "text":
        try:
            return by_model(path, file, models, reason)
        except ADRError as error:
            file, reason = read_exactly(path, inside, ())[0], f"{path}: {error}"
    try:
        return by_model(path, file, models, reason)
    except ADRError as error:
        return by_model(path, file, {}, reason or f"{path}: {error}")


def by_model(path: Path, file: File, models: Mapping[str, AnyOrderNetwork], reason: str) -> Source:
    """Raises InputError where there is a model of the file's kind that cannot say it."""
    model = models.get(file.kind.partition(":")[0])
    if model is not None:
        refuse_unsayable(file.kind, file.data, model.variables)
    return Source(path, file, model, path.stat().st_size, reason)


def refuse_changed(source: Source, back: Path) -> None:
    """ADRError unless a file came back by its contract."""
    if source.file.kind == "folder":
        same = back.is_dir()
    elif source.file.contract == SAME_BYTES:
        same = read_bytes(source.path) == read_bytes(back)
    else:
        a, b = (read_values(path, "", read_bytes(path)) for path in (source.path, back))
        same = (a.kind, a.extra) == (b.kind, b.extra) and np.array_equal(a.data, b.data)
    if not same:
        raise ADRError(f"{source.path}: does not come back as it is; nothing was written. Did it change meanwhile?")
