"""How commands end: signals at every moment, one line and one status for each end."""

import os
import signal
import subprocess
import sys

import pytest
from adr_runtime.bundles.bundle import shipped

WORDS = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated", signal.SIGHUP: "hung up"}


@pytest.mark.parametrize(
    ("code", "status", "line"),
    [
        ("return", 0, ""),
        ("return 3", 3, ""),
        ("from adr_runtime.errors import ADRError\nraise ADRError('it\\nfailed')", 1, "it failed"),
        ("from adr_runtime.errors import InputError\nraise InputError('bad\\ninput')", 2, "bad input"),
        ("from adr_runtime.errors import BundleError\nraise BundleError('bad')", 2, "bad"),
        ("from adr_runtime.errors import ProviderError\nraise ProviderError('bad')", 2, "bad"),
        ("from adr_runtime.errors import DamagedFileError\nraise DamagedFileError('bad')", 2, "bad"),
        ("raise ValueError('a\\nb')", 1, "ValueError: a b (run again with --debug for the traceback)"),
        ("raise MemoryError", 1, "MemoryError (run again with --debug for the traceback)"),
        ("open('none')", 1, "FileNotFoundError: [Errno 2] No such file or directory: 'none' (run again with --debug for"
                            " the traceback)"),
        ("sys.exit('text')", 1, "text"),
        ("raise KeyboardInterrupt", 130, "interrupted"),
        ("import typer\nraise typer.Abort", 1, "no answer; nothing was done"),
    ],
)  # fmt: skip
def test_every_end_has_a_status_and_a_line(probe, code, status, line):
    done = probe(code)
    assert (done.returncode, done.stderr) == (status, line and f"adr-run: {line}\n")


def test_debug_shows_the_traceback_and_changes_no_status(probe):
    done = probe("from adr_runtime.errors import InputError\nraise InputError('bad')", "--debug")
    assert done.returncode == 2 and "Traceback" in done.stderr and done.stderr.endswith("\nadr-run: bad\n")


@pytest.mark.parametrize("number", list(WORDS))
def test_a_signal_is_one_line_and_runs_cleanups_that_further_signals_leave_in_peace(probe, tmp_path, number):
    kill = f"os.kill(os.getpid(), {int(number)})"
    done = probe(
        f"try:\n    {kill}\n    while True: pass\n"
        f"finally:\n    for _ in range(3): {kill}\n    time.sleep(0.3)\n    open('cleaned', 'w')"
    )
    assert (done.returncode, done.stderr) == (128 + number, f"adr-run: {WORDS[number]}\n")
    assert (tmp_path / "cleaned").exists()


def test_an_interrupt_that_a_destructor_swallows_comes_again(probe):
    done = probe(
        "class Last:\n    def __del__(self): os.kill(os.getpid(), signal.SIGINT)\n"
        "Last()\nfor _ in range(1000): time.sleep(0.01)\nprint('never')"
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "adr-run: interrupted\n")


def test_an_interrupt_that_became_another_error_is_still_an_interrupt(probe):
    done = probe(
        "try: os.kill(os.getpid(), signal.SIGTERM); time.sleep(9)\nexcept BaseException: raise ImportError('half')"
    )
    assert (done.returncode, done.stderr) == (143, "adr-run: terminated\n")


@pytest.mark.parametrize(("code", "status"), [("pass", 0), ("raise ValueError('x')", 1)])
def test_a_signal_while_the_process_ends_changes_nothing(probe, code, status):
    """Python runs this destructor after it has put the system's handlers back."""
    done = probe(
        "class Last:\n    def __del__(self, kill=os.kill, own=os.getpid(), number=signal.SIGTERM): kill(own, number)\n"
        f"os.last = Last()\n{code}"
    )
    assert done.returncode == status


def test_held_signals_wait_until_the_block_is_over(probe):
    done = probe(
        "from adr_runtime.terminal.interrupts import held\n"
        "with held() as waiting:\n    os.kill(os.getpid(), signal.SIGINT)\n    time.sleep(0.3)\n"
        "    print('whole', waiting(), file=sys.stderr)\nprint('never', file=sys.stderr)"
    )
    assert (done.returncode, done.stderr) == (130, "whole 2\nadr-run: interrupted\n")


def test_the_library_installs_no_handlers():
    code = (
        "import signal, sys\nnames = ('SIGINT', 'SIGTERM', 'SIGHUP', 'SIGALRM')\n"
        "before = [signal.getsignal(getattr(signal, n)) for n in names]\n"
        "import adr_runtime, adr_runtime.cli.main, adr_runtime.terminal.command, adr_runtime.media.atomic\n"
        "adr_runtime.load\n"
        "assert before == [signal.getsignal(getattr(signal, n)) for n in names] and sys.stdout is sys.__stdout__"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_entry_points_load_nothing_heavy_and_the_package_shows_its_names():
    code = (
        "import sys, adr_runtime.__main__\n"
        "assert not {'numpy', 'onnxruntime', 'typer', 'typing'} & set(sys.modules) - before\n"
        "import adr_runtime\nassert set(adr_runtime.__all__) <= set(dir(adr_runtime))\n"
        "from adr_runtime import *\nassert load and AudioModel and adr_runtime.__version__\n"
        "try: adr_runtime.nothing\nexcept AttributeError as error: print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", f"import sys\nbefore = set(sys.modules)\n{code}"], check=True, capture_output=True,
        text=True,
    )  # fmt: skip
    assert done.stdout == "module 'adr_runtime' has no attribute 'nothing'\n"


