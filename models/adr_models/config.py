"""Configs from dictionaries, as YAML and JSON hold them."""

import types
import typing
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Config = TypeVar("Config", bound="DataclassInstance")


def build(cls: type[Config], values: object, where: str) -> Config:
    """A (nested) dataclass from plain dicts and lists, refusing unknown fields."""
    if not isinstance(values, dict):
        raise ValueError(f"{where} should be a mapping, found {values!r}")
    hints = typing.get_type_hints(cls)
    unknown = set(values) - {f.name for f in fields(cls)}
    if unknown:
        raise ValueError(f"{where} has no field {', '.join(sorted(unknown))}; it has {', '.join(hints)}")
    arguments = {}
    for name, value in values.items():
        hint = hints[name]
        if isinstance(hint, types.UnionType):
            hint = next(t for t in typing.get_args(hint) if t is not type(None))
        if isinstance(hint, type) and is_dataclass(hint) and value is not None:
            value = build(hint, value, f"{where}.{name}")
        elif isinstance(value, list):
            value = tuple(value)
        arguments[name] = value
    return cls(**arguments)
