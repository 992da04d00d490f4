"""Runs that take turns, and Markdown tables of what was found."""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence


def medians(runs: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Median seconds of each run over rounds in which all have their turn; a round before warms up."""
    taken: dict[str, list[float]] = {name: [] for name in runs}
    for warm in (False, *[True] * rounds):
        for name, run in runs.items():
            started = time.perf_counter()
            run()
            if warm:
                taken[name].append(time.perf_counter() - started)
    return {name: statistics.median(seconds) for name, seconds in taken.items()}


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table, numbers with three digits that count."""
    lines = [head, ["---"] * len(head), *([shown(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def shown(cell: object) -> str:
    if not isinstance(cell, float):
        return f"{cell:,}" if isinstance(cell, int) else str(cell)
    digits = 0 if abs(cell) >= 100 else 1 if abs(cell) >= 10 else 2
    return f"{cell:,.{digits}f}"
