"""Settings that change along the tokens of a picture: one value for each of several equal parts of them, as the levels
of a pyramid.

A thumbnail decides what a picture is of, and how much one picture differs from another: more noise there gives more
different pictures, and its details are as good in half the denoising steps (fewer steps towards the end: DiSA, arXiv
2505.20297).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from adr_runtime.errors import InputError

Number = TypeVar("Number", int, float)


@dataclass(frozen=True)
class Denoising:
    """What denoises one token: the steps, the scale of classifier-free guidance, the temperature."""

    steps: int
    guidance: float
    temperature: float


def parted(value: Any, name: str, length: int | None, check: Callable[[Any], Number]) -> Number | tuple[Number, ...]:
    """One number, or one for each part of `length` tokens, each checked; of sound, which has no length, one number
    alone. Raises InputError."""
    if isinstance(value, np.ndarray) and value.ndim:
        value = value.tolist()
    if length is None or not isinstance(value, Sequence) or isinstance(value, str):
        return check(value)
    values = tuple(check(item) for item in value)
    if not values or length % len(values):
        raise InputError(f"{name} has {len(values)} values, which {length} tokens cannot be divided by")
    return values[0] if len(set(values)) == 1 else values


def read_parts(text: str, kind: type[Number]) -> Number | tuple[Number, ...]:
    """A number, or several with colons between them, as "12:8:6". Raises ValueError."""
    values = tuple(kind(part) for part in text.split(":"))
    return values if len(values) > 1 else values[0]


def parts_text(value: object) -> str:
    """The same the other way round."""
    return ":".join(map(str, value)) if isinstance(value, (tuple, list)) else str(value)


def of_part(value: Number | tuple[Number, ...], position: int, length: int | None) -> Number:
    """The number that a token at a position has."""
    if not isinstance(value, tuple):
        return value
    assert length is not None
    return value[min(position * len(value) // length, len(value) - 1)]


def largest(value: Number | tuple[Number, ...]) -> Number:
    """The largest of all parts."""
    return max(value) if isinstance(value, tuple) else value
