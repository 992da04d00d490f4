"""Log-probabilities -> integer frequencies -> a range coder (constriction, Bamler 2022, arXiv 2201.01741).

Encoder and decoder must agree on every integer. They compute them by the same code from the same graph on inputs of the
same shapes; that this gives the same bits in two environments is not taken on trust but probed (`fingerprint`) before
anything is decoded.
"""

import hashlib
from typing import Any

import numpy as np

from adr_runtime.any_order.network import AnyOrderNetwork
from adr_runtime.errors import DamagedFileError, InputError, install_hint

# Frequencies add up to this. Twenty bits survive the coder's own 24 bits of precision and float32 exactly.
TOTAL = 1 << 20


def frequencies(log_p: np.ndarray) -> np.ndarray:
    """log_p float32 (..., choices) -> int64 of that shape, at least 1 each, adding up to TOTAL."""
    choices = log_p.shape[-1]
    p = np.exp(log_p.astype(np.float64) - log_p.max(-1, keepdims=True))
    counts: np.ndarray = np.floor(p * ((TOTAL - choices) / p.sum(-1, keepdims=True))).astype(np.int64) + 1
    likeliest = log_p.argmax(-1)[..., None]
    rest = TOTAL - counts.sum(-1, keepdims=True)
    np.put_along_axis(counts, likeliest, np.take_along_axis(counts, likeliest, -1) + rest, -1)
    return counts


def import_constriction() -> Any:
    try:
        import constriction
    except ImportError as error:
        raise InputError(f"compression needs the package constriction; run: {install_hint('compress')}") from error
    return constriction


def cost(counts: np.ndarray, digits: np.ndarray) -> np.ndarray:
    """Bits float64 (...) of digits (...) by frequencies (..., choices)."""
    bits: np.ndarray = np.log2(TOTAL) - np.log2(np.take_along_axis(counts, digits[..., None], -1)[..., 0])
    return bits


def tables(counts: np.ndarray) -> np.ndarray:
    """Frequencies (..., choices) as probabilities float32 (all, choices), row by row: the coder takes other layouts of
    memory for rows too."""
    return np.ascontiguousarray(counts.reshape(-1, counts.shape[-1]) / TOTAL, np.float32)


class Encoder:
    """A range coder's output, in the order in which digits are revealed."""

    def __init__(self) -> None:
        stream = import_constriction().stream
        self.coder, self.family = stream.queue.RangeEncoder(), stream.model.Categorical(perfect=False)

    def push(self, digits: np.ndarray, log_p: np.ndarray) -> np.ndarray:
        """digits int64 (...), log_p (..., choices) -> what each digit costs in bits, float64 (...)."""
        counts = frequencies(log_p)
        self.coder.encode(np.ascontiguousarray(digits.reshape(-1), np.int32), self.family, tables(counts))
        return cost(counts, digits)

    def finish(self) -> bytes:
        words: np.ndarray = self.coder.get_compressed()
        return words.astype("<u4").tobytes()


class Decoder:
    """A range decoder: turns log-probabilities into digits, until these cost more than there are bytes."""

    def __init__(self, data: bytes, file: str):
        stream = import_constriction().stream
        self.damaged = DamagedFileError(f"{file}: damaged: the coded bytes lead to no digits")
        if len(data) % 4:
            raise self.damaged
        # Behind the last word the coder reads zeros for ever; it rounds by a few bits.
        self.left = 8.0 * len(data) * 1.01 + 64
        words = np.frombuffer(data, "<u4").astype(np.uint32)
        self.coder, self.family = stream.queue.RangeDecoder(words), stream.model.Categorical(perfect=False)

    def pull(self, log_p: np.ndarray) -> np.ndarray:
        """log_p (..., choices) -> digits int64 (...)."""
        counts = frequencies(log_p)
        try:
            decoded = self.coder.decode(self.family, tables(counts))
        except (AssertionError, ValueError) as error:
            raise self.damaged from error
        digits: np.ndarray = decoded.astype(np.int64).reshape(log_p.shape[:-1])
        self.left -= float(cost(counts, digits).sum())
        if self.left < 0:
            raise self.damaged
        return digits


def fingerprint(network: AnyOrderNetwork, rows: tuple[int, ...]) -> bytes:
    """Eight bytes that depend on every frequency of a fixed set of predictions, at every stage and for the batch sizes
    `rows`: two environments in which they differ cannot read each other's files."""
    spec, digest = network.variables, hashlib.sha256()
    for count in sorted(set(rows)):
        random = np.random.Generator(np.random.PCG64(count))
        values = random.integers(spec.levels, size=(count, spec.dimensions))
        for stage in range(spec.stages):
            for part in (0.1, 0.7):
                known = random.random(values.shape) < part
                low = np.where(known, spec.block_start(values, stage + 1), spec.block_start(values, stage))
                index = np.stack([random.permutation(spec.dimensions)[:64] for _ in range(count)])
                digest.update(frequencies(network.predict(low, known, stage, index)).astype("<i4").tobytes())
    return digest.digest()[:8]