@pytest.mark.parametrize(
    ("program", "arguments", "module", "number"),
    [
        ("adr-run", ("audio",), "rich", signal.SIGINT),
        ("adr-run", ("audio",), "numpy", signal.SIGTERM),
        ("adr-run", ("audio",), "onnxruntime.capi", signal.SIGINT),
        ("adr-train", ("digits", "--out", "x"), "rich.console", signal.SIGINT),
        ("adr-train", ("digits", "--out", "x"), "torch._utils", signal.SIGTERM),
        ("adr-eval", ("digits",), "numpy", signal.SIGINT),
        ("adr-export", ("none", "x"), "torch._utils", signal.SIGINT),
    ],
)
def test_a_signal_during_start_up(installed, tmp_path, program, arguments, module, number):
    """Python tells, with this variable, of every module that it has loaded."""
    process = installed(program, *arguments, PYTHONPROFILEIMPORTTIME="1")
    for line in process.stderr:
        if line.rpartition("|")[2].strip() == module:
            break
    process.send_signal(number)
    rest = [line for line in process.stderr if not line.startswith("import time:")]
    assert (process.wait(), rest) == (128 + number, [f"{program}: {WORDS[number]}\n"])
    assert not list(tmp_path.iterdir())


def test_a_signal_ends_an_endless_stream(installed):
    process = installed("adr-run", "audio", "--seconds", "inf", "--out", "-")
    assert len(process.stdout.read(4000)) == 4000
    process.send_signal(signal.SIGTERM)
    told = process.communicate()[1].splitlines()
    assert process.returncode == 143 and told[1:] == ["adr-run: terminated"] and told[0].startswith("raw PCM"), told


def test_a_signal_to_a_stream_that_nobody_reads(installed):
    """The writer waits for a full pipe, and what it still holds must not keep it waiting on its way out."""
    process = installed("adr-run", "audio", "--seconds", "inf", "--out", "-")
    assert process.stderr.readline().startswith("raw PCM")
    process.send_signal(signal.SIGINT)
    assert process.wait() == 130 and process.stderr.read() == "adr-run: interrupted\n"


@pytest.mark.parametrize(
    ("moment", "arguments"),
    [
        ("os:unlink", ("audio", "--seconds", "9", "--out", "x.wav")),
        ("adr_runtime.causal.generator:TokenGenerator.next_token", ("audio", "--seconds", "9", "--out", "x.wav")),
        ("soundfile:SoundFile.write", ("audio", "--seconds", "0.1", "--out", "x.wav")),
        ("soundfile:SoundFile.close", ("audio", "--seconds", "0.1", "--out", "x.flac")),
        ("os:replace", ("audio", "--seconds", "0.1", "--plot", "x.png", "--out", "x.ogg")),
    ],
)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_leaves_no_part_of_a_file(struck, tmp_path, moment, arguments, number):
    """Once at the moment itself, and again while the half-written file is removed."""
    done = struck("adr-run", (moment, "os:unlink"), number, *arguments)
    assert (done.returncode, done.stderr) == (128 + number, f"adr-run: {WORDS[number]}\n")
    assert not list(tmp_path.iterdir())


HUB = """
from pathlib import Path
from types import SimpleNamespace
class HfApi:
    def __init__(self, library_name): pass
    def model_info(self, repository, revision):
        names = [SimpleNamespace(rfilename=name) for name in FILES]
        return SimpleNamespace(sha="1234", siblings=names)
def hf_hub_download(repository, name, revision, local_dir, library_name, dry_run=False):
    assert revision == "1234" and "/" not in name
    if dry_run:
        return SimpleNamespace(is_cached=False, file_size=None)
    (Path(local_dir) / ".cache").mkdir(parents=True, exist_ok=True)
    (Path(local_dir) / name).write_bytes((Path(FROM) / name).read_bytes())
    return Path(local_dir) / name
"""


def test_pull_fetches_a_bundle_or_leaves_nothing(struck, command, tmp_path):
    folder = shipped()["digits"]
    stubs = tmp_path / "stubs"
    stubs.mkdir()
    names = [path.name for path in folder.iterdir()]
    code = HUB.replace("FROM", repr(str(folder))).replace("FILES", repr([*names, "x/y.onnx"]))
    (stubs / "huggingface_hub.py").write_text(code)
    path = os.pathsep.join([str(stubs), os.environ.get("PYTHONPATH", "")])
    before = sorted(tmp_path.iterdir())
    for moment in ("pathlib:Path.write_bytes", "adr_runtime.cli.pull:open_bundle"):
        done = struck("adr-run", (moment, "shutil:rmtree"), signal.SIGINT, "pull", "a/b", "out", PYTHONPATH=path)
        assert (done.returncode, done.stderr) == (130, "adr-run: interrupted\n")
        assert sorted(p for p in tmp_path.iterdir() if p.name != "__pycache__") == before
    done = command("adr-run", "pull", "a/b", "out", PYTHONPATH=path)
    assert (done.returncode, done.stdout) == (0, "out\n"), done.stderr
    assert {p.name for p in (tmp_path / "out").iterdir()} == {p.name for p in folder.iterdir()}
