"""Standard output and standard error as commands want them, in whatever state they were handed over.

A reader who has had enough ends the command without a word. Results that cannot be written are an error, in one line.
Messages that cannot be written are no error at all.
"""

from __future__ import annotations

import errno
import io
import os
import select
import sys

from adr_runtime.errors import ADRError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Enough(SystemExit):
    """Nobody reads standard output any more, which is no failure: status 0."""


class Output(io.FileIO):
    """Standard output. Its errors have types of their own: rich and Typer take a broken pipe for a failure."""

    def write(self, data: Any) -> int | None:  # type: ignore[override]
        try:
            # Whoever shares it may have made it one that does not wait.
            while (written := super().write(data)) is None:
                select.select((), (self,), ())
            return written
        except OSError as error:
            self.discard()
            if isinstance(error, BrokenPipeError):
                raise Enough(0) from None
            line = "it is closed" if error.errno == errno.EBADF else error.strerror
            raise ADRError(f"standard output: cannot write: {line}") from error

    def discard(self) -> None:
        """What is still buffered, and all that follows, goes nowhere: Python flushes once more on its way out."""
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self.fileno())
        os.close(nowhere)


class Messages(io.FileIO):
    """Standard error."""

    def write(self, data: Any) -> int | None:  # type: ignore[override]
        try:
            return super().write(data)
        except OSError:
            return memoryview(data).nbytes


def prepare() -> None:
    """Set up the three streams of a command. Those that its caller has replaced by others are left as they are."""
    occupy()
    if sys.stdin is None:
        sys.stdin = open(0, closefd=False)  # noqa: SIM115
    sys.stdout = rebuilt(sys.stdout, 1, Output)
    sys.stderr = rebuilt(sys.stderr, 2, Messages)


def occupy() -> None:
    """A closed stream's number must not go to the next file that is opened. In place of standard output stands what
    cannot be written to."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            opened = os.open(os.devnull, os.O_WRONLY if number == 2 else os.O_RDONLY)
            if opened != number:
                os.dup2(opened, number)
                os.close(opened)


def rebuilt(stream: Any, number: int, kind: type[io.FileIO]) -> Any:
    """The text stream again, over a file of another kind."""
    if stream is None:
        return io.TextIOWrapper(io.BufferedWriter(kind(number, "w", closefd=False)), "utf-8", "backslashreplace")
    buffer = getattr(stream, "buffer", None)
    if type(getattr(buffer, "raw", buffer)) is not io.FileIO:
        return stream
    return io.TextIOWrapper(
        io.BufferedWriter(kind(number, "w", closefd=False)), stream.encoding, stream.errors,
        line_buffering=stream.line_buffering or stream.write_through,
    )  # fmt: skip
