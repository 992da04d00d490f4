"""Text as symbols: any plain text file, in the usual split by position, 90% to train, 5% to validate, 5% to test."""

from pathlib import Path

import numpy as np

from adr_train.data.types import Text
from adr_train.errors import TrainError

# text8's alphabet (Mahoney 2011): everything that is no letter becomes a space.
TEXT8 = "abcdefghijklmnopqrstuvwxyz "


def read(folder: Path, split: str) -> Text:
    """The bytes of the folder's only .txt file, or of the file itself."""
    paths = [folder] if folder.is_file() else sorted(folder.glob("*.txt"))
    if len(paths) != 1:
        raise TrainError(f"{folder}: expected one .txt file, found {len(paths)}; give the file itself")
    try:
        data = np.frombuffer(paths[0].read_bytes(), np.uint8)
    except OSError as error:
        raise TrainError(f"{paths[0]}: cannot read: {error.strerror}") from error
    if len(data) < 1000:
        raise TrainError(f"{paths[0]}: {len(data)} bytes are too few to train on")
    edges = [0, len(data) * 90 // 100, len(data) * 95 // 100, len(data)]
    part = ("train", "validation", "test").index(split)
    return Text(data[edges[part] : edges[part + 1]], "")


def respell(text: Text, alphabet: str) -> Text:
    """Bytes in lower case as indices into `alphabet`; what it lacks becomes its last symbol. "" leaves bytes alone."""
    if not alphabet:
        return text
    table = np.full(256, len(alphabet) - 1, np.uint8)
    for index, symbol in enumerate(alphabet):
        table[ord(symbol)] = table[ord(symbol.upper())] = index
    return Text(table[text.symbols], alphabet)
