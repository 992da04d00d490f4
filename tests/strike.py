"""Runs a command that gets a signal when it calls one function, and again when it calls the next, as the fixture
`struck` asks: python strike.py PROGRAM MODULE SIGNAL PLACE:FUNCTION,... ARGUMENTS
"""

import os
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

from adr_runtime.terminal.command import run


def strike(moment: str, yet: list[str], number: int) -> None:
    """From now on the function of `moment` sends the signal before it does its work, where `yet` begins with it."""
    place, _, path = moment.partition(":")
    *parts, name = path.split(".")
    owner = import_module(place)
    for part in parts:
        owner = getattr(owner, part)
    whole: Callable[..., Any] = getattr(owner, name)

    def struck(*arguments: Any, **options: Any) -> Any:
        if yet[:1] == [moment]:
            yet.pop(0)
            os.kill(os.getpid(), number)
        return whole(*arguments, **options)

    setattr(owner, name, struck)


if __name__ == "__main__":
    program, module, number, moments = sys.argv[1:5]
    sys.argv[:5] = [program]
    # Nothing of this folder is to be found by the command.
    del sys.path[0]
    yet = moments.split(",")
    for moment in set(yet):
        strike(moment, yet, int(number))
    run(program, module)
