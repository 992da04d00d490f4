"""Making recordings by any synthesiser that is a command: sentences of plain text files, said one after the other, in
the layout of LJSpeech that `adr_train.data.ljspeech` reads. Where their phones end is found by `adr_train.data.align`.

    python -m adr_train.data.synthetic_recordings book.txt --command "RHVoice-test -p slt -o {}" --out recordings/slt

A run that was stopped goes on where it was.
"""

import shlex
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path
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

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


def make(texts: list[str], command: list[str], folder: Path, minutes: float) -> Iterator[float]:
    """Have a command say one sentence after the other until there are so many minutes, or no more sentences: it gets
    the sentence as its standard input, and the file to write in place of {}. The list comes last. Yields the minutes so
    far, after each. Raises TrainError."""
    if not any(PLACE in part for part in command):
        raise TrainError(f"--command has no {PLACE} in place of the file to write: {shlex.join(command)}")
    try:
        (folder / RECORDINGS).mkdir(parents=True, exist_ok=True)
        check_texts(folder / "texts.txt", texts)
    except OSError as error:
        raise TrainError(f"{folder}: cannot make the folder: {error.strerror}") from error
    total, said = 0.0, list[str]()
    for number, text in enumerate(texts, 1):
        if total >= minutes:
            break
        name = f"{folder.resolve().name}-{number:06d}"
        file = folder / RECORDINGS / f"{name}.wav"
        if not file.exists():
            write_atomic(file, partial(say, command, text))
        total += soundfile.info(str(file)).duration / 60
        said.append(f"{name}|{text}\n")
        yield total
    write_atomic(folder / METADATA, lambda temporary: temporary.write_text("".join(said), encoding="utf-8"))


def check_texts(path: Path, texts: list[str]) -> None:
    """Keep the texts beside the recordings, whose numbers are theirs. Raises TrainError where there are others."""
    listed = "".join(f"{text}\n" for text in texts)
    if path.exists() and path.read_text(encoding="utf-8") != listed:
        raise TrainError(f"{path}: of other texts; choose another folder")
    write_atomic(path, lambda temporary: temporary.write_text(listed, encoding="utf-8"))


def say(command: list[str], text: str, file: Path) -> None:
    """Raises TrainError where the command fails, or leaves no recording."""
    parts = [part.replace(PLACE, str(file)) for part in command]
    try:
        done = subprocess.run(parts, input=text + "\n", capture_output=True, text=True, check=False)
    except OSError as error:
        raise TrainError(f"{command[0]}: cannot be run: {error.strerror}") from error
    if done.returncode:
        why = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
        raise TrainError(f"{command[0]} failed at {text[:40]!r}: {why}")
    try:
        empty = soundfile.info(str(file)).frames == 0
    except soundfile.SoundFileError:
        empty = True
    if empty:
        raise TrainError(f"{command[0]} left no recording of {text[:40]!r}")


@app.command()
def record(
    text: Annotated[list[Path], typer.Argument(help="Plain text files.")],
    command: Annotated[str, typer.Option(help="What says its standard input into the file {}.")],
    out: Annotated[Path, typer.Option(help="The folder, called as the voice; made new or gone on with.")],
    minutes: Annotated[float, typer.Option(min=0.1, help="Minutes of speech.")] = 60.0,
    directions: Annotated[int, typer.Option(min=0, help="So many sentences as machines say them, of our own.")] = 0,
) -> None:
    """Make recordings of sentences by a synthesiser's command."""
    console = PlainConsole(stderr=True)
    total = 0.0
    for number, total in enumerate(make(sentences(text, prompts(directions)), shlex.split(command), out, minutes), 1):
        if number % TOLD == 0:
            console.print(f"{total:.1f} minutes")
    console.print(f"{out}: done, {total:.1f} minutes")


if __name__ == "__main__":
    run("synthetic-recordings", "adr_train.data.synthetic_recordings")
