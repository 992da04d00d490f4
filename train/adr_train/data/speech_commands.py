"""Google Speech Commands v1 and v2 (Warden 2018, arXiv 1804.03209): word folders of one-second recordings, 16 kHz.

The files {speaker}_nohash_{n}.wav lie in a folder a word; validation_list.txt and testing_list.txt name the files of
those two splits, and the rest train. The ten digits are the SC09 set of the audio generation literature.
"""

from pathlib import Path

import numpy as np

from adr_train.data.audio_file import read_audio
from adr_train.data.fsdd import NAMES as DIGITS
from adr_train.data.types import AudioClips
from adr_train.errors import TrainError

SAMPLE_RATE = 16_000
LISTS = {"validation": "validation_list.txt", "test": "testing_list.txt"}
VERSIONS = ("speech_commands_v0.02", "speech_commands_v0.01")


def find_root(folder: Path) -> Path:
    """The folder with the two lists: the one given, or where torchaudio's SPEECHCOMMANDS unpacks to."""
    for root in (folder, *(folder / "SpeechCommands" / v for v in VERSIONS), *(folder / v for v in VERSIONS)):
        if (root / LISTS["test"]).is_file():
            return root
    raise TrainError(f"{folder}: no testing_list.txt here; give the unpacked folder of Speech Commands")


def read_list(root: Path, file: str) -> set[str]:
    """The word/file.wav lines of a split list."""
    path = root / file
    try:
        return {line.strip() for line in path.read_text().splitlines() if line.strip()}
    except OSError as error:
        raise TrainError(f"{path}: missing; the release has it beside the word folders") from error


def read(folder: Path, split: str, words: tuple[str, ...] = DIGITS) -> AudioClips:
    """One split of the given words."""
    root = find_root(folder)
    lists = {name: read_list(root, file) for name, file in LISTS.items()}
    clips, labels, speakers = [], [], []
    for label, word in enumerate(words):
        if not (root / word).is_dir():
            raise TrainError(f"{root / word}: no such word folder; the set is incomplete")
        files = {f"{word}/{path.name}" for path in (root / word).glob("*.wav")}
        listed = {line for names in lists.values() for line in names if line.startswith(f"{word}/")}
        missing = sorted(listed - files)
        if missing:
            raise TrainError(f"{root / missing[0]}: listed in a split but not there; the set is incomplete")
        chosen = files & lists[split] if split in lists else files - listed
        for name in sorted(chosen):
            speaker, marker, _ = Path(name).stem.partition("_nohash_")
            if not marker:
                raise TrainError(f"{root / name}: mislabelled; expected a name like 0a7c2a8d_nohash_0.wav")
            clips.append(read_audio(root / name, SAMPLE_RATE))
            labels.append(label)
            speakers.append(speaker)
    if not clips:
        raise TrainError(f"{root}: no recordings for the split {split!r}")
    return AudioClips(clips, np.array(labels, np.int64), words, SAMPLE_RATE, tuple(speakers))
