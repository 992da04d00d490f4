"""Numbers as words, by Unicode's rules for English (CLDR), which the package unicode-rbnf reads."""

from functools import cache, lru_cache
from typing import Any

from adr_runtime.errors import ADRError, install_hint

# A number of more digits is said digit by digit.
MOST_DIGITS = 15
DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def engine_class() -> Any:
    """Raises ADRError where the package is missing, which nobody should learn in the midst of a text."""
    try:
        from unicode_rbnf import RbnfEngine
    except ImportError as error:
        raise ADRError(f"numbers in text need the package unicode-rbnf; run: {install_hint('text')}") from error
    return RbnfEngine


@cache
def engine() -> Any:
    return engine_class().for_language("en")


@lru_cache(4096)
def spelled(number: int, rules: str) -> str:
    words: str = engine().format_number(number, ruleset_names=[rules]).text
    return words.replace("-", " ").replace("­", "").replace(",", "")


def digits(text: str) -> str:
    """Every digit of a text as a word."""
    return " ".join(DIGITS[int(c)] for c in text if c.isdigit())


def cardinal(text: str) -> str:
    """The words of digits with or without commas between thousands, a point, and a minus before them: "two hundred and
    five point one"."""
    sign, text = ("minus ", text[1:]) if text.startswith("-") else ("", text)
    whole, point, part = text.replace(",", "").partition(".")
    # Who writes 007 wants to hear the zeros.
    as_digits = len(whole) > MOST_DIGITS or (len(whole) > 1 and whole[0] == "0")
    words = digits(whole) if as_digits else spelled(int(whole or "0"), "spellout-numbering-verbose")
    return f"{sign}{words}{f' point {digits(part)}' if point and part else ''}"


def ordinal(text: str) -> str:
    """The words of 21 as "twenty first"."""
    whole = text.replace(",", "")
    if len(whole) > MOST_DIGITS:
        return digits(whole)
    return spelled(int(whole), "spellout-ordinal-verbose")


def year(text: str) -> str:
    """The words of 1984 as "nineteen eighty four"."""
    return spelled(int(text), "spellout-numbering-year")


def plural(words: str) -> str:
    """The words of a decade: "nineteen eighties"."""
    return words[:-1] + "ies" if words.endswith("y") else words + ("es" if words.endswith("x") else "s")
