"""One's own files in a folder: a sub-folder for each class, or the files of one class alone; and their splits."""

import hashlib
import os
from pathlib import Path

from adr_train.errors import TrainError


def find_classes(folder: Path, endings: frozenset[str], what: str, fewest: int) -> dict[str, list[Path]]:
    """The files with these endings of each class by its name, both in the order of their names; `what` they are goes
    into errors. A class of fewer than `fewest` is refused."""
    folders = sorted(path for path in folder.iterdir() if path.is_dir() and seen(path))
    found = {path.name: files_below(path, endings) for path in folders}
    classes = {name: files for name, files in found.items() if files}
    alone = files_in(folder, endings)
    if classes and alone:
        raise TrainError(f"{alone[0]}: lies beside folders of classes; put it into one of them")
    classes = classes or ({folder.resolve().name: alone} if alone else {})
    if not classes:
        raise TrainError(f"{folder}: no {what} here; give a folder with one sub-folder of {what} for each class")
    for name in classes:
        # "none" asks adr-run for no label.
        if name == "none" or not name.isprintable() or not name.strip():
            raise TrainError(f"{folder / name!s}: {name!r} cannot be a label; give the folder another name")
    few = [name for name, files in classes.items() if len(files) < fewest]
    if few:
        raise TrainError(f"{folder / few[0]}: has fewer than {fewest} {what}; add some: one validates and one tests")
    return classes


def files_in(folder: Path, endings: frozenset[str]) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in endings and path.is_file() and seen(path))


def files_below(folder: Path, endings: frozenset[str]) -> list[Path]:
    found = (path for path in folder.rglob("*") if path.suffix.lower() in endings and path.is_file())
    return sorted(path for path in found if all(map(seen, [path, *path.relative_to(folder).parents][:-1])))


def seen(path: Path) -> bool:
    """Whether it is nothing that a system has hidden there: thumbnails, checkpoints, another system's notes."""
    return not path.name.startswith(".") and path.name != "__MACOSX"


def splits_of(names: list[Path]) -> list[str]:
    """The split of each of a class' files by a hash of its name: what follows one another, as pictures do that were
    taken together, comes apart."""
    return splits_by_hash([os.fsencode(name.as_posix()) for name in names])


def splits_by_hash(files: list[bytes]) -> list[str]:
    """The split of each of a class' files by a hash of what stands for it here: one that is added to a class of some
    fifty or more moves no other. The lowest tenth of all hashes validates, the highest tests. Where nothing is there,
    as in a class of few, the lowest and the highest one do; the one in the middle trains."""
    places = [int.from_bytes(hashlib.sha256(file).digest()[:8]) for file in files]
    ordered = sorted(places)
    found = []
    for place in places:
        tenth = place * 10 >> 64
        if place == ordered[len(ordered) // 2]:
            found.append("train")
        elif tenth == 0 or place == ordered[0]:
            found.append("validation")
        else:
            found.append("test" if tenth == 9 or place == ordered[-1] else "train")
    return found
