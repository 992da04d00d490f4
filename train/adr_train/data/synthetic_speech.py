"""Making aligned speech: sentences of plain text files, said by a synthesiser, as `adr_train.data.aligned` reads it.

    python -m adr_train.data.synthetic_speech book.txt --voice slt --minutes 120 --out data/slt

The same texts, voice and version of the synthesiser make the same files. A run that was stopped goes on where it was.
"""

import csv
import io
import os
import re
from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Annotated

import soundfile
import typer
from adr_runtime.media.atomic import write_atomic
from adr_runtime.spoken_text.phones import BREAK, ENDS, FIRST, INDEX, INSIDE, LAST, ONLY, START, VOWELS
from adr_runtime.spoken_text.sentences import SentenceSplitter
from adr_runtime.terminal.command import run
from adr_runtime.terminal.display import PlainConsole

from adr_train.data import festival, flite
from adr_train.data.aligned import ALIGNMENTS, METADATA, RECORDINGS, Alignment, read_alignments
from adr_train.data.prompts import prompts
from adr_train.data.synthesiser import Segment, Spoken
from adr_train.errors import TrainError

# Words of a sentence that is taken.
SHORTEST, LONGEST = 3, 30
# Characters that synthesisers and we read alike.
PLAIN = re.compile(r"[A-Za-z0-9 ,.;:?!'\"$%&()/-]+")
# Phones that ARPAbet writes otherwise; the schwa is never stressed.
RENAMED = {"ax": "AH0", "axr": "ER0"}
TOLD = 100

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


def sentences(files: Iterable[Path], more: Iterable[str] = ()) -> list[str]:
    """The sentences of some texts that are neither short nor long, and those of `more`, each once, in an order that has
    nothing to do with that of the texts. Raises TrainError."""
    found: dict[str, None] = dict.fromkeys(more)
    for file in files:
        try:
            text = file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise TrainError(f"{file}: cannot read the text: {error}") from error
        splitter = SentenceSplitter()
        for sentence in [*splitter.feed(text), *splitter.finish()]:
            line = " ".join(sentence.split())
            if PLAIN.fullmatch(line) and SHORTEST <= len(line.split()) <= LONGEST and line[-1] in ENDS:
                found[line] = None
    if not found:
        raise TrainError("no sentences of 3 to 30 words in these texts; give others")
    return sorted(found, key=lambda line: sha256(line.encode()).digest())


def align(name: str, text: str, spoken: Spoken) -> Alignment:
    """What a synthesiser says of a sentence in our symbols. Raises TrainError for a phone that we have not."""
    ends = [round(segment.end * spoken.sample_rate) for segment in spoken.segments]
    # The sound may be a frame longer or shorter than its segments.
    ends[-1] = len(spoken.samples)
    segments = list(spoken.segments)
    kept = [i for i, end in enumerate(ends) if end > (ends[i - 1] if i else 0)]
    symbols = [symbol_of(segments, i, text) for i in kept]
    unknown = sorted(set(symbols) - set(INDEX))
    if unknown:
        raise TrainError(f"{name}: the voice says {', '.join(unknown)}, which are none of our phones")
    return Alignment(
        name, text, " ".join(spoken.words).lower(), spoken.sample_rate, tuple(symbols),
        tuple(place_of(segments, i) for i in kept), tuple(ends[i] for i in kept),
    )  # fmt: skip


def symbol_of(segments: list[Segment], number: int, text: str) -> str:
    segment = segments[number]
    name = segment.name
    if name == "pau":
        return START if number == 0 else text[-1] if number == len(segments) - 1 else BREAK
    if name in RENAMED:
        return RENAMED[name]
    return name.upper() + (str(int(segment.stressed)) if name.upper() in VOWELS else "")


def place_of(segments: list[Segment], number: int) -> int:
    word = segments[number].word
    if word is None:
        return INSIDE
    first = number == 0 or segments[number - 1].word != word
    last = number == len(segments) - 1 or segments[number + 1].word != word
    return ONLY if first and last else FIRST if first else LAST if last else INSIDE


