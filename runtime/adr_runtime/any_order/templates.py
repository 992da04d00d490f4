"""Texts with holes."""

from collections.abc import Callable

import numpy as np

from adr_runtime.any_order.variables import from_text, to_text
from adr_runtime.errors import InputError

# Bytes of a text, some hours of work on one core.
LONGEST = 1 << 20


def check_hole(hole: str) -> None:
    """Raises InputError for what cannot mark a hole."""
    if len(hole) != 1 or not hole.isascii():
        raise InputError(f"hole must be one ASCII character, not {hole[:40]!r}")


def check_template(template: str, hole: str) -> bytes:
    """The template's bytes. Raises InputError for a hole or a template that cannot be."""
    check_hole(hole)
    if not isinstance(template, str):
        raise InputError(f"a template is text, not {type(template).__name__}")
    try:
        data = template.encode()
    except UnicodeEncodeError as error:
        raise InputError("the template is not UTF-8 text; convert it first") from error
    if not 0 < len(data) <= LONGEST:
        raise InputError(f"a template has 1 to {LONGEST} bytes, not {len(data)}")
    return data


def fill_template(
    data: bytes, hole: str, alphabet: str, fill: Callable[[np.ndarray, np.ndarray], np.ndarray]
) -> tuple[str, ...]:
    """The answers of `fill`, which takes symbols int64 and holes bool, both (1, length, 1), as texts in which every
    hole is replaced and nothing else is touched. Raises InputError for text that the alphabet lacks."""
    letters = np.frombuffer(data, np.uint8)
    holes = letters == ord(hole)
    blank = np.where(holes, ord(alphabet[0] if alphabet else " "), letters).astype(np.uint8).tobytes()
    symbols = from_text(blank, alphabet)
    texts = []
    for row in fill(symbols[None, :, None], holes[None, :, None])[:, 0, :, 0]:
        answer = np.frombuffer(to_text(row, alphabet), np.uint8)
        texts.append(np.where(holes, answer, letters).astype(np.uint8).tobytes().decode(errors="replace"))
    return tuple(texts)
