"""adr-run inside the case's own process, which has been forked for it, or as a program."""

import contextlib
import io
import os
import re
import runpy
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from adr_runtime import ADRError

from .cases import Case, Traceback, WrongResult

STATUSES = (0, 1, 2, 130, 143)


@dataclass(frozen=True)
class Done:
    """A command that ended."""

    arguments: tuple[str, ...]
    status: int
    output: bytes
    errors: str


@contextlib.contextmanager
def redirected(case: Case) -> Iterator[None]:
    """Standard output and error are files, for Python and for libraries, as a shell would do it."""
    saved = [os.dup(1), os.dup(2)]
    streams = sys.stdout, sys.stderr
    for number, name in ((1, "stdout"), (2, "stderr")):
        handle = os.open(case.folder / name, os.O_RDWR | os.O_CREAT | os.O_TRUNC)
        os.dup2(handle, number)
        os.close(handle)
    output, errors = (open(number, "wb", closefd=False) for number in (1, 2))  # noqa: SIM115
    sys.stdout = io.TextIOWrapper(output, "utf-8")
    sys.stderr = io.TextIOWrapper(errors, "utf-8", "backslashreplace", write_through=True)
    try:
        yield
    finally:
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                with contextlib.suppress(OSError, ValueError):
                    stream.flush()
        sys.stdout, sys.stderr = streams
        for number, handle in zip((1, 2), saved, strict=True):
            os.dup2(handle, number)
            os.close(handle)


def run(case: Case, *arguments: str) -> Done:
    """adr-run with these arguments."""
    status: object = 0
    announce(arguments)
    sys.argv = ["adr-run", *arguments]
    with redirected(case):
        try:
            runpy.run_module("adr_runtime", run_name="__main__")
        except SystemExit as end:
            status = end.code
    return seen(case, arguments, int(status or 0) if isinstance(status, (int, type(None))) else 1)


def run_program(case: Case, *arguments: str) -> Done:
    """The same in a process as a user starts it."""
    with started(case, arguments) as process:
        status = process.wait()
    # As a shell tells it: the signal's number and 128.
    return seen(case, arguments, status if status >= 0 else 128 - status)


def interrupted(case: Case, number: int, after: float, *arguments: str) -> Done:
    """The same, with a signal some seconds after it has begun to work, which is when ONNX Runtime is in memory."""
    with started(case, arguments) as process:
        maps = Path(f"/proc/{process.pid}/maps")
        while process.poll() is None and "onnxruntime" not in maps.read_text():
            time.sleep(0.01)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(after)
        process.send_signal(number)
        status = process.wait()
    return seen(case, arguments, status if status >= 0 else 128 - status)


@contextlib.contextmanager
def started(case: Case, arguments: tuple[str, ...]) -> Iterator["subprocess.Popen[bytes]"]:
    announce(arguments)
    with open(case.folder / "stdout", "wb") as output, open(case.folder / "stderr", "wb") as errors:
        command = [sys.executable, "-m", "adr_runtime", *arguments]
        yield subprocess.Popen(command, stdout=output, stderr=errors, stdin=subprocess.DEVNULL)


def announce(arguments: tuple[str, ...]) -> None:
    print("adr-run", *(ascii(part)[:300] for part in arguments), flush=True)


def seen(case: Case, arguments: tuple[str, ...], status: int) -> Done:
    errors = (case.folder / "stderr").read_bytes().decode("utf-8", "backslashreplace")
    output = (case.folder / "stdout").read_bytes()
    print(f"status {status}\n{errors}", flush=True)
    for name in ("stdout", "stderr"):
        (case.folder / name).unlink()
    return Done(arguments, status, output, errors)


def check(done: Done) -> Done:
    """Raises ADRError for a command that refused as it should, Traceback or WrongResult for one that did not."""
    lines = [line for line in done.errors.split("\n") if line.strip()]
    if "Traceback (most recent call last)" in done.errors:
        raise Traceback(lines[-1])
    for line in lines:
        if "(run again with --debug" in line:
            raise Traceback(line)
        if re.search(r"\.py:\d+: \w*Warning: ", line):
            raise WrongResult(f"a warning for programmers: {line[:200]}")
    if done.status not in STATUSES:
        raise WrongResult(f"status {done.status}")
    if done.status in (1, 2) or (done.status > 2 and lines):
        if not lines or not lines[-1].startswith("adr-run: ") or sum(s.startswith("adr-run: ") for s in lines) > 1:
            raise WrongResult(
                f"status {done.status} without one line at the end that says why: {' / '.join(lines)[:200]}"
            )
        raise ADRError(lines[-1])
    return done
