"""Sound while it is made, chunk by chunk: to whoever plays it, or beside a bar."""

import contextlib
import sys
from collections.abc import Iterable, Iterator

import numpy as np

from adr_runtime.causal.real_time import Pace
from adr_runtime.cli.output import console
from adr_runtime.media.audio import to_pcm
from adr_runtime.terminal.standard_streams import Enough


def watched(chunks: Iterable[np.ndarray], pace: Pace, seconds: float | None) -> Iterator[np.ndarray]:
    """The same chunks, counted; a bar on a terminal, towards `seconds` where they are known."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    bar = Progress(
        TextColumn("{task.completed:.1f} s"), BarColumn(), TimeRemainingColumn(),
        TextColumn("real-time factor {task.fields[factor]:.2f}"), console=console,
        disable=not console.is_terminal, transient=True,
    )  # fmt: skip
    with bar:
        task = bar.add_task("", total=seconds, factor=0.0)
        for chunk in chunks:
            pace.add(chunk.shape[1])
            bar.update(task, completed=pace.made, factor=pace.taken / pace.made)
            yield chunk


def pipe(chunks: Iterable[np.ndarray], pace: Pace, prompt: np.ndarray | None = None) -> None:
    """Raw 16-bit little-endian mono PCM on standard output, chunk by chunk behind the prompt."""
    rate = pace.sample_rate
    how = f"raw PCM: signed 16 bit, {rate} Hz, mono; try: … | aplay -f S16_LE -r {rate}"
    # A listener who leaves is no failure; how fast it was is still told.
    with contextlib.suppress(Enough):
        if prompt is not None:
            sys.stdout.buffer.write(to_pcm(prompt).astype("<i2").tobytes())
        for number, chunk in enumerate(chunks):
            sys.stdout.buffer.write(to_pcm(chunk[0]).astype("<i2").tobytes())
            sys.stdout.buffer.flush()
            if not number:
                console.print(how)
            pace.add(chunk.shape[1])
