"""JSON text to a frozen dataclass, strictly: for files that come from others.

Unknown and duplicate keys are errors, missing ones where the field has no default, and values of another type than
their field says. Every error names the field, what was expected and what was found.
"""

import json
import math
import typing
from dataclasses import MISSING, fields, is_dataclass
from types import UnionType
from typing import Any

from adr_runtime.errors import ADRError


def read_json(text: str) -> Any:
    """Values from JSON text, in which no key may appear twice."""

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        keys = [key for key, _ in items]
        twice = {key for key in keys if keys.count(key) > 1} if len(set(keys)) < len(keys) else ()
        if twice:
            raise ADRError(f"manifest.json: key {min(twice)!r} appears twice")
        return dict(items)

    try:
        return json.loads(text, object_pairs_hook=pairs)
    except (ValueError, RecursionError) as error:
        raise ADRError(f"manifest.json: not JSON: {error}") from error


def convert(hint: Any, value: Any, where: str) -> Any:
    """`value` as the type `hint`: dataclasses, tuples, string-keyed dicts, unions and plain values."""
    if isinstance(hint, type) and is_dataclass(hint):
        if not isinstance(value, dict):
            refuse(where or "manifest", "an object", value)
        hints = typing.get_type_hints(hint)
        optional = {f.name for f in fields(hint) if f.default is not MISSING}
        for name in sorted((set(value) | optional) ^ set(hints)):
            refuse(join(where, name), "to be there" if name in hints else "no such key", value.get(name, "nothing"))
        given = [f.name for f in fields(hint) if f.name in value]
        return hint(**{name: convert(hints[name], value[name], join(where, name)) for name in given})
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is tuple:
        if not isinstance(value, list):
            refuse(where, "a list", value)
        return tuple(convert(arguments[0], item, f"{where}[{i}]") for i, item in enumerate(value))
    if origin is dict:
        if not isinstance(value, dict):
            refuse(where, "an object", value)
        return {key: convert(arguments[1], item, join(where, key)) for key, item in value.items()}
    if origin in (typing.Union, UnionType):
        for choice in arguments:
            if choice is type(None) and value is None:
                return None
            if is_dataclass(choice) and isinstance(value, dict):
                return convert(choice, value, where)
            if plain(choice, value):
                return value
        refuse(where, " or ".join(getattr(a, "__name__", str(a)) for a in arguments), value)
    if not plain(hint, value):
        refuse(where, hint.__name__, value)
    return float(value) if hint is float else value


def plain(hint: Any, value: Any) -> bool:
    """Whether value is of a plain type: an integer passes as a float, a bool never as a number."""
    if hint in (int, float):
        number = isinstance(value, (int, float) if hint is float else int)
        return number and not isinstance(value, bool) and math.isfinite(value)
    return hint in (str, bool) and isinstance(value, hint)


def join(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name


def refuse(where: str, expected: str, found: Any) -> typing.NoReturn:
    shown = json.dumps(found, default=str)
    raise ADRError(f"manifest.json: {where}: expected {expected}, found {shown[:80]}")
