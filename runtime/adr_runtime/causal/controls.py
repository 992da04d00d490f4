"""Controls: what each token of a sound is told from outside, as the phone that is being said and the place in it."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from adr_runtime.causal.manifest import CausalManifest
from adr_runtime.errors import InputError
from adr_runtime.limits import check_bytes

# Classes by the name of their control, one for each token.
Controls = Mapping[str, Sequence[int] | np.ndarray]


def null_controls(manifest: CausalManifest) -> np.ndarray:
    """The null class of each control, int64 (K,)."""
    return np.array([control.classes for control in manifest.controls], np.int64)


def checked_controls(manifest: CausalManifest, controls: Controls, rows: int) -> np.ndarray:
    """Controls of so many rows, int64 (rows, tokens, K), of which those that are not given are the null ones; classes
    are (tokens,), the same for every row, or (rows, tokens). Raises InputError."""
    names = [control.name for control in manifest.controls]
    if not names:
        raise InputError(f"{manifest.name} takes no controls; leave them out")
    if not isinstance(controls, Mapping) or not controls:
        raise InputError(f"controls are a mapping with classes for some of {', '.join(names)}")
    unknown = [str(name) for name in controls if name not in names]
    if unknown:
        raise InputError(f"unknown control {unknown[0]!r}; {manifest.name} knows {', '.join(names)}")
    found = {}
    for control in manifest.controls:
        if control.name in controls:
            found[control.name] = checked_classes(control.name, controls[control.name], control.classes, rows)
    lengths = {name: classes.shape[1] for name, classes in found.items()}
    if len(set(lengths.values())) > 1:
        raise InputError(f"controls of different lengths: {', '.join(f'{k} {n}' for k, n in lengths.items())} tokens")
    length = next(iter(lengths.values()))
    check_bytes(8.0 * rows * length * len(names), f"controls of {length} tokens for {rows} rows")
    whole = np.broadcast_to(null_controls(manifest), (rows, length, len(names))).copy()
    for i, name in enumerate(names):
        if name in found:
            whole[:, :, i] = found[name]
    return whole


def checked_classes(name: str, values: Any, classes: int, rows: int) -> np.ndarray:
    """int64 (1 or rows, tokens). Raises InputError."""
    try:
        array = np.asarray(values)
    except ValueError:
        # Rows of different lengths.
        array = np.empty(0)
    array = array[None] if array.ndim == 1 else array
    if array.ndim != 2 or array.shape[0] not in (1, rows) or not array.shape[1]:
        raise InputError(f"controls[{name!r}] should be one class for each token, for all rows or each of {rows}")
    if array.dtype.kind not in "iu" or array.min() < 0 or array.max() > classes:
        raise InputError(f"controls[{name!r}] should be whole numbers from 0 to {classes}, of which {classes} is none")
    return array.astype(np.int64)
