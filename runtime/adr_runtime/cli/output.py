"""What the commands tell: lines, JSON, bars, and where a model runs if that is not where it could have."""

import functools
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from adr_runtime.any_order.scoring import Progress
from adr_runtime.inference.model import LoadedModel
from adr_runtime.terminal.display import PlainConsole

console = PlainConsole(stderr=True)


AnyModel = TypeVar("AnyModel", bound=LoadedModel)


def announced(model: AnyModel) -> AnyModel:
    """The same model; why `auto` had to fall back is said once on standard error."""
    if model.provider_note:
        announce(model.provider_note)
    return model


@functools.cache
def announce(note: str) -> None:
    console.print(f"adr-run: on the CPU, because {note}", soft_wrap=True)


def report(values: dict[str, Any], as_json: bool, line: str) -> None:
    """The result as JSON on standard output, or as a line on standard error."""
    if as_json:
        print(json.dumps(values))
    else:
        console.print(line, soft_wrap=True)


def listed(files: Sequence[Path]) -> str:
    return str(files[0]) if len(files) == 1 else f"{files[0]} to {files[-1].name}"


def listed_labels(labels: Sequence[str | None]) -> str:
    names = list(dict.fromkeys(label or "unconditional" for label in labels))
    return ", ".join(names[:4]) + (", …" if len(names) > 4 else "")


@contextmanager
def bar(title: str) -> Iterator[Progress]:
    """A bar on a terminal, and a function that moves it."""
    # Where nothing is shown that takes long, it need not be loaded.
    from rich.progress import Progress as Bar

    progress = Bar(console=console, transient=True, disable=not console.is_terminal)
    task = progress.add_task(title)

    def show(done: int, total: int) -> None:
        # Not before: until then there may be a question.
        progress.start()
        progress.update(task, completed=done, total=total)

    try:
        yield show
    finally:
        progress.stop()
