"""What a run says while it goes on: a progress bar or lines, JSON, TensorBoard."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict

from adr_runtime.terminal.standard_streams import Enough
from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from adr_train.loop import Progress
from adr_train.monitor import Monitor

LINE_SECONDS = 30.0
STEPS_A_SCALAR = 10


class Interval:
    """Is due when more than so many seconds have passed since it was restarted."""

    def __init__(self, seconds: float):
        self.seconds, self.since = seconds, time.monotonic()

    def due(self) -> bool:
        return time.monotonic() - self.since > self.seconds

    def restart(self) -> None:
        self.since = time.monotonic()


class Reports:
    """`unread` turns true when nobody reads the JSON lines any more."""

    def __init__(self, console: Console, monitor: Monitor, unit: str, as_json: bool):
        self.console, self.monitor, self.unit, self.as_json = console, monitor, unit, as_json
        self.unread = False
        self.line = Interval(LINE_SECONDS)
        self.bar = Bar(
            TextColumn("step {task.fields[step]}  loss {task.fields[loss]:.4f}"), BarColumn(), TimeRemainingColumn(),
            TextColumn("{task.fields[speed]:.0f} " + unit + "/s"), console=console, disable=not console.is_terminal,
        )  # fmt: skip

    @contextmanager
    def shown(self, step: int) -> Iterator[None]:
        """Shows the bar, from this step on."""
        self.task = self.bar.add_task("", total=1.0, step=step, loss=float("nan"), speed=0.0)
        with self.bar:
            yield

    def step(self, progress: Progress, done: float) -> None:
        """Reports a step; `done` is the part of the run that is over, in [0, 1]."""
        speed = progress.tokens_per_second
        self.bar.update(self.task, completed=done, step=progress.step, loss=progress.loss, speed=speed)
        if self.as_json:
            try:
                print(json.dumps(asdict(progress)), flush=True)
            except Enough:
                self.unread = True
        if progress.step % STEPS_A_SCALAR == 0:
            self.monitor.step(progress)
        if not self.console.is_terminal and self.line.due():
            self.line.restart()
            self.console.print(
                f"step {progress.step}  loss {progress.loss:.4f}  {speed:.0f} {self.unit}/s  {done:.0%}"
            )  # fmt: skip
