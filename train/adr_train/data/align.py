"""One's own recordings and their texts -> aligned speech, by the aligner of a bundle that turns text into phones.

    python -m adr_train.data.align FOLDER --text voice

FOLDER is in the layout of `adr_train.data.ljspeech`, or has sub-folders that are, one for each voice. What comes of it
is FOLDER/aligned, which `adr_train.data.aligned` reads: recordings at 16 kHz, and where their phones end. It appears
when it is whole, and is used again for as long as lists and recordings stay the same. adr-train makes it by itself.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import soundfile
import typer
from adr_runtime.errors import ADRError
from adr_runtime.loading import load_front_end
from adr_runtime.spoken_text.aligner import RATE
from adr_runtime.spoken_text.durations import FASTEST, SLOWEST
from adr_runtime.spoken_text.front_end import SpokenText
from adr_runtime.spoken_text.manifest import PACE_OF, PACES_BESIDE
from adr_runtime.spoken_text.numbers import engine_class
from adr_runtime.spoken_text.phones import PAUSES
from adr_runtime.terminal.command import run
from adr_runtime.terminal.display import PlainConsole
from adr_runtime.terminal.interrupts import held

from adr_train.data.aligned import ALIGNMENTS, METADATA, RECORDINGS, Alignment
from adr_train.data.forced_alignment import align, slots_of
from adr_train.data.ljspeech import Recorded, read_recording, recordings
from adr_train.errors import TrainError

OUT, MADE_OF, ABOUT = "aligned", "made-of.json", "about.json"
# What one may say of the recordings, for the cards of what is trained on them.
SAID = ("description", "licence", "source")
# Below this mean log-probability of a frame, a recording says something else than its text.
WORST = -2.5
TOLD = 50
Tell = Callable[[str], None]

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@dataclass
class Pace:
    """Seconds of phones as they were said, and as durations have them at nobody's pace."""

    said: float = 0.0
    typical: float = 0.0

    @property
    def factor(self) -> float:
        return min(max(self.said / self.typical, SLOWEST), FASTEST)


@dataclass
class Voice:
    """A voice while it is aligned: the recordings of its list, and what is at fault with other lines."""

    folder: Path
    listed: list[Recorded]
    faults: list[str]
    rows: list[Alignment] = field(default_factory=list)
    pace: Pace = field(default_factory=Pace)

    @classmethod
    def of(cls, folder: Path) -> "Voice":
        faults: list[str] = []
        return cls(folder, list(recordings(folder, faults.append)), faults)

    @property
    def name(self) -> str:
        return self.folder.resolve().name


def unaligned(folder: Path) -> list[Path]:
    """The voices of a folder that has lists of recordings and no alignments; none where it has alignments, or neither.
    Raises TrainError where some voices have them and others have not."""
    places = [folder, *(path for path in sorted(folder.iterdir()) if path.name != OUT)] if folder.is_dir() else []
    aligned = [path for path in places if (path / ALIGNMENTS).is_file()]
    found = [path for path in places if (path / METADATA).is_file() and path not in aligned]
    if aligned and found:
        raise TrainError(
            f"{folder}: {found[0].name} has no {ALIGNMENTS}, and {aligned[0].name} has; align it alone and lay the "
            f"result beside the others: python -m adr_train.data.align {found[0]}"
        )
    return found[:1] if found[:1] == [folder] else found


