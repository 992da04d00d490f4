"""Free Spoken Digit Dataset: recordings/{digit}_{speaker}_{index}.wav, 8 kHz mono, CC BY-SA 4.0."""

import re
from pathlib import Path

import numpy as np

from adr_train.data.audio_file import read_audio
from adr_train.data.types import AudioClips
from adr_train.errors import TrainError

NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
FILE = re.compile(r"(\d)_([a-z]+)_(\d+)\.wav")
SAMPLE_RATE = 8000
# The official split: index 0 to 4 of every digit and speaker tests. Of the rest, 5 to 9 validate here.
PARTS = {"test": range(0, 5), "validation": range(5, 10), "train": range(10, 1 << 30)}


def read(folder: Path, split: str) -> AudioClips:
    """One split, in the order of the file names."""
    recordings = folder / "recordings" if (folder / "recordings").is_dir() else folder
    paths = sorted(recordings.glob("*.wav"))
    if not paths:
        raise TrainError(f"{recordings}: no .wav files; expected recordings/0_name_0.wav and so on")
    clips, labels, speakers = [], [], []
    for path in paths:
        match = FILE.fullmatch(path.name)
        if not match:
            raise TrainError(f"{path}: mislabelled; expected a name like 7_jackson_12.wav")
        if int(match[3]) in PARTS[split]:
            clips.append(read_audio(path, SAMPLE_RATE))
            labels.append(int(match[1]))
            speakers.append(match[2])
    if not clips:
        raise TrainError(f"{recordings}: no recordings for the split {split!r}; the set is incomplete")
    return AudioClips(clips, np.array(labels, np.int64), NAMES, SAMPLE_RATE, tuple(speakers))
