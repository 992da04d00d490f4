"""adr-run inside the case's own process, which has been forked for it, or as a program."""

import contextlib
import io
import os
import runpy
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

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


def run_program(case: Case, *arguments: str, interrupt: tuple[float, int] | None = None) -> Done:
    """The same in a process as a user starts it; `interrupt` sends a signal after some seconds."""
    announce(arguments)
    with open(case.folder / "stdout", "wb") as output, open(case.folder / "stderr", "wb") as errors:
        started = subprocess.Popen(
            [sys.executable, "-m", "adr_runtime", *arguments], stdout=output, stderr=errors, stdin=subprocess.DEVNULL
        )
        if interrupt:
            with contextlib.suppress(subprocess.TimeoutExpired):
                started.wait(interrupt[0])
            started.send_signal(interrupt[1])
        status = started.wait()
    # As a shell tells it: the signal's number and 128.
    return seen(case, arguments, status if status >= 0 else 128 - status)


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
    if done.status not in STATUSES:
        raise WrongResult(f"status {done.status}")
    if done.status == 0 or (done.status in (130, 143) and not lines):
        # Nobody can say a word whose signal comes before the program has begun.
        return done
    told = [line for line in lines if not line.endswith("ahead of playback") and not line.startswith("raw PCM: ")]
    if len(told) != 1 or not told[0].startswith("adr-run: "):
        raise WrongResult(f"status {done.status} and {len(told)} lines on standard error: {' / '.join(told)[:200]}")
    raise ADRError(told[0])