def aligned_folder(folder: Path, text: str | Path, anew: bool, tell: Tell) -> Path:
    """FOLDER/aligned of the voices of a folder, made by the bundle `text` unless it is there; `anew` makes it again
    where it is by another one. Raises ADRError."""
    found = unaligned(folder)
    if not found:
        raise TrainError(f"{folder}: no {METADATA} in it or in a sub-folder for each voice, or {ALIGNMENTS} beside it")
    voices, said = [Voice.of(path) for path in found], read_about(folder / ABOUT)
    out, sources = folder / OUT, fingerprint(voices, said)
    made = made_of(out)
    if made.get("sources") == sources and not anew:
        return out
    engine_class()
    front_end = load_front_end(text)
    if made.get("sources") == sources and made.get("text") == front_end.bundle.hash:
        return out
    if front_end.aligner is None:
        raise TrainError(f"{text} has no graph that finds phones in recordings; give --text a bundle with --aligner")
    temporary = folder / f".{OUT}.{os.getpid()}.part"
    try:
        for voice in voices:
            align_voice(voice, temporary / voice.name, front_end, tell)
        if not any(voice.rows for voice in voices):
            raise TrainError(f"{folder}: nothing is left to train on, for the reasons above")
        about = {
            "sources": sources, "text": front_end.bundle.hash, "training": paces(front_end, voices), "about": said,
        }  # fmt: skip
        (temporary / MADE_OF).write_text(json.dumps(about, indent=1) + "\n")
        with held():
            # What is there is of other recordings, and can be made again.
            shutil.rmtree(out, ignore_errors=True)
            os.replace(temporary, out)
    except (OSError, soundfile.SoundFileError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise TrainError(f"{out}: cannot make the folder: {why}") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return out


def read_about(path: Path) -> dict[str, str]:
    """What the folder says of its recordings; nothing where it says nothing. Raises TrainError."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise TrainError(f"{path}: cannot be read: {error}") from error
    if not isinstance(values, dict) or any(k not in SAID or not isinstance(v, str) for k, v in values.items()):
        raise TrainError(f'{path}: expected {{"licence": ..., "source": ...}}, texts of {", ".join(SAID)}')
    return values


def fingerprint(voices: list[Voice], said: dict[str, str]) -> str:
    """What changes when a list, a recording or what is said of them does: names, sizes and times of what each list
    names."""
    told = hashlib.sha256(json.dumps(said, sort_keys=True).encode() if said else b"")
    for voice in voices:
        for file in (voice.folder / METADATA, *(recorded.file for recorded in voice.listed)):
            status = file.stat()
            told.update(f"{voice.folder.name}/{file.name} {status.st_size} {status.st_mtime_ns}\n".encode())
    return told.hexdigest()


def made_of(out: Path) -> dict[str, Any]:
    """What is said of a folder that `aligned_folder` made; nothing of another one."""
    try:
        values = json.loads((out / MADE_OF).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return values if isinstance(values, dict) else {}


def align_voice(voice: Voice, out: Path, front_end: SpokenText, tell: Tell) -> None:
    """Every recording of a voice into `out`; a folder without a line where none is any good. Raises OSError."""
    (out / RECORDINGS).mkdir(parents=True)
    for fault in voice.faults:
        tell(fault)
    for number, recorded in enumerate(voice.listed, 1):
        try:
            align_recording(recorded, voice, out, front_end)
        except ADRError as error:
            tell(f"{voice.name}, {recorded.name}: {error}; left out")
        if number % TOLD == 0:
            tell(f"{voice.name}: {number} of {len(voice.listed)} recordings")
    if not voice.rows:
        shutil.rmtree(out)
        return
    (out / ALIGNMENTS).write_text("".join(row.line() for row in voice.rows), encoding="utf-8")
    lines = (f"{row.id}|{row.text}|{row.words}\n" for row in voice.rows)
    (out / METADATA).write_text("".join(lines), encoding="utf-8")
    minutes = sum(row.ends[-1] for row in voice.rows) / RATE / 60
    tell(f"{voice.name}: {len(voice.rows)} of {len(voice.listed)} recordings, {minutes:.1f} minutes")


def align_recording(recorded: Recorded, voice: Voice, out: Path, front_end: SpokenText) -> None:
    """Raises ADRError for a recording that cannot be used, or does not fit its text."""
    assert front_end.aligner
    sentences = list(front_end.sentences(recorded.said))
    samples = read_recording(recorded.file)
    heard = front_end.aligner.log_probabilities(samples)
    fit = align(heard, slots_of(sentences), len(samples))
    if fit.log_probability < WORST:
        raise TrainError(f"does not sound like its text ({fit.log_probability:.2f} nats a frame, at least {WORST:g})")
    symbols, places = tuple(slot.symbol for slot in fit.slots), tuple(slot.place for slot in fit.slots)
    ends, words = tuple(fit.ends.tolist()), " ".join(sentence.text for sentence in sentences)
    voice.rows.append(Alignment(recorded.name, recorded.text, words.lower(), RATE, symbols, places, ends))
    measure(voice.pace, voice.rows[-1], front_end)
    soundfile.write(str(out / RECORDINGS / f"{recorded.name}.flac"), samples, RATE, "PCM_16", format="FLAC")


def measure(pace: Pace, row: Alignment, front_end: SpokenText) -> None:
    """Add the phones of a recording to those that a pace is measured by."""
    if front_end.durations is None:
        return
    phones = np.array([symbol not in PAUSES for symbol in row.symbols])
    pace.said += float(np.diff(row.ends, prepend=0)[phones].sum()) / row.rate
    pace.typical += float(front_end.durations.seconds(row.symbols, row.places)[phones].sum())


def paces(front_end: SpokenText, voices: list[Voice]) -> dict[str, Any]:
    """What a checkpoint is to say of the voices' paces, and beside which durations they were measured."""
    told = {f"{PACE_OF}{voice.name}": round(voice.pace.factor, 4) for voice in voices if voice.pace.typical}
    graph = front_end.bundle.manifest.graphs.get("durations")
    return {**told, PACES_BESIDE: graph.sha256} if graph and told else {}


def measured_paces(folder: Path) -> dict[str, Any]:
    """The same of a folder of aligned speech; nothing of one that was not made here."""
    training = made_of(folder).get("training")
    return training if isinstance(training, dict) else {}


@app.command()
def main(
    folder: Annotated[Path, typer.Argument(help="Recordings in LJSpeech's layout, or a sub-folder of them a voice.")],
    text: Annotated[str, typer.Option(help="The bundle of text to phones, or the voice, that finds them.")] = "voice",
) -> None:
    """Find where the phones of a text end in one's own recordings of it."""
    console = PlainConsole(stderr=True)
    out = aligned_folder(folder, text, True, lambda line: console.print(line, soft_wrap=True))
    console.print(f"{out}: done", soft_wrap=True)


if __name__ == "__main__":
    run("align", "adr_train.data.align")
