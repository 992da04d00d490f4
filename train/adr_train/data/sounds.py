"""One's own sounds, drum hits or effects: a folder with a sub-folder for each class, or with sounds of one class alone.

Whatever libsndfile reads is taken: mixed down to one channel, brought to the model's sample rate, and cut with a short
fade where it is long. A sound keeps its level, unless it would hardly be heard. What is corrupt, empty or silent is
named and left out.
"""

import hashlib
from functools import lru_cache
from pathlib import Path

import numpy as np
from adr_runtime.terminal.display import PlainConsole

from adr_train.data.audio_file import at_rate, read_mono
from adr_train.data.class_folders import find_classes, splits_by_hash
from adr_train.data.splits import SPLITS
from adr_train.data.types import AudioClips
from adr_train.errors import TrainError

console = PlainConsole(stderr=True)

ENDINGS = frozenset({
    ".wav", ".wave", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".aifc", ".au", ".snd", ".caf", ".w64",
    ".rf64", ".voc", ".iff", ".8svx", ".avr", ".sf", ".paf", ".nist", ".sph",
})  # fmt: skip
# What is kept of a long sound, and how it ends then.
SECONDS, FADE_SECONDS = 3.0, 0.05
# Peaks: below the first a sound is silent; up to the second a quieter one is raised.
SILENT, QUIET = 1e-3, 0.1
LOWEST_RATE, HIGHEST_RATE = 500, 768_000


def read(folder: Path, split: str, sample_rate: int) -> AudioClips:
    """The sounds of a split at `sample_rate` Hz. Of ten of a class about one validates and one tests, by a hash of the
    file, so that copies of one stay together and another name moves nothing. Of two in a class one trains and one
    validates, and a single one trains. Raises TrainError where a class has none to train on."""
    return read_all(folder, sample_rate)[split]


@lru_cache(maxsize=1)
def read_all(folder: Path, sample_rate: int) -> dict[str, AudioClips]:
    """Every split. One run after another on the same sounds reads them once, and tells their faults once."""
    classes = find_classes(folder, ENDINGS, "sounds", fewest=1)
    clips: dict[str, list[np.ndarray]] = {split: [] for split in SPLITS}
    labels: dict[str, list[int]] = {split: [] for split in SPLITS}
    cut = 0
    for label, files in enumerate(classes.values()):
        found, hashed = list[np.ndarray](), list[bytes]()
        for file in files:
            try:
                clip, whole = read_file(file, sample_rate)
            except TrainError as error:
                console.print(f"left out: {error}", soft_wrap=True)
                continue
            found.append(clip)
            hashed.append(hashlib.sha256(file.read_bytes()).digest())
            cut += not whole
        if not found:
            raise TrainError(f"{files[0].parent}: no sound to train on; add some or take the folder away")
        for clip, split in zip(found, splits_by_hash(hashed), strict=True):
            clips[split].append(clip)
            labels[split].append(label)
    if cut:
        console.print(f"longer than {SECONDS:g} seconds and cut there: {cut} of {sum(map(len, clips.values()))} sounds")
    return {
        split: AudioClips(
            clips[split], np.array(labels[split], np.int64), tuple(classes), sample_rate, ("",) * len(clips[split])
        )
        for split in SPLITS
    }


def read_file(path: Path, sample_rate: int) -> tuple[np.ndarray, bool]:
    """float32 (samples,) in [-1, 1] at `sample_rate` Hz, and whether it is the whole sound. A file that cannot be read,
    or that holds nothing to hear, raises TrainError that names it."""
    samples, rate = read_mono(path, SECONDS)
    if not LOWEST_RATE <= rate <= HIGHEST_RATE:
        raise TrainError(f"{path}: at {rate} Hz; sounds have {LOWEST_RATE} to {HIGHEST_RATE} Hz")
    most = int(SECONDS * rate)
    whole = len(samples) <= most
    if not whole:
        fading = int(FADE_SECONDS * rate)
        samples = samples[:most]
        samples[most - fading :] *= np.linspace(1, 0, fading, dtype=np.float32)
    peak = float(np.abs(samples).max())
    if peak < SILENT:
        raise TrainError(f"{path}: silent")
    # Samples in floating point may be beyond 1.
    samples *= np.float32(min(max(peak, QUIET), 1.0) / peak)
    return at_rate(path, samples, rate, sample_rate), whole
