"""Commands whose standard output or standard error is full, closed, or a pipe that nobody reads."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from adr_runtime.terminal.standard_streams import Output


def streams(tmp_path, program, arguments, out: str, error: str):
    """The command with its standard output and standard error gone (a pipe without a reader), full, closed or well."""
    read, gone = os.pipe()
    os.close(read)
    full = os.open("/dev/full", os.O_WRONLY)
    ends = {"gone": gone, "full": full, "closed": None, "well": subprocess.PIPE}
    closed = [number for number, state in ((1, out), (2, error)) if state == "closed"]
    try:
        return subprocess.run(
            [Path(sys.executable).with_name(program), *map(str, arguments)], cwd=tmp_path, text=True,
            stdout=ends[out], stderr=ends[error], preexec_fn=lambda: [os.close(number) for number in closed],
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )  # fmt: skip
    finally:
        os.close(gone)
        os.close(full)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize(
    ("arguments", "out", "line"),
    [
        (("list",), "gone", ""),
        (("list", "--json"), "gone", ""),
        (("audio", "--help"), "gone", ""),
        (("--version",), "gone", ""),
        (("list",), "full", "No space left on device"),
        (("list", "--json"), "full", "No space left on device"),
        (("--help",), "full", "No space left on device"),
        (("audio", "--out", "-"), "full", "No space left on device"),
        (("list",), "closed", "it is closed"),
        (("list", "--json"), "closed", "it is closed"),
        (("audio", "--out", "-"), "closed", "it is closed"),
    ],
)
def test_standard_output_that_takes_nothing(tmp_path, arguments, out, line):
    done = streams(tmp_path, "adr-run", arguments, out, "well")
    expected = line and f"adr-run: standard output: cannot write: {line}\n"
    assert (done.returncode, done.stderr) == (bool(line), expected)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize(
    ("out", "error"), [("closed", "well"), ("well", "full"), ("well", "closed"), ("well", "gone"), ("closed", "closed")]
)
def test_messages_that_cannot_be_told_change_nothing(tmp_path, out, error):
    arguments = ("audio", "--seed", "1", "--out", "x.wav")
    done = streams(tmp_path, "adr-run", arguments, out, error)
    assert done.returncode == 0 and [path.name for path in tmp_path.iterdir()] == ["x.wav"]
    assert not done.stderr or done.stderr.startswith("x.wav: "), done.stderr


@pytest.mark.parametrize("program", ["adr-train", "adr-eval", "adr-export"])
def test_the_other_commands_share_all_of_it(tmp_path, refused, program):
    done = streams(tmp_path, program, ("--help",), "gone", "well")
    assert (done.returncode, done.stderr) == (0, "")
    done = streams(tmp_path, program, ("--help",), "closed", "well")
    assert (done.returncode, done.stderr) == (1, f"{program}: standard output: cannot write: it is closed\n")
    refused(program, "--nothing", says=("No such option", f"see {program} --help"))


@pytest.mark.skipif(sys.platform == "win32", reason="pipes that do not wait")
def test_a_full_pipe_that_does_not_wait_is_waited_for():
    read, full = os.pipe()
    os.set_blocking(full, False)
    with open(read, "rb") as reader, Output(full, "w") as output:
        with pytest.raises(BlockingIOError):
            while True:
                os.write(full, bytes(4096))
        threading.Timer(0.1, reader.read1, [1 << 20]).start()
        assert output.write(b"sound") == 5
        assert reader.read1().endswith(b"sound")
