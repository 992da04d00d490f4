"""Budgets: which variables are generated together, by dynamic programming (ARDM, arXiv 2110.02037, section 3.1).

With i variables known, each of those that are generated next in one step costs loss[i], the loss measured with i known.
A step from i to j known thus costs (j - i) loss[i], and the best K steps are a shortest path of K edges from 0 to D.
"""

from functools import lru_cache

import numpy as np

# For each stage, how many variables each network call reveals.
Policy = tuple[tuple[int, ...], ...]


def plan(loss: np.ndarray, budget: int) -> tuple[np.ndarray, np.ndarray]:
    """Least costs for every budget up to `budget`, whether the losses fall or not.

    loss float (D,) -> cost float64 (budget + 1, D + 1): the least total loss of j variables in exactly k steps,
    infinite where there is none; and before int32 of that shape, how many variables are known before the last of these
    steps.

    For one k, cost[k, j] is the lowest at j of the lines cost[k - 1, i] + (j - i) loss[i] with i < j. The lines are
    kept in a Li Chao tree that grows by one line with every j, all budgets side by side, so that Python's part of the
    work is D log D steps and NumPy's is budget * D log D.
    """
    loss = np.asarray(loss, np.float64)
    size, rows = len(loss), np.arange(budget)
    cost, before = np.full((budget + 1, size + 1), np.inf), np.zeros((budget + 1, size + 1), np.int32)
    cost[0, 0] = 0.0
    depths = size.bit_length() + 1
    leaves = 1 << (depths - 1)
    # The line held by each node of each budget's tree: its value at 0, and the i that gives its slope.
    start, origin = np.full((2 * leaves, budget), np.inf), np.zeros((2 * leaves, budget), np.int32)
    for i in range(size):
        line, source = cost[:-1, i] - i * loss[i], np.full(budget, i, np.int32)
        node = np.ones(budget, np.int64)
        for depth in range(depths):
            width = leaves >> depth
            middle = (node - (1 << depth)) * width + width // 2
            held, held_from = start[node, rows], origin[node, rows]
            wins = line + loss[source] * middle < held + loss[held_from] * middle
            start[node, rows] = np.where(wins, line, held)
            origin[node, rows] = winner = np.where(wins, source, held_from)
            line, source = np.where(wins, held, line), np.where(wins, held_from, source)
            # The line that lost in the middle can only win where it lies lower: on the left if it is the steeper one.
            node = 2 * node + (loss[source] <= loss[winner])
        j = i + 1
        path = (j + leaves) >> np.arange(depths)
        lowest = (start[path] + loss[origin[path]] * j).argmin(0)
        last = origin[path[lowest], rows]
        before[1:, j], cost[1:, j] = last, cost[rows, last] + (j - last) * loss[last]
    return cost, before


@lru_cache(64)
def cached_steps(loss: tuple[float, ...], budget: int) -> tuple[int, ...]:
    size = len(loss)
    if budget >= size:
        return (1,) * size
    _, before = plan(np.array(loss), budget)
    end = size
    counts: list[int] = []
    for k in range(budget, 0, -1):
        counts.append(end - int(before[k, end]))
        end = int(before[k, end])
    return tuple(reversed(counts))


def step_counts(loss: tuple[float, ...], budget: int) -> tuple[int, ...]:
    """How many variables each of `budget` steps generates, the first step first; one each from a budget of D on."""
    return cached_steps(tuple(loss), budget)


def predicted_loss(loss: tuple[float, ...], counts: tuple[int, ...]) -> float:
    """What a policy costs by the measured losses: the sum over steps of their variables times loss[known before]."""
    revealed = np.concatenate([[0], np.cumsum(counts)[:-1]]).astype(int)
    return float(np.dot(counts, np.asarray(loss)[revealed]))


def shrink(counts: tuple[int, ...], count: int) -> tuple[int, ...]:
    """The policy of D variables for fewer of them, as at the edge of a picture: the same fractions, empty steps left
    out."""
    total = sum(counts)
    if count == total:
        return counts
    ends = (np.cumsum(counts) * count + total // 2) // total
    return tuple(int(n) for n in np.diff(ends, prepend=0) if n)


def split_budget(losses: tuple[tuple[float, ...], ...], budget: int) -> Policy:
    """The best policy of `budget` network calls over the stages of depth upscaling, each of which needs at least
    one."""
    size = len(losses[0])
    if len(losses) == 1:
        return (step_counts(losses[0], budget),)
    most = min(budget - len(losses) + 1, size)
    tables = [plan(np.array(loss), most)[0][:, size] for loss in losses]
    # total[k] is the least loss of the stages so far in k calls; shares remember each stage's part of them.
    total, shares = np.zeros(1), []
    for table in tables:
        reach = len(total) + most
        sums = np.full((reach, most + 1), np.inf)
        for part in range(1, most + 1):
            sums[part : part + len(total), part] = total + table[part]
        shares.append(sums.argmin(1))
        total = sums.min(1)
    left, parts = min(budget, len(total) - 1), []
    for share in reversed(shares):
        parts.append(int(share[left]))
        left -= parts[-1]
    return tuple(step_counts(loss, part) for loss, part in zip(losses, reversed(parts), strict=True))


def run_lengths(counts: tuple[int, ...]) -> list[tuple[int, int]]:
    """(3, 3, 3, 5) -> [(3, 3), (5, 1)]."""
    runs: list[tuple[int, int]] = []
    for count in counts:
        if runs and runs[-1][0] == count:
            runs[-1] = (count, runs[-1][1] + 1)
        else:
            runs.append((count, 1))
    return runs
