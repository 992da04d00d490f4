"""Which labels a command asks for."""

from collections.abc import Sequence

import numpy as np

from adr_runtime.causal.config import label_index
from adr_runtime.causal.manifest import CausalManifest
from adr_runtime.errors import InputError
from adr_runtime.limits import check_count

UNCONDITIONAL = "none"


def choose_labels(manifest: CausalManifest, label: str | None, count: int, seed: int) -> Sequence[str | None]:
    """One label a row: the one asked for, or, without one, each drawn by the seed. Raises InputError."""
    check_count(count)
    if label not in (None, UNCONDITIONAL):
        label_index(manifest, label)
        return [label] * count
    if label is not None or not manifest.labels:
        return [None] * count
    drawn = np.random.default_rng(seed).integers(len(manifest.labels), size=count)
    return [manifest.labels[i] for i in drawn]


def asked_labels(
    manifest: CausalManifest, label: str | None, count: int, columns: int | None, seed: int
) -> Sequence[str | None]:
    """As `choose_labels`, or of a sheet each label `columns` times. Raises InputError for a model without labels, and
    for too many pictures."""
    if columns is None:
        return choose_labels(manifest, label, count, seed)
    if not manifest.labels:
        raise InputError(f"{manifest.name} has no labels; leave --sheet out")
    check_count(columns)
    labels = [label for label in manifest.labels for _ in range(columns)]
    check_count(len(labels))
    return labels
