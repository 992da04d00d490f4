"""Counter-based noise: Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3").

A normal value depends on nothing but (seed, row, token, step, channel). The same seed therefore gives the same
noise for any batch size, chunking, order of work and thread count, and in any language that implements one screen
of integer arithmetic.

    key      = (seed mod 2^32, seed div 2^32)
    counter  = (block, row, token, step);  block b makes the channels 4 b to 4 b + 3
    step     = 0 for the sampler's initial noise, i + 1 for its step i
    normals  = Box-Muller on u = (word + 1/2) / 2^32: words 0, 1 and words 2, 3 each give a cosine and a sine value
"""

import secrets

import numpy as np
from numpy.typing import ArrayLike, NDArray

from adr_runtime.errors import InputError
from adr_runtime.limits import whole_number

SEED_BITS = 64

MULTIPLIERS = (np.uint64(0xD2511F53), np.uint64(0xCD9E8D57))
WEYL = (0x9E3779B9, 0xBB67AE85)
MASK = np.uint64(0xFFFFFFFF)
SHIFT = np.uint64(32)


def philox4x32(counter: tuple[ArrayLike, ArrayLike, ArrayLike, ArrayLike], key: tuple[int, int]) -> NDArray[np.uint32]:
    """Ten rounds on four broadcastable arrays of 32-bit counters -> uint32 (..., 4)."""
    a, b, c, d = (np.asarray(x, np.uint64) for x in counter)
    for round_ in range(10):
        k0, k1 = (np.uint64((key[i] + round_ * WEYL[i]) & 0xFFFFFFFF) for i in (0, 1))
        p, q = MULTIPLIERS[0] * a, MULTIPLIERS[1] * c
        a, b, c, d = (q >> SHIFT) ^ b ^ k0, q & MASK, (p >> SHIFT) ^ d ^ k1, p & MASK
    return np.stack(np.broadcast_arrays(a, b, c, d), -1).astype(np.uint32)


def checked_seed(seed: int | None, bits: int = SEED_BITS) -> int:
    """The seed of a generation, from 0 to 2^bits - 1; one is drawn where it is None. InputError for any other."""
    if seed is None:
        return secrets.randbits(32)
    seed = whole_number(seed, "seed")
    if not 0 <= seed < 1 << bits:
        raise InputError(f"seed must be from 0 to 2^{bits} - 1, not {seed}")
    return seed


def normal(
    seed: int, rows: NDArray[np.int64], tokens: NDArray[np.int64], steps: NDArray[np.int64], channels: int
) -> NDArray[np.float32]:
    """Standard normal noise float32 (tokens, steps, rows, channels) for all given rows, tokens and steps.

    seed in [0, 2^64); rows, tokens and steps in [0, 2^32).
    """
    return normal_at(seed, rows, tokens[:, None, None], steps[:, None], channels)


def normal_at(
    seed: int, rows: NDArray[np.int64], tokens: NDArray[np.int64], steps: NDArray[np.int64], channels: int
) -> NDArray[np.float32]:
    """The same for rows, tokens and steps side by side: float32 (..., channels) where they broadcast to (...)."""
    block = np.arange(-(-channels // 4))
    words = philox4x32((block, rows[..., None], tokens[..., None], steps[..., None]), (seed & 0xFFFFFFFF, seed >> 32))
    uniform = (words.astype(np.float64) + 0.5) * 2.0**-32
    radius = np.sqrt(-2 * np.log(uniform[..., 0::2]))
    angle = 2 * np.pi * uniform[..., 1::2]
    values = np.stack([radius * np.cos(angle), radius * np.sin(angle)], -1)
    return values.reshape(*words.shape[:-2], -1)[..., :channels].astype(np.float32)
