"""Speech with the ends of its phones: for each voice a folder in the layout of LJSpeech with a file of alignments.

    wavs/{id}.wav       16 bits, mono; or {id}.flac
    metadata.csv        id|text|text as words, a line a sentence
    alignments.jsonl    a JSON object a line, in the order of metadata.csv:
                        {"id", "text", "words", "rate", "symbols": [...], "places": [...], "ends": [...]}

`symbols` are phones and pauses, `places` where in its word each stands (`adr_runtime.spoken_text.phones`), `ends` where
each ends, in samples from the beginning; the last one is the recording's length. Several voices are the sub-folders
of one folder; a voice is called as its folder.
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from adr_runtime.spoken_text.phones import INDEX, PLACES

from adr_train.data.types import AlignedSpeech
from adr_train.errors import TrainError

ALIGNMENTS, METADATA, RECORDINGS = "alignments.jsonl", "metadata.csv", "wavs"
# Of a hundred sentences, by the hashes of their texts, so many test and validate.
TEST, VALIDATION = 3, 3


@dataclass(frozen=True)
class Alignment:
    """One line of the file."""

    id: str
    text: str
    words: str
    rate: int
    symbols: tuple[str, ...]
    places: tuple[int, ...]
    ends: tuple[int, ...]

    def line(self) -> str:
        return json.dumps(asdict(self), separators=(",", ":")) + "\n"


def read(folder: Path, split: str) -> AlignedSpeech:
    """One split of one or more voices, in the order of their names and files. Raises TrainError that names the line at
    fault."""
    rows = [(voice, row) for voice in voices(folder) for row in read_alignments(voice / ALIGNMENTS)]
    chosen = texts_of({row.text for _, row in rows}, split)
    rows = [(voice, row) for voice, row in rows if row.text in chosen]
    rates = {row.rate for _, row in rows}
    if len(rates) != 1:
        found = "no sentences" if not rates else f"several sample rates, {sorted(rates)}"
        raise TrainError(f"{folder}: {found} in the split {split!r}; make more, or make it anew")
    return AlignedSpeech(
        tuple(row.text for _, row in rows), tuple(row.symbols for _, row in rows), tuple(row.places for _, row in rows),
        tuple(np.array(row.ends, np.int64) for _, row in rows), tuple(recording(voice, row.id) for voice, row in rows),
        rates.pop(), tuple(voice.name or voice.resolve().name for voice, _ in rows), folder,
    )  # fmt: skip


def voices(folder: Path) -> list[Path]:
    """The folder, or its sub-folders, with alignments. Raises TrainError where there are none."""
    found = [path for path in (folder, *sorted(folder.iterdir())) if (path / ALIGNMENTS).is_file()]
    if not found:
        raise TrainError(f"{folder}: no {ALIGNMENTS}, neither in it nor in a sub-folder for each voice")
    return found[:1] if found[0] == folder else found


def recording(voice: Path, name: str) -> Path:
    """Where a sentence's recording is, or would be."""
    packed = voice / RECORDINGS / f"{name}.flac"
    return packed if packed.is_file() else packed.with_suffix(".wav")


def read_alignments(path: Path) -> list[Alignment]:
    """Every line, checked. Raises TrainError."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise TrainError(f"{path}: cannot read the alignments: {error}") from error
    rows = []
    for number, line in enumerate(lines, 1):
        try:
            rows.append(parse(line))
        except (AttributeError, ValueError, TypeError) as error:
            raise TrainError(f"{path}:{number}: not an alignment: {error}") from error
    return rows


def parse(line: str) -> Alignment:
    """Raises ValueError, TypeError or AttributeError for what is no alignment."""
    values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in json.loads(line).items()}
    row = Alignment(**values)
    if not len(row.symbols) == len(row.places) == len(row.ends) > 0:
        raise ValueError(f"{len(row.symbols)} symbols, {len(row.places)} places and {len(row.ends)} ends")
    unknown = sorted(set(row.symbols) - set(INDEX))
    if unknown or not set(row.places) <= set(range(PLACES)):
        raise ValueError(f"unknown symbols {unknown[:3]} or places {sorted(set(row.places))[:5]}")
    if row.ends[0] <= 0 or any(a >= b for a, b in zip(row.ends, row.ends[1:], strict=False)):
        raise ValueError("ends that do not rise")
    return row


def texts_of(texts: set[str], split: str) -> set[str]:
    """Those of a split; where it has no text to validate on, the last one of those in the order of their hashes."""
    chosen = {text for text in texts if split_of(text) == split}
    if split == "test" or len(texts) < 2 or any(split_of(text) == "validation" for text in texts):
        return chosen
    rest = {text for text in texts if split_of(text) == "train"}
    alone = {max(rest, key=lambda text: hashlib.sha256(text.encode()).digest())} if len(rest) > 1 else set()
    return alone if split == "validation" else chosen - alone


def split_of(text: str) -> str:
    """The split of a sentence, the same for every speaker."""
    place = int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") % 100
    return "test" if place < TEST else "validation" if place < TEST + VALIDATION else "train"