def make(texts: list[str], voice: str, folder: Path, minutes: float, recordings: bool = True) -> Iterator[float]:
    """Speak one sentence after the other into `folder` until there are so many minutes, or no more sentences; without
    recordings it is the alignments that are kept, of which durations are learned. Yields the minutes so far, after
    each. Raises ADRError."""
    speaker = find_voice(voice)
    done = prepare(folder, voice, texts)
    total = sum(row.ends[-1] / row.rate for row in done) / 60
    with (folder / ALIGNMENTS).open("a", encoding="utf-8") as alignments:
        for number in range(len(done), len(texts)):
            if total >= minutes:
                break
            name = f"{voice}-{number + 1:06d}"
            spoken = speaker.speak(texts[number])
            row = align(name, texts[number], spoken)
            if recordings:
                write_wav(folder / RECORDINGS / f"{name}.wav", spoken)
            # The line comes last: a sentence without one is made anew.
            alignments.write(row.line())
            alignments.flush()
            done.append(row)
            total += row.ends[-1] / row.rate / 60
            yield total
    write_metadata(folder / METADATA, done)


def find_voice(name: str) -> flite.FliteVoice | festival.FestivalVoice:
    """Raises TrainError for a voice that there is none of, or that is not installed."""
    if name in festival.VOICES:
        return festival.FestivalVoice(name)
    if name not in flite.VOICES:
        raise TrainError(f"unknown voice {name!r}; there are {', '.join((*flite.VOICES, *festival.VOICES))}")
    return flite.FliteVoice(name)


def prepare(folder: Path, voice: str, texts: list[str]) -> list[Alignment]:
    """Make the folder, or take up one that a stopped run has left. -> the sentences that are there. Raises TrainError
    where they are others."""
    try:
        (folder / RECORDINGS).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TrainError(f"{folder}: cannot make the folder: {error.strerror}") from error
    path = folder / ALIGNMENTS
    if not path.exists():
        return []
    data = path.read_bytes()
    whole = data[: data.rfind(b"\n") + 1]
    if len(whole) < len(data):
        os.truncate(path, len(whole))
    done = read_alignments(path)
    for number, row in enumerate(done):
        if row.id != f"{voice}-{number + 1:06d}" or number >= len(texts) or row.text != texts[number]:
            raise TrainError(f"{path}:{number + 1}: of another voice or other texts; choose another folder")
    return done


def write_wav(path: Path, spoken: Spoken) -> None:
    temporary = path.with_suffix(".part")
    soundfile.write(str(temporary), spoken.samples, spoken.sample_rate, "PCM_16", format="WAV")
    os.replace(temporary, path)


def write_metadata(path: Path, rows: list[Alignment]) -> None:
    """LJSpeech's list: id|text|text as words."""
    lines = io.StringIO()
    writer = csv.writer(lines, delimiter="|", quoting=csv.QUOTE_NONE, lineterminator="\n", quotechar=None)
    writer.writerows((row.id, row.text, row.words) for row in rows)
    write_atomic(path, lambda temporary: temporary.write_text(lines.getvalue(), encoding="utf-8"))


@app.command()
def synthesise(
    text: Annotated[list[Path], typer.Argument(help="Plain text files.")],
    out: Annotated[Path, typer.Option(help="The folder, made new or gone on with.")],
    voice: Annotated[str, typer.Option(help="slt, rms or awb of flite, slt-hts of festival.")] = "slt",
    minutes: Annotated[float, typer.Option(min=0.1, help="Minutes of speech.")] = 60.0,
    directions: Annotated[int, typer.Option(min=0, help="So many sentences as machines say them, of our own.")] = 0,
    recordings: Annotated[bool, typer.Option(help="Keep the sound, which durations are learned without.")] = True,
) -> None:
    """Make aligned speech by flite or festival."""
    console = PlainConsole(stderr=True)
    total = 0.0
    for number, total in enumerate(make(sentences(text, prompts(directions)), voice, out, minutes, recordings), 1):
        if number % TOLD == 0:
            console.print(f"{total:.1f} minutes")
    console.print(f"{out}: done" + (f", {total:.1f} minutes" if total else ", there is enough already"))


if __name__ == "__main__":
    run("synthetic-speech", "adr_train.data.synthetic_speech")
