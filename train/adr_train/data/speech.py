"""Speech of any number of voices, for codecs: a folder in one of these layouts, or one whose sub-folders are.

    recordings/0_name_0.wav, ...        the Free Spoken Digit Dataset, in its own splits (`fsdd`)
    metadata.csv, wavs/{id}.wav|.flac   LJSpeech's layout, one voice; a line `id|text|...` for each sentence

A sentence is in the split that it has for voices (`aligned`), so that no codec has heard what tests them.
"""

from pathlib import Path

import numpy as np
import soundfile

from adr_train.data import fsdd
from adr_train.data.aligned import METADATA, RECORDINGS, split_of
from adr_train.data.audio_file import read_audio
from adr_train.data.resample import resampled
from adr_train.data.types import AudioClips
from adr_train.errors import TrainError

FORMATS = (".wav", ".flac")


def read(folder: Path, split: str) -> AudioClips:
    """One split of all that is there, at the highest sample rate of any, of the only label "speech". Raises TrainError
    where nothing is there."""
    whole = read_layout(folder, split)
    inside = () if whole else (read_layout(path, split) for path in sorted(folder.iterdir()) if path.is_dir())
    parts = [part for part in (whole, *inside) if part is not None]
    if not parts:
        raise TrainError(
            f"{folder}: no speech: neither it nor a folder in it has recordings/0_name_0.wav and so on, or "
            f"{METADATA} beside {RECORDINGS}/"
        )
    rate = max(part.sample_rate for part in parts)
    clips = [clip for part in parts for clip in resampled(part, rate).clips]
    speakers = tuple(speaker for part in parts for speaker in part.speakers)
    return AudioClips(clips, np.zeros(len(clips), np.int64), ("speech",), rate, speakers)


def read_layout(folder: Path, split: str) -> AudioClips | None:
    """One split of a folder that is itself in a known layout, or None."""
    if (folder / METADATA).is_file():
        return read_sentences(folder, split)
    if any(fsdd.FILE.fullmatch(path.name) for path in (*folder.glob("*.wav"), *folder.glob("recordings/*.wav"))):
        return fsdd.read(folder, split)
    return None


def read_sentences(folder: Path, split: str) -> AudioClips:
    """One split of a folder in LJSpeech's layout, in the order of its list. Raises TrainError."""
    path = folder / METADATA
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise TrainError(f"{path}: cannot read the list of sentences: {error}") from error
    rows = [line.split("|") for line in lines if line]
    if not rows or any(len(row) < 2 for row in rows):
        raise TrainError(f"{path}: not a list of sentences; expected a line `id|text` for each")
    files = [find(folder / RECORDINGS, row[0]) for row in rows]
    try:
        rate = soundfile.info(str(files[0])).samplerate
    except (OSError, RuntimeError) as error:
        raise TrainError(f"{files[0]}: not a readable sound file: {' '.join(str(error).split())}") from error
    chosen = [file for file, row in zip(files, rows, strict=True) if split_of(row[1]) == split]
    clips = [read_audio(file, rate) for file in chosen]
    return AudioClips(clips, np.zeros(len(clips), np.int64), ("speech",), rate, (folder.name,) * len(clips))


def find(folder: Path, name: str) -> Path:
    """The recording of a sentence."""
    for path in (folder / f"{name}{ending}" for ending in FORMATS):
        if path.is_file():
            return path
    raise TrainError(f"{folder / name}: neither .wav nor .flac is there; the set is incomplete")
