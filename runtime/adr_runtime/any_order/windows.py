"""Filling in what is longer or larger than a model's window.

Windows overlap by half and are filled one after the other, so each sees what the one before it made, and all but the
last leave their end to the next one, which sees beyond it. A window costs the same wherever it is.
"""

import itertools
from collections.abc import Callable

import numpy as np

# Gives each window random numbers of its own; the first one keeps the seed's.
NEXT_SEED = 0x9E3779B97F4A7C15


def spans(length: int, size: int) -> list[tuple[int, int]]:
    """Where the windows of `size` begin on an axis of `length`, and up to where each of them fills."""
    if length <= size:
        return [(0, length)]
    inner = range(0, length - size, max(size // 2, 1))
    return [(start, start + max(size * 3 // 4, 1)) for start in inner] + [(length - size, length)]


# (values int64 (count, D), what is observed and what is the target, both bool (D,), seed) -> values int64 (count, D)
Sample = Callable[[np.ndarray, np.ndarray, np.ndarray, int], np.ndarray]


def fill_windows(
    sample: Sample, shape: tuple[int, ...], values: np.ndarray, target: np.ndarray, count: int, seed: int
) -> np.ndarray:
    """`count` answers int64 (count, rows, columns, channels) with all of the `target`, bool (rows, columns, channels),
    drawn by `sample` in windows of `shape`, and the rest of `values`, int64 of that shape, as it is. Text and sound are
    one row."""
    answers = np.broadcast_to(values, (count, *values.shape)).copy()
    todo = target.copy()
    windows = itertools.product(spans(values.shape[0], shape[0]), spans(values.shape[1], shape[1]))
    for number, ((top, bottom), (left, right)) in enumerate(windows):
        window = np.s_[:, top : top + shape[0], left : left + shape[1]]
        missing = todo[window[1:]]
        inside = np.s_[:, : missing.shape[0], : missing.shape[1]]
        now, observed = np.zeros(shape, bool), np.zeros(shape, bool)
        now[inside[1:]], observed[inside[1:]] = missing, ~missing
        now[bottom - top :], now[:, right - left :] = False, False
        if not now.any():
            continue
        start = np.zeros((count, *shape), np.int64)
        start[inside] = answers[window]
        own = (seed + number * NEXT_SEED) % (1 << 64)
        drawn = sample(start.reshape(count, -1), observed.reshape(-1), now.reshape(-1), own)
        answers[window] = np.where(now, drawn.reshape(start.shape), start)[inside]
        todo[window[1:]] &= ~now[inside[1:]]
    return answers
