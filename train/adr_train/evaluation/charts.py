"""The curves of a report: quality against each setting that was swept, and recall against precision."""

from pathlib import Path

from adr_runtime.causal.config import GenerationConfig
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from adr_train.evaluation.metrics import STANDARD_ERROR
from adr_train.evaluation.table import HEADINGS, Rows

FIGURES = ("accuracy", "worst_label", "frechet_distance", "precision", "recall")
AXES = ("steps", "guidance", "temperature")


def swept(settings: dict[str, GenerationConfig]) -> list[str]:
    """The settings that have several values, all of which are given as one number."""
    values = {axis: {getattr(setting, axis) for setting in settings.values()} for axis in AXES}
    numbers = {axis: all(isinstance(value, (int, float)) for value in found) for axis, found in values.items()}
    return [axis for axis, found in values.items() if len(found) > 1 and numbers[axis]]


def draw_sweep(path: Path, axis: str, settings: dict[str, GenerationConfig], rows: Rows) -> None:
    """An SVG file: every figure against one setting, a line for each choice of the others; dashed is real data."""
    figure = Figure(figsize=(3 * len(FIGURES), 2.8), layout="constrained")
    lines: dict[str, list[str]] = {}
    for name in settings:
        # The name of a row is that of its swept values.
        others = " ".join(part for part in name.split() if not part.startswith(f"{axis}="))
        lines.setdefault(others, []).append(name)
    for place, what in enumerate(FIGURES, 1):
        panel = figure.add_subplot(1, len(FIGURES), place)
        for label, names in lines.items():
            names = sorted(names, key=lambda name: float(getattr(settings[name], axis)))
            panel.errorbar(
                [getattr(settings[name], axis) for name in names], [rows[name][what] for name in names],
                [rows[name].get(what + STANDARD_ERROR, 0.0) for name in names], marker="o", label=label or None,
            )  # fmt: skip
        draw_real(panel, what, rows)
        panel.set(title=HEADINGS[what], xlabel=axis)
        if place == 1 and len(lines) > 1:
            panel.legend(fontsize=7)
    figure.savefig(path)


def draw_real(panel: Axes, what: str, rows: Rows) -> None:
    """Real data as lines through a panel; training data has figures against the split that the split has not."""
    for name, row in rows.items():
        if name.startswith("real ") and what in row:
            panel.axhline(row[what], linestyle="--", color="grey", linewidth=1)
            panel.annotate(name, (0, row[what]), xycoords=("axes fraction", "data"), fontsize=6, color="grey")


def draw_precision_recall(path: Path, rows: Rows) -> None:
    """An SVG file: recall against precision, a point a row."""
    figure = Figure(figsize=(6, 3.6), layout="constrained")
    panel = figure.add_subplot()
    for name, row in rows.items():
        if "precision" in row:
            marker = "*" if name.startswith("real ") else "o"
            panel.plot(row["precision"], row["recall"], marker, label=name)
    panel.set(xlabel="precision", ylabel="recall")
    figure.legend(loc="outside right upper", fontsize=7)
    figure.savefig(path)
