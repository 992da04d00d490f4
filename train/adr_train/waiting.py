"""What is said during work of minutes that is not training: a bar on a terminal, elsewhere a line every half minute."""

import os
import time
from collections.abc import Iterator, Sequence
from typing import TypeVar

from adr_runtime.terminal.display import PlainConsole
from rich.progress import track

LINE_SECONDS = 30.0

Item = TypeVar("Item")


def counted(items: Sequence[Item], what: str) -> Iterator[Item]:
    """The items one after the other, told on standard error as `what`, by the first of several processes alone."""
    console = PlainConsole(stderr=True)
    if os.environ.get("RANK", "0") != "0":
        yield from items
        return
    if console.is_terminal:
        yield from track(items, what, console=console, transient=True)
        return
    told = time.monotonic()
    for number, item in enumerate(items):
        if time.monotonic() - told > LINE_SECONDS:
            told = time.monotonic()
            console.print(f"{what}: {number} of {len(items)}", soft_wrap=True)
        yield item
