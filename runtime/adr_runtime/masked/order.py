"""In which order tokens are made, and how many of them in each network call.

Few at first and more and more later, by a cosine (MaskGIT, Chang et al. 2022, arXiv 2202.04200): the first tokens
decide what a picture is of, and those that are made together do not see one another. In the order of levels no call
reaches over the end of a level, and the calls are dealt out as the same cosine meets the ends of the levels.
"""

import math
from itertools import pairwise

import numpy as np

from adr_runtime.philox import philox4x32

ORDERS = ("levels", "random")
# The step of these random numbers, which no sampler gets to.
ORDER_STEP = (1 << 32) - 1


def least_calls(order: str, levels: int) -> int:
    """The fewest network calls that a picture takes: in the order of levels, one for each."""
    return levels if order == "levels" else 1


def reveal_counts(calls: int, groups: int, size: int) -> list[int]:
    """How many tokens each network call makes, of `groups` with `size` tokens that follow one another: `calls` numbers
    of at least 1, with sums that meet the end of every group; as many calls as there are groups at least, and one a
    token at most."""
    calls = min(max(calls, groups), groups * size)
    counts, made = list[int](), 0
    for group in range(1, groups + 1):
        end = round(calls * math.acos(1 - group / groups) * 2 / math.pi)
        # Neither this group nor those behind it can do with fewer calls than one, nor use more than one a token.
        rest = groups - group
        end = min(max(end, made + 1, calls - rest * size), made + size, calls - rest)
        counts += cosine_counts(end - made, size)
        made = end
    return counts


def cosine_counts(calls: int, size: int) -> list[int]:
    """`size` tokens in so many calls, each of which makes at least one."""
    ends = [0]
    for call in range(1, calls + 1):
        end = round(size * (1 - math.cos(math.pi / 2 * call / calls)))
        ends.append(min(max(end, ends[-1] + 1), size - (calls - call)))
    return [b - a for a, b in pairwise(ends)]


def token_orders(seed: int, rows: np.ndarray, tokens: np.ndarray, order: str, regions: int) -> np.ndarray:
    """For each row's number int64 (rows,), the tokens int64 (n,) in an order that follows from the seed and that number
    alone: int64 (rows, n). Level by level, or without a look at levels."""
    words = philox4x32((0, rows[:, None], tokens, ORDER_STEP), (seed & 0xFFFFFFFF, seed >> 32))
    keys = words[..., 0].astype(np.uint64)
    if order == "levels":
        keys = keys + ((tokens // regions).astype(np.uint64) << np.uint64(32))
    return tokens[np.argsort(keys, axis=1, kind="stable")]
