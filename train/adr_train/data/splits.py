"""The splits of a data set, and draws from them that depend on a seed alone."""

import numpy as np

SPLITS = ("train", "validation", "test")


def spread(total: int, count: int, seed: int = 0) -> np.ndarray:
    """`count` of `total` indices, rising, int64: one drawn by the seed from each of `count` stretches of equal length.
    So a part stands for the whole whatever the order of a file is, by class for example."""
    if count >= total:
        return np.arange(total)
    random = np.random.default_rng((seed, total, count))
    edges = np.arange(count + 1) * total // count
    return edges[:-1] + (random.random(count) * np.diff(edges)).astype(np.int64)


def call_seed(split: str, *numbers: int) -> int:
    """A seed below 2^32 that follows from the split and from what tells one draw from another (a user's seed, a
    repetition, a call), so that no split is measured with the draws of another."""
    return int(np.random.SeedSequence((SPLITS.index(split), *numbers)).generate_state(1)[0])
