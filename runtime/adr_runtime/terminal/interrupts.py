"""Ctrl-C, SIGTERM and a hang-up as an exception in the main thread, so that every `finally` runs.

Nothing listens until a command says so: a program that only imports the library keeps its own handlers.
"""

from __future__ import annotations

import os
import signal
import sys
import weakref
from contextlib import contextmanager, suppress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType
    from typing import Any, NoReturn

WORDS = {"SIGINT": "interrupted", "SIGTERM": "terminated", "SIGHUP": "hung up"}
# Seconds after which an interrupt that was swallowed, or had to wait, is tried once more.
AGAIN = 0.1
# Windows has no such timer.
TIMED = hasattr(signal, "setitimer")


class Interrupted(BaseException):
    """A signal, as the exception that ends the command with status 128 + `number` and `line` on standard error:
    "interrupted" and the like, followed by `more`.

    No KeyboardInterrupt, which Typer takes for an exit status of its own. While one is alive it is on its way through
    cleanups, which further signals leave in peace.
    """

    def __init__(self, number: int, more: str = ""):
        self.number, self.line = number, WORDS.get(signal.Signals(number).name, "stopped") + more
        super().__init__(self.line)
        listener.under_way = weakref.ref(self)


class Listener:
    """What has come: `received` is the number of the first signal, 0 before. A `deaf` one is done with its command."""

    def __init__(self) -> None:
        self.received, self.holds, self.deaf, self.empty_handed = 0, 0, False, False
        self.program = ""
        self.under_way: Callable[[], Interrupted | None] = lambda: None

    def listen(self, program: str) -> None:
        """Install the handlers; for the main thread of a command."""
        self.program = program
        for name in WORDS:
            number = getattr(signal, name, None)
            # nohup has hang-ups ignored, and means it.
            if number is not None and (name != "SIGHUP" or signal.getsignal(number) is not signal.SIG_IGN):
                signal.signal(number, self.handle)
        if TIMED:
            signal.signal(signal.SIGALRM, self.handle)
        show = sys.unraisablehook

        def show_others(found: Any) -> None:
            if not isinstance(found.exc_value, Interrupted):
                show(found)

        sys.unraisablehook = show_others

    def handle(self, number: int, frame: FrameType | None) -> None:
        if self.deaf:
            return
        if not self.received:
            self.received = number
            # Destructors, and some compiled code, drop whatever is raised while they run; see also `loading`.
            if TIMED:
                signal.setitimer(signal.ITIMER_REAL, AGAIN, AGAIN)
        if self.empty_handed:
            leave(self.program, WORDS[signal.Signals(self.received).name], 128 + self.received)
        if not (TIMED and loading(frame)):
            self.raise_received()

    def ignore_signals(self) -> None:
        """The command is over and its status stands, whatever comes while the process ends. Being deaf is not enough
        for that: before it has quite ended, Python puts the system's own handlers back, which kill."""
        for name in WORDS:
            if hasattr(signal, name):
                signal.signal(getattr(signal, name), signal.SIG_IGN)

    def raise_received(self) -> None:
        if self.received and not self.holds and self.under_way() is None:
            error = Interrupted(self.received)
            try:
                raise error
            finally:
                # A traceback's frames that hold their exception would keep a swallowed one alive.
                del error


listener = Listener()


def leave(program: str, line: str, status: int) -> NoReturn:
    """End the process here and now. What is still buffered may have no reader, and other threads may never end."""
    with suppress(OSError):
        os.write(2, f"{program}: {line}\n".encode())
    os._exit(status)


def loading(frame: FrameType | None) -> bool:
    """Whether a module is being imported. Compiled ones import others while they set themselves up, and PyTorch was
    seen to abort the process when an exception came out of that."""
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False


@contextmanager
def empty_handed() -> Iterator[None]:
    """For the start of a command, before there is anything to clean up: a signal ends the process at once, however long
    the modules inside take to load."""
    listener.empty_handed = True
    try:
        yield
    finally:
        listener.empty_handed = False


@contextmanager
def held() -> Iterator[Callable[[], int]]:
    """Signals wait until the block is over. Gives a function that returns the number of the one waiting, or 0."""
    listener.holds += 1
    try:
        yield lambda: listener.received
    finally:
        listener.holds -= 1
    listener.raise_received()
