"""Damage to bytes and plain values, and the values that programs tend not to expect."""

import struct
from random import Random
from typing import Any

INTEGERS = (
    0, -1, 1, 2, 255, 256, 65536, 2**31 - 1, 2**31, 2**32, 2**32 + 1, 10**12, 2**62, 2**63 - 1, 2**63, 2**64, 10**20,
    -(2**31), -(2**63), 10**400, -(10**400),
)  # fmt: skip
FLOATS = (float("nan"), float("inf"), float("-inf"), -0.0, 0.0, 1e-320, 1e-9, 1e9, 1e38, 1e308, -1.0, 0.5)
STRINGS = (
    "", " ", "x", ".", "..", "../../x", "a/b", "a\\b", "C:x", "nul\0l", "\n", "two\nlines", "\r", "\x1b[31mred",
    "[red]x[/red]", "[/]", "[bold", "\ud800", "\u202e", "é", "日本語", "{}", "%s%n", "None", "nan", "a" * 300,
    "b" * 100_000, "-", "--help", "𝔘", "\ufeff",
)  # fmt: skip


def hostile(random: Random) -> Any:
    """A plain value of any type."""
    kinds: list[Any] = [
        lambda: random.choice(INTEGERS), lambda: random.choice(FLOATS), lambda: random.choice(STRINGS),
        lambda: random.choice((None, True, False)), lambda: [hostile(random) for _ in range(random.randrange(4))],
        lambda: {random.choice(STRINGS): hostile(random)}, lambda: nested(random.choice((3, 100, 400))),
        lambda: [0] * random.choice((1000, 100_000)),
    ]  # fmt: skip
    return random.choices(kinds, (6, 5, 5, 3, 1, 1, 1, 1))[0]()


def nested(depth: int) -> Any:
    value: Any = []
    for _ in range(depth):
        value = [value]
    return value


def like(random: Random, value: Any) -> Any:
    """Another value of the same type, near or far; anything hostile where there is none."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return random.choice((value + 1, value - 1, value * 2, -value, random.choice(INTEGERS)))
    if isinstance(value, float):
        return random.choice((value * 2, -value, value + 1e-3, random.choice(FLOATS)))
    if isinstance(value, str):
        return random.choice((value + "x", value[:-1], value.upper(), random.choice(STRINGS)))
    return hostile(random)


def damage(random: Random, data: bytes, times: int | None = None) -> bytes:
    """A few changes of bytes: flips, cuts, insertions, copies, numbers in place of others."""
    out = bytearray(data)
    for _ in range(times or random.choice((1, 1, 1, 2, 4, 16))):
        at = random.randrange(len(out)) if out else 0
        size = min(random.choice((1, 2, 4, 8, 32, 200)), len(out) - at)
        how = random.randrange(9)
        if how <= 1 and out:
            out[at] ^= 1 << random.randrange(8)
        elif how == 2 and out:
            out[at] = random.choice((0, 1, 0x7F, 0x80, 0xFF))
        elif how == 3:
            del out[at : at + size]
        elif how == 4:
            del out[at:]
        elif how == 5:
            out[at:at] = random.randbytes(max(size, 1))
        elif how == 6:
            out[at:at] = out[at : at + size] * random.choice((1, 2, 50))
        elif how == 7:
            number = struct.pack(random.choice("<>") + "Q", random.choice(INTEGERS) % 2**64)
            out[at : at + size] = number[:size] if random.random() < 0.5 else number[8 - min(size, 8) :]
        else:
            other = random.randrange(len(out)) if out else 0
            out[at : at + size] = out[other : other + size]
    return bytes(out)
