"""One's own recordings in the layout of LJSpeech, of any sample rate and in any format that libsndfile reads.

    metadata.csv     a line `id|text` or `id|text|text in words` for each recording
    wavs/{id}.wav    or .flac, .ogg, .mp3; or the name of a file, there or beside metadata.csv, in place of the id

What is at fault is named and left out.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from adr_runtime.spoken_text.aligner import RATE

from adr_train.data.aligned import METADATA, RECORDINGS
from adr_train.data.audio_file import at_rate, read_mono
from adr_train.errors import TrainError

FORMATS = ("", ".wav", ".flac", ".ogg", ".mp3")
# Seconds of a recording, and the loudest sample of one that is silent.
SHORTEST, LONGEST, SILENT = 0.3, 30.0, 1e-3


@dataclass(frozen=True)
class Recorded:
    """A line of the list: what a file can be called after it, its text, what is said of it, and the recording."""

    name: str
    text: str
    said: str
    file: Path


def recordings(voice: Path, tell: Callable[[str], None]) -> Iterator[Recorded]:
    """The lines of a voice's list whose recordings are there; `tell` gets a line of each of the others. Raises
    TrainError where the list cannot be read."""
    path, names = voice / METADATA, set[str]()
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise TrainError(f"{path}: cannot read the list of recordings: {error}") from error
    for number, line in enumerate(lines, 1):
        try:
            recorded = parse(voice, line)
            if recorded.name in names:
                raise TrainError(f"a second line of {recorded.name}")
        except TrainError as error:
            tell(f"{path}:{number}: {error}; left out")
            continue
        names.add(recorded.name)
        yield recorded


def parse(voice: Path, line: str) -> Recorded:
    """Raises TrainError for what is no line of the list, or of a recording that is not there."""
    parts = [part.strip() for part in line.split("|")]
    if not line.strip():
        raise TrainError("an empty line")
    if len(parts) not in (2, 3) or not parts[0]:
        raise TrainError(f"expected id|text or id|text|text in words, found {line[:60]!r}")
    if not any(parts[1:]):
        raise TrainError(f"no text of {parts[0]}")
    places = [folder / f"{parts[0]}{ending}" for folder in (voice / RECORDINGS, voice) for ending in FORMATS]
    try:
        file = next((place for place in places if place.is_file()), None)
    except OSError as error:
        raise TrainError(f"no recording of {parts[0][:60]!r}: {error.strerror}") from error
    if file is None:
        raise TrainError(f"no recording {RECORDINGS}/{parts[0]}.wav")
    name = re.sub(r"[^\w.-]", "-", re.sub(r"\.(wav|flac|ogg|mp3)$", "", parts[0]))
    return Recorded(name.lstrip("."), parts[1] or parts[-1], parts[-1] or parts[1], file)


def read_recording(file: Path) -> np.ndarray:
    """float32 (samples,) in [-1, 1] at `RATE`, the mean of all channels. Raises TrainError for what is no recording, is
    too short or too long, or silent."""
    mono, rate = read_mono(file, LONGEST)
    seconds = len(mono) / rate
    if not SHORTEST <= seconds <= LONGEST:
        found = f"{seconds:.1f} s" if seconds < SHORTEST else f"more than {LONGEST:g} s"
        raise TrainError(f"{file}: {found} long; recordings have {SHORTEST:g} to {LONGEST:g} s")
    clip = at_rate(file, mono, rate, RATE)
    if len(clip) < SHORTEST * RATE or np.abs(clip).max() < SILENT:
        raise TrainError(f"{file}: is silent")
    return clip
