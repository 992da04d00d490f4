"""JSON text to a frozen dataclass, strictly: for files that come from others.

Unknown and duplicate keys are errors, missing ones where the field has no default, and values of another type than
their field says. Numbers have 64 bits, strings are short Unicode text. Every error names the file and the field, what
was expected and what was found; none takes more time than the text is long.
"""

import json
import math
import typing
from collections import Counter
from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields, is_dataclass
from functools import cache
from types import UnionType
from typing import Any

from adr_runtime.errors import ADRError, BundleError, DamagedFileError

MANIFEST = "manifest.json"
# Seeds are numbers below it.
LARGEST = 1 << 64
MAX_DIGITS = 20
MAX_STRING = MAX_VALUES = 1 << 16
# How many characters of a hostile name or value a message shows, and of how many values.
SHOWN, SHOWN_VALUES = 80, 8


def read_json(text: str, file: str = MANIFEST) -> Any:
    """Values from JSON text, in which no key may appear twice. Raises ADRError."""

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        values = dict(items)
        if len(values) < len(items):
            twice = min(key for key, times in Counter(key for key, _ in items).items() if times > 1)
            raise problem(file)(f"{file}: key {twice[:SHOWN]!r} appears twice")
        return values

    try:
        return json.loads(text, object_pairs_hook=pairs, parse_int=short_integer)
    except (ValueError, RecursionError) as error:
        raise problem(file)(f"{file}: not JSON: {' '.join(str(error).split())[:200]}") from error


def problem(file: str) -> type[ADRError]:
    return BundleError if file == MANIFEST else DamagedFileError


def short_integer(digits: str) -> int:
    if len(digits.lstrip("-")) > MAX_DIGITS:
        raise ValueError(f"an integer of {len(digits)} digits")
    return int(digits)


def convert(hint: Any, value: Any, where: str, file: str = MANIFEST) -> Any:
    """`value` as the type `hint`: dataclasses, tuples, string-keyed dicts, unions and plain values. Raises ADRError."""
    if isinstance(hint, type) and is_dataclass(hint):
        return convert_object(hint, value, where, file)
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is tuple:
        if not isinstance(value, list) or len(value) > MAX_VALUES:
            refuse(where, f"a list of up to {MAX_VALUES} values", value, file)
        if arguments[0] is not float and all(plain(arguments[0], item) for item in value):
            return tuple(value)
        return tuple(convert(arguments[0], item, f"{where}[{i}]", file) for i, item in enumerate(value))
    if origin is dict:
        if not isinstance(value, dict):
            refuse(where, "an object", value, file)
        for key in value:
            if not plain(str, key):
                refuse(where, "names that are short text", key, file)
        return {key: convert(arguments[1], item, join(where, key), file) for key, item in value.items()}
    if origin in (typing.Union, UnionType):
        for choice in arguments:
            if choice is type(None) and value is None:
                return None
            matching = (is_dataclass(choice), dict) if typing.get_origin(choice) is not tuple else (True, list)
            if matching[0] and isinstance(value, matching[1]):
                return convert(choice, value, where, file)
            if plain(choice, value):
                return value
        refuse(where, " or ".join(getattr(a, "__name__", str(a)) for a in arguments), value, file)
    if not plain(hint, value):
        long = hint is str and isinstance(value, str) and len(value) > MAX_STRING
        refuse(where, f"up to {MAX_STRING} characters" if long else hint.__name__, value, file)
    return float(value) if hint is float else value


@dataclass(frozen=True)
class Layout:
    """Types by name of the fields that a dataclass is made with, and which of them have a default."""

    hints: dict[str, Any]
    optional: frozenset[str]


@cache
def layout(kind: Any) -> Layout:
    hints, read = typing.get_type_hints(kind), [f for f in fields(kind) if f.init]
    optional = frozenset(f.name for f in read if f.default is not MISSING)
    return Layout({f.name: hints[f.name] for f in read}, optional)


def convert_object(hint: Callable[..., Any], value: Any, where: str, file: str) -> Any:
    if not isinstance(value, dict):
        refuse(where or "the whole", "an object", value, file)
    fields_of_type = layout(hint)
    for name in sorted((set(value) | fields_of_type.optional) ^ set(fields_of_type.hints)):
        expected = "to be there" if name in fields_of_type.hints else "no such key"
        refuse(join(where, name), expected, value.get(name, "nothing"), file)
    hints = fields_of_type.hints
    return hint(**{name: convert(hints[name], item, join(where, name), file) for name, item in value.items()})


def plain(hint: Any, value: Any) -> bool:
    """Whether value is of a plain type: an integer passes as a float, a bool never as a number."""
    if hint in (int, float):
        if isinstance(value, int):
            return not isinstance(value, bool) and abs(value) < LARGEST
        return hint is float and isinstance(value, float) and math.isfinite(value)
    if hint is str:
        # A lone surrogate, which JSON can spell, is no text: it could be neither shown nor stored.
        return isinstance(value, str) and len(value) <= MAX_STRING and not any("\ud800" <= c <= "\udfff" for c in value)
    return hint is bool and isinstance(value, bool)


def join(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name


def refuse(where: str, expected: str, found: Any, file: str = MANIFEST) -> typing.NoReturn:
    """Raises ADRError; what was found is shown in one short line, whatever it is."""
    raise problem(file)(f"{file}: {ascii(where)[1:-1][:SHOWN]}: expected {expected}, found {shown(found)}")


def shown(found: Any) -> str:
    if isinstance(found, dict):
        return f"an object of {len(found)} keys"
    if isinstance(found, (list, tuple)):
        if len(found) > SHOWN_VALUES or any(isinstance(value, (dict, list, tuple)) for value in found):
            return f"a list of {len(found)} values"
        return f"[{', '.join(map(shown, found))}]"
    return json.dumps(found[:SHOWN] if isinstance(found, str) else found, default=str)[:SHOWN]
