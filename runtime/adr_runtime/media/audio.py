"""Clips of audio: in memory, in files, in a notebook."""

import base64
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np

from adr_runtime.media import timestamps
from adr_runtime.media.atomic import check_target, check_targets, write_atomic
from adr_runtime.media.naming import numbered
from adr_runtime.media.provenance import encode_provenance
from adr_runtime.media.timestamps import Timestamps, Word

# Of each ending: libsndfile's format and subtype.
FORMATS = {".wav": ("WAV", "PCM_16"), ".flac": ("FLAC", "PCM_16"), ".ogg": ("OGG", "VORBIS")}
# Samples that are turned to 16 bits at a time.
BLOCK = 1 << 20
# Takes the words of a sentence, when it begins to be spoken.
Tell = Callable[[Sequence[Word]], object]
# What a notebook is given to hold, in which a sample takes 2.7 bytes of text.
NOTEBOOK_SAMPLES = 1 << 22


@dataclass(frozen=True, eq=False)
class Audio:
    """Clips of audio and where they came from.

    samples float32 (count, samples), about [-1, 1], or int16 from a model of 16-bit samples, at `sample_rate` Hz;
    `lengths` are the samples of each clip, behind which there are zeros. `seed` makes the same again. `words` are those
    of a text that was spoken.
    """

    samples: np.ndarray
    sample_rate: int
    seed: int
    lengths: tuple[int, ...]
    provenance: Mapping[str, Any]
    words: tuple[Word, ...] = ()

    def __len__(self) -> int:
        return len(self.samples)

    @property
    def clips(self) -> list[np.ndarray]:
        """Each clip up to its end, (samples,)."""
        return [row[:length] for row, length in zip(self.samples, self.lengths, strict=True)]

    def save(self, path: str | Path) -> list[Path]:
        """Write one clip to `path`, or several to numbered files beside it: WAV, FLAC or OGG by the ending, with the
        provenance as a comment. -> the files. Raises ADRError."""
        files = self.files(Path(path), len(self))
        labels = self.provenance.get("labels")
        for file, clip, number in zip(files, self.clips, range(len(self)), strict=True):
            # A single clip may have been several words.
            own = {"labels": [labels[number]]} if labels and len(self) > 1 else {}
            write_audio(file, clip, self.sample_rate, {**self.provenance, **own})
        return files

    @staticmethod
    def files(path: Path, count: int) -> list[Path]:
        """The files that `count` clips go to. Raises InputError, before anything is made, where one cannot."""
        return check_targets([path] if count == 1 else numbered(path, count), tuple(FORMATS))

    def save_timestamps(self, path: str | Path) -> Path:
        """Write when each word is heard: JSON, or subtitles as .srt or .vtt, by the ending. -> the file. Raises
        ADRError."""
        target = Path(path)
        check_target(target, timestamps.FORMATS)
        write_timestamps(target, lambda tell: tell(self.words))
        return target

    def _repr_html_(self) -> str:
        """A player for each clip, in a notebook."""
        players, shown = [], fitting(self.lengths, NOTEBOOK_SAMPLES)
        for clip in self.clips[:shown]:
            file = io.BytesIO()
            write_pcm(file, clip, self.sample_rate, *FORMATS[".wav"], encode_provenance(self.provenance))
            data = base64.b64encode(file.getvalue()).decode()
            players.append(f'<audio controls src="data:audio/wav;base64,{data}"></audio>')
        if shown < len(self):
            players.append(f"<p>{len(self) - shown} of {len(self)} clips are not shown here; save them</p>")
        return "\n".join(players)


def fitting(lengths: Sequence[int], most: int) -> int:
    """How many clips from the first are of up to `most` samples in all."""
    return sum(total <= most for total in accumulate(lengths))


def to_pcm(samples: np.ndarray) -> np.ndarray:
    """float (samples,) -> int16, clipped to [-1, 1]."""
    scaled: np.ndarray = np.round(np.clip(np.nan_to_num(samples), -1, 1) * 32767)
    return scaled.astype(np.int16)


def write_timestamps(path: Path, run: Callable[[Tell], object]) -> None:
    """Let `run` tell words, which are written as they come."""

    def write(temporary: Path) -> None:
        with open(temporary, "w", encoding="utf-8") as file:
            written = Timestamps(file.write, path.suffix.lower())
            run(written.add)
            written.finish()

    write_atomic(path, write)


def write_audio(path: Path, samples: np.ndarray, sample_rate: int, provenance: Mapping[str, Any]) -> None:
    """float32 or int16 samples (samples,) -> WAV, FLAC or OGG by the file's ending, its comment the provenance."""
    write_chunks(path, blocks(samples), sample_rate, provenance)


def write_chunks(path: Path, chunks: Iterable[np.ndarray], sample_rate: int, provenance: Mapping[str, Any]) -> None:
    """The same of samples that come in chunks, each of which is written before the next one is asked for."""
    form, comment = FORMATS[path.suffix.lower()], encode_provenance(provenance)
    write_atomic(path, lambda temporary: write_blocks(str(temporary), chunks, sample_rate, *form, comment))


def write_pcm(
    file: str | io.BytesIO, samples: np.ndarray, sample_rate: int, form: str, subtype: str, comment: str
) -> None:
    """Write samples block by block, so that no copy of all of them is made."""
    write_blocks(file, blocks(samples), sample_rate, form, subtype, comment)


def blocks(samples: np.ndarray) -> Iterator[np.ndarray]:
    return (samples[a : a + BLOCK] for a in range(0, len(samples), BLOCK))


def write_blocks(
    file: str | io.BytesIO, chunks: Iterable[np.ndarray], sample_rate: int, form: str, subtype: str, comment: str
) -> None:
    import soundfile

    with soundfile.SoundFile(file, "w", sample_rate, 1, subtype, format=form) as sound:
        sound.comment = comment
        for chunk in chunks:
            sound.write(chunk if chunk.dtype == np.int16 else to_pcm(chunk))
