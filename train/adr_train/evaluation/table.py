"""What adr-eval prints: rows of figures as JSON or as a table."""

import json
import sys
from typing import Any

from adr_runtime import AnyOrderModel, AudioModel, ImageModel, MaskedModel
from adr_runtime.terminal.display import PlainConsole
from rich.table import Table

from adr_train.evaluation.metrics import STANDARD_ERROR

Rows = dict[str, dict[str, float]]

# Headings short enough for a terminal of 80 columns.
HEADINGS = {
    "samples": "count", "accuracy": "right", "worst_label": "worst", "confidence": "sure", "inception_score": "IS",
    "modified_inception_score": "mIS", "am_score": "AM", "frechet_distance": "FD", "precision": "prec",
    "recall": "recall", "nearest_training": "near", "nearer_than_1st_percentile": "<1%",
    "seconds_per_sample": "s each", "bits_per_dimension": "bits/dim", "standard_error": "± sequences",
    "estimate_error": "± estimate", "predicted": "predicted", "calls": "calls", "seconds_each": "s each",
    "speaker_accuracy": "voice", "speaker_similarity": "cosine",
}  # fmt: skip


def print_rows(
    model: AudioModel | ImageModel | AnyOrderModel | MaskedModel, split: str, settings: dict[str, Any], rows: Rows,
    as_json: bool,
) -> None:  # fmt: skip
    if as_json:
        about = {"model": model.name, "bundle": model.bundle.hash, "provider": model.provider, "split": split}
        print(json.dumps({**about, **settings, "rows": rows}))
    else:
        PlainConsole(width=None if sys.stdout.isatty() else 160).print(as_table(rows, split))


def as_table(rows: Rows, split: str) -> Table:
    """One line a setting: part judged right, that of the worst label, mean confidence, Inception Score, modified
    Inception Score, AM score, Frechet distance to the real split, precision and recall, median distance to the nearest
    training sample, part nearer to one than all but a hundredth of the real split, seconds a sample, part whose speaker
    is found right, cosine with that speaker's mean embedding; behind ± standard errors over seeds."""
    names = [name for name in HEADINGS if any(name in row for row in rows.values())]
    table = Table(box=None)
    table.add_column(split, no_wrap=True, overflow="fold")
    for name in names:
        table.add_column(HEADINGS[name])
    for title, row in rows.items():
        table.add_row(title, *(cell(name, row) if name in row else "" for name in names))
    return table


def cell(name: str, row: dict[str, float]) -> str:
    error = row.get(name + STANDARD_ERROR)
    if error is None:
        return shown(name, row[name])
    return f"{shown(name, row[name])} ± {error:.0f}" if error >= 9.5 else f"{shown(name, row[name])} ± {error:.1g}"


def shown(name: str, value: float) -> str:
    return f"{value:.4g}" if name in ("bits_per_dimension", "predicted", "calls") else f"{value:.3g}"
