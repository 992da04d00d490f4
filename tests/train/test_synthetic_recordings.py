"""Recordings by a synthesiser that is a command: what is made, gone on with, and refused."""

import shlex
import sys
from pathlib import Path

import pytest
import soundfile
from adr_train.data import synthetic_recordings
from adr_train.data.ljspeech import recordings
from adr_train.errors import TrainError

TEXTS = ["It was late.", "Where are you?", "Turn left in 200 metres."]
# Says a word in a tenth of a second, and counts how often it is asked.
SAY = """
import sys, numpy, soundfile
text = sys.stdin.read()
open(sys.argv[2], "a").write(text)
soundfile.write(sys.argv[1], numpy.full(2400 * len(text.split()), 0.1), 24000)
"""


@pytest.fixture
def command(tmp_path: Path) -> list[str]:
    script = tmp_path / "say.py"
    script.write_text(SAY)
    return [sys.executable, str(script), "{}", str(tmp_path / "asked.txt")]


def test_sentences_become_a_folder_that_ljspeech_reads(tmp_path: Path, command: list[str]) -> None:
    folder, told = tmp_path / "mary", list[str]()
    minutes = list(synthetic_recordings.make(TEXTS, command, folder, 60))
    assert minutes == pytest.approx([0.3 / 60, 0.6 / 60, 1.1 / 60])
    listed = list(recordings(folder, told.append))
    assert [(recorded.name, recorded.text) for recorded in listed] == [
        ("000001", TEXTS[0]), ("000002", TEXTS[1]), ("000003", TEXTS[2]),
    ]  # fmt: skip
    assert told == []
    assert soundfile.info(str(listed[2].file)).duration == pytest.approx(0.5)
    assert (tmp_path / "asked.txt").read_text().splitlines() == TEXTS


def test_a_run_goes_on_where_it_was(tmp_path: Path, command: list[str]) -> None:
    folder = tmp_path / "mary"
    assert len(list(synthetic_recordings.make(TEXTS, command, folder, 0.006))) == 2
    assert len((folder / "metadata.csv").read_text().splitlines()) == 2
    list(synthetic_recordings.make(TEXTS, command, folder, 60))
    assert (tmp_path / "asked.txt").read_text().splitlines() == TEXTS
    for texts, other in ((TEXTS[::-1], command), (TEXTS, [*command, "--louder"])):
        with pytest.raises(TrainError, match=r"by another command or of other texts; choose another folder"):
            list(synthetic_recordings.make(texts, other, folder, 60))
    (folder / "wavs" / "000002.wav").write_bytes(b"")
    with pytest.raises(TrainError, match=r"000002\.wav: cannot be read; remove it"):
        list(synthetic_recordings.make(TEXTS, command, folder, 60))


def test_recordings_of_ones_own_stay(tmp_path: Path, command: list[str]) -> None:
    (tmp_path / "metadata.csv").write_text("mine|It was I.\n")
    with pytest.raises(TrainError, match="recordings of another kind"):
        list(synthetic_recordings.make(TEXTS, command, tmp_path, 60))
    assert (tmp_path / "metadata.csv").read_text() == "mine|It was I.\n"
    assert not (tmp_path / "wavs").exists()


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ("say hello", r"--command has no \{\} in place of the file to write: say hello"),
        ("nobody-says-this {}", r"nobody-says-this: cannot be run: No such file"),
        (f"{sys.executable} -c 'raise SystemExit(\"no voice\")' {{}}", r"failed at 'It was late.': no voice"),
        (f"{sys.executable} -c '' {{}}", r"left no recording of 'It was late.' that can be read: exit status 0"),
        (
            f"{sys.executable} -c 'import sys; sys.stderr.buffer.write(bytes([233]))' {{}}",
            r"left no recording of 'It was late.' that can be read: \ufffd",
        ),
    ],
)
def test_a_command_that_makes_nothing_gets_a_line(tmp_path: Path, wrong: str, why: str) -> None:
    with pytest.raises(TrainError, match=why):
        list(synthetic_recordings.make(TEXTS, shlex.split(wrong), tmp_path / "mary", 60))
    assert not (tmp_path / "mary" / "metadata.csv").exists()
    assert list((tmp_path / "mary").glob("wavs/*")) == []
    # A folder in which nothing was said takes other texts.
    assert not (tmp_path / "mary" / "made-of.txt").exists()


def test_a_command_that_is_no_command_gets_a_line() -> None:
    with pytest.raises(TrainError, match=r"--command say 'it: No closing quotation"):
        synthetic_recordings.words_of("say 'it")
