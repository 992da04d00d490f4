"""Another sample rate, block by block in constant memory.

Band-limited interpolation with a Hann-windowed sinc of 32 zero crossings a side, whose cutoff is the lower of the two
Nyquist frequencies. The rates' ratio in lowest terms is step / phases: output n lies n * step / phases samples behind
the first, so `phases` rows of weights are all there are.
"""

import math
from collections.abc import Iterable, Iterator

import numpy as np

from adr_runtime.errors import InputError

CROSSINGS = 32
# Weights of all phases; every pair of rates up to 129 kHz stays below.
MAX_WEIGHTS = 1 << 23
# Samples times weights of one piece of the output.
PIECE = 1 << 20


def weights(step: int, phases: int) -> np.ndarray:
    """float64 (phases, 2 * reach + 1): row k belongs to outputs k / phases behind an input sample. Sample `reach` of a
    row is the nearest one."""
    cutoff = min(1.0, phases / step)
    reach = math.ceil(CROSSINGS / cutoff)
    behind = np.arange(phases) / phases
    distance = (behind - (behind >= 0.5))[:, None] - np.arange(-reach, reach + 1)
    window = np.where(np.abs(distance) <= reach, 0.5 + 0.5 * np.cos(np.pi * distance / reach), 0.0)
    return cutoff * np.sinc(cutoff * distance) * window


def resampled(blocks: Iterable[np.ndarray], rate: int, target_rate: int) -> Iterator[np.ndarray]:
    """float32 blocks (n,) of a sound at `rate` -> float32 blocks at `wanted`, round(length * wanted / rate) samples in
    all, at least 1. Silence lies before and behind. ADRError for rates that have too little in common."""
    if rate == target_rate:
        yield from blocks
        return
    shared = math.gcd(rate, target_rate)
    step, phases = rate // shared, target_rate // shared
    if (2 * CROSSINGS + 1) * max(step, phases) > MAX_WEIGHTS:
        raise InputError(f"{rate} Hz cannot be resampled to {target_rate} Hz here; convert it to another rate first")
    table = weights(step, phases)
    reach, rows = table.shape[1] // 2, max(PIECE // table.shape[1], 1)
    held, first, taken, emitted = np.zeros(reach), -reach, 0, 0
    for block in blocks:
        taken += len(block)
        held = np.concatenate([held, block.astype(np.float64)])
        # The outputs whose last sample is here.
        ready = max(((taken - reach) * 2 - 1) * phases // (2 * step), 0)
        for a in range(emitted, ready, rows):
            yield interpolated(held, first, np.arange(a, min(a + rows, ready)), step, phases, table)
        emitted = max(emitted, ready)
        start = (2 * emitted * step + phases) // (2 * phases) - reach
        held, first = held[start - first :], start
    if taken:
        length = max(round(taken * target_rate / rate), 1)
        held = np.concatenate([held, np.zeros(reach + 1)])
        for a in range(emitted, length, rows):
            yield interpolated(held, first, np.arange(a, min(a + rows, length)), step, phases, table)


def interpolated(held: np.ndarray, first: int, n: np.ndarray, step: int, phases: int, table: np.ndarray) -> np.ndarray:
    """Outputs number `n` from `held`, whose sample 0 is number `first` of the sound."""
    nearest = (2 * n * step + phases) // (2 * phases)
    index = nearest[:, None] - first + np.arange(table.shape[1]) - table.shape[1] // 2
    outputs: np.ndarray = np.einsum("nt,nt->n", held[np.minimum(index, len(held) - 1)], table[n * step % phases])
    return outputs.astype(np.float32)


def resample(samples: np.ndarray, rate: int, target_rate: int) -> np.ndarray:
    """All of a sound (samples,) at once, float32."""
    return np.concatenate([np.zeros(0, np.float32), *resampled([samples.astype(np.float32)], rate, target_rate)])
