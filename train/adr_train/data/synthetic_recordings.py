"""Making recordings by any synthesiser that is a command: sentences of plain text files, said one after the other, in
the layout of LJSpeech that `adr_train.data.ljspeech` reads. Where their phones end is found by `adr_train.data.align`.

    python -m adr_train.data.synthetic_recordings book.txt --command "RHVoice-test -p slt -o {}" --out recordings/slt

A run that was stopped goes on where it was.
"""

import os
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import soundfile
import typer
from adr_runtime.media.atomic import write_atomic
from adr_runtime.terminal.command import run
from adr_runtime.terminal.display import PlainConsole

from adr_train.data.aligned import METADATA, RECORDINGS
from adr_train.data.prompts import prompts
from adr_train.data.synthetic_speech import TOLD, sentences
from adr_train.errors import TrainError

PLACE = "{}"
# The command, and then the sentences, whose numbers the recordings have.
MADE_OF = "made-of.txt"

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


def make(texts: list[str], command: list[str], folder: Path, minutes: float) -> Iterator[float]:
    """Have a command say one sentence after the other until there are so many minutes, or no more sentences: it gets
    the sentence as its standard input, and the file to write, which ends in .wav, in place of {}. The list comes last.
    Yields the minutes so far, after each. Raises TrainError."""
    if not any(PLACE in part for part in command):
        raise TrainError(f"--command has no {PLACE} in place of the file to write: {shlex.join(command)}")
    made_of = "".join(f"{line}\n" for line in (shlex.join(command), *texts))
    check_folder(folder, made_of)
    total, said = 0.0, list[str]()
    try:
        (folder / RECORDINGS).mkdir(parents=True, exist_ok=True)
        for number, text in enumerate(texts, 1):
            if total >= minutes:
                break
            file = folder / RECORDINGS / f"{number:06d}.wav"
            if not file.exists():
                say(command, text, file)
            if number == 1:
                write_atomic(folder / MADE_OF, lambda temporary: temporary.write_text(made_of, encoding="utf-8"))
            total += length(file) / 60
            said.append(f"{file.stem}|{text}\n")
            yield total
    except OSError as error:
        raise TrainError(f"{folder}: cannot write there: {error.strerror}") from error
    write_atomic(folder / METADATA, lambda temporary: temporary.write_text("".join(said), encoding="utf-8"))


def check_folder(folder: Path, made_of: str) -> None:
    """Raises TrainError for a folder of other recordings than those that are to be made."""
    try:
        there = (folder / MADE_OF).read_text(encoding="utf-8")
    except FileNotFoundError:
        if (folder / METADATA).exists():
            raise TrainError(f"{folder}: has recordings of another kind; choose another folder") from None
        return
    except (OSError, UnicodeDecodeError) as error:
        raise TrainError(f"{folder / MADE_OF}: cannot be read: {error}") from error
    if there != made_of:
        raise TrainError(f"{folder}: by another command or of other texts; choose another folder")


def length(file: Path) -> float:
    """Seconds. Raises TrainError for what is no recording."""
    try:
        return float(soundfile.info(str(file)).duration)
    except soundfile.SoundFileError as error:
        raise TrainError(f"{file}: cannot be read; remove it, and it is made again") from error


def say(command: list[str], text: str, file: Path) -> None:
    """Raises TrainError where the command fails, or leaves no recording, and OSError."""
    with TemporaryDirectory(dir=file.parent, prefix=".") as folder:
        # Many a synthesiser tells the format by the file's ending.
        new = Path(folder) / "spoken.wav"
        parts = [part.replace(PLACE, str(new)) for part in command]
        try:
            done = subprocess.run(
                parts, input=text.encode() + b"\n", stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False
            )
        except OSError as error:
            raise TrainError(f"{command[0]}: cannot be run: {error.strerror}") from error
        complaint = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
        why = complaint[0] if complaint else f"exit status {done.returncode}"
        if done.returncode:
            raise TrainError(f"{command[0]} failed at {text[:40]!r}: {why}")
        try:
            heard = length(new)
        except TrainError:
            heard = 0.0
        if not heard:
            raise TrainError(f"{command[0]} left no recording of {text[:40]!r} that can be read: {why}")
        os.replace(new, file)


def words_of(command: str) -> list[str]:
    """A command as a shell reads it. Raises TrainError."""
    try:
        return shlex.split(command)
    except ValueError as error:
        raise TrainError(f"--command {command}: {error}") from error


@app.command()
def record(
    text: Annotated[list[Path], typer.Argument(help="Plain text files.")],
    command: Annotated[str, typer.Option(help="What says its standard input into the file {}, without a shell.")],
    out: Annotated[Path, typer.Option(help="The folder, called as the voice; made new or gone on with.")],
    minutes: Annotated[float, typer.Option(min=0.1, help="Minutes of speech.")] = 60.0,
    directions: Annotated[int, typer.Option(min=0, help="So many sentences as machines say them, of our own.")] = 0,
) -> None:
    """Make recordings of sentences by a synthesiser's command."""
    console = PlainConsole(stderr=True)
    texts, total = sentences(text, prompts(directions)), 0.0
    for number, total in enumerate(make(texts, words_of(command), out, minutes), 1):
        if number % TOLD == 0:
            console.print(f"{total:.1f} minutes")
    console.print(f"{out}: done, {total:.1f} minutes")


if __name__ == "__main__":
    run("synthetic-recordings", "adr_train.data.synthetic_recordings")
