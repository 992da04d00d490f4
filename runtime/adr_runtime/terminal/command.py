"""What all commands have in common: signals, standard streams, exit statuses, and one line for every failure.

This module and all that it imports are light, so that Ctrl-C is heard before NumPy and PyTorch begin to load.
"""

from __future__ import annotations

import sys
import warnings
from importlib import import_module

from adr_runtime.errors import ADRError
from adr_runtime.terminal.interrupts import Interrupted, empty_handed, leave, listener
from adr_runtime.terminal.plain_text import escaped
from adr_runtime.terminal.standard_streams import prepare

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn


def run(program: str, module: str) -> NoReturn:
    """Run the Typer application `app` of a module as the whole of this process.

    Exit status: 0 done (also when the reader of standard output has had enough), 1 failed, 2 wrong usage or bad input,
    128 + the signal's number when interrupted (130, 143). Every failure is one line on standard error; --debug puts
    the traceback before it.
    """
    line, status = "", 0
    try:
        try:
            listener.listen(program)
            if "--debug" not in sys.argv:
                # Libraries warn the programmers of programs; who types a command cannot mend a picture's tags.
                warnings.simplefilter("ignore")
            with empty_handed():
                prepare()
                app = import_module(module).app
            status = app(standalone_mode=False) or 0
            sys.stdout.flush()
            listener.raise_received()
        finally:
            listener.deaf = True
    except BaseException as error:
        # Again: a signal may have come just before the line above.
        listener.deaf = True
        line, status = outcome(error, program)
    line = escaped(line)
    if status > 128:
        leave(program, line, status)
    try:
        sys.stdout.flush()
    except (Exception, SystemExit) as error:
        status = status or outcome(error, program)[1]
    if line:
        print(f"{program}: {line}", file=sys.stderr, flush=True)
    listener.ignore_signals()
    sys.exit(status)


def outcome(error: BaseException, program: str) -> tuple[str, int]:
    """The line, empty for none, and the exit status of what has ended a command."""
    if isinstance(error, Interrupted):
        return error.line, 128 + error.number
    if listener.received:
        # Compiled code turns an interrupt into errors of its own.
        waiting = Interrupted(listener.received)
        return waiting.line, 128 + waiting.number
    if isinstance(error, KeyboardInterrupt):
        return "interrupted", 130
    if isinstance(error, SystemExit):
        return (error.code, 1) if isinstance(error.code, str) else ("", error.code or 0)
    line = " ".join(str(error).split())
    if hasattr(error, "format_message"):
        line = " ".join(error.format_message().split())
        return f"{line} (see {program} --help)" if line else f"see {program} --help", 2
    hint = " (run again with --debug for the traceback)"
    if "--debug" in sys.argv:
        hint = ""
        sys.excepthook(type(error), error, error.__traceback__)
    if isinstance(error, ADRError):
        # One of the kinds below it says that something given was wrong.
        return line, 1 if type(error) is ADRError else 2
    if type(error).__name__ == "Abort":
        return "no answer; nothing was done", 1
    name = type(error).__name__
    return (f"{name}: {line}" if line else name) + hint, 1
