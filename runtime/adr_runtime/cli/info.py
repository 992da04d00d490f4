"""adr-run list and info: which models there are, what a model is and how good, where a file came from."""

import json
import os
import sys
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from adr_runtime.any_order.manifest import AnyOrderManifest
from adr_runtime.any_order.policy import predicted_loss
from adr_runtime.bundles.bundle import Bundle, shipped
from adr_runtime.bundles.card import measured, shown
from adr_runtime.causal.manifest import CausalManifest
from adr_runtime.cli.options import DebugOption, JsonOption, app
from adr_runtime.loading import open_bundle
from adr_runtime.media.provenance import read_provenance
from adr_runtime.terminal.display import PlainConsole


def show(rows: dict[str, Any], title: str) -> None:
    table = Table("", "", title=title, title_justify="left", box=None, show_header=False)
    for name, value in rows.items():
        table.add_row(name, shown(value))
    PlainConsole(soft_wrap=True).print(table)


def show_figures(rows: dict[str, Any]) -> None:
    """Measured figures, a line for each row: real data, and the model at each number of steps."""
    names = list(dict.fromkeys(name for row in rows.values() for name in row))
    table = Table("", *(name.replace("_", " ") for name in names), box=None)
    for title, row in rows.items():
        table.add_row(title, *(shown(row.get(name, "")) for name in names))
    PlainConsole(width=None if sys.stdout.isatty() else 160).print(table)


@app.command("list", epilog="Example: adr-run list")
def list_(json_: JsonOption = False, debug: DebugOption = False) -> None:
    """The models that come with the package."""
    rows: list[dict[str, Any]] = []
    for name, folder in shipped().items():
        manifest = open_bundle(folder).manifest
        rows.append({"name": name, "kind": manifest.makes, "description": manifest.description,
                     "labels": list(manifest.labels), "licence": manifest.licence})  # fmt: skip
    if json_:
        print(json.dumps(rows))
        return
    table = Table("name", "kind", "what", "licence", box=None)
    for row in rows:
        table.add_row(row["name"], row["kind"], row["description"], row["licence"])
    PlainConsole().print(table)


@app.command(epilog="Example: adr-run info speech-digits")
def info(
    what: Annotated[str, typer.Argument(help="A model, a folder, hf:owner/name, or a file that adr-run made.")],
    json_: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """What a model is and how good; or where a picture or sound came from."""
    if os.path.isfile(what):
        provenance = read_provenance(Path(what))
        if json_:
            print(json.dumps(provenance))
        else:
            show(provenance, what)
        return
    bundle = open_bundle(what)
    manifest, about = bundle.manifest, describe(bundle)
    curve = budget_curve(manifest) if isinstance(manifest, AnyOrderManifest) else {}
    sections = {"training": manifest.training, "quality": manifest.quality, "parity": manifest.parity}
    if json_:
        budgets = {"budgets": curve} if curve else {}
        print(json.dumps({**{k: str(v) for k, v in about.items()}, **sections, **budgets}))
        return
    show(about, manifest.name)
    if curve:
        plot_budgets(curve)
    for title, values in sections.items():
        settings, rows = measured(values)
        if settings:
            print()
            show(settings, title)
        if rows:
            show_figures(rows)


def describe(bundle: Bundle) -> dict[str, Any]:
    """What a bundle is, by name."""
    manifest = bundle.manifest
    assert isinstance(manifest, CausalManifest | AnyOrderManifest)
    defaults = manifest.defaults
    speakers, controls = (manifest.speakers, manifest.controls) if isinstance(manifest, CausalManifest) else ((), ())
    speaks = isinstance(manifest, CausalManifest) and manifest.spoken_text
    size = sum(graph.bytes for graph in manifest.graphs.values())
    return {
        "name": manifest.name, "what": manifest.description, "kind": manifest.makes, "output": manifest.output,
        "labels": ", ".join(manifest.labels) or "none", "speakers": ", ".join(speakers) or "none",
        "dialect": manifest.dialect, "licence": manifest.licence,
        "data": manifest.data, "size": f"{size / 2**20:.1f} MiB", "folder": bundle.folder, "hash": bundle.hash,
        **({"text": "English (--text)"} if speaks else {}),
        **({"controls": ", ".join(f"{control.name} ({control.classes})" for control in controls)} if controls else {}),
        "defaults": ", ".join(f"{f.name} {getattr(defaults, f.name)}" for f in fields(defaults) if f.init),
    }  # fmt: skip


def budget_curve(manifest: AnyOrderManifest) -> dict[str, dict[str, float]]:
    """Bits per dimension at the budgets that the manifest plans for, and at full steps: predicted from the losses, and
    measured where adr-eval has."""
    stages, dimensions = manifest.variables.stages, manifest.variables.dimensions
    everything = tuple((1,) * dimensions for _ in range(stages))
    policies = {**manifest.policies, str(stages * dimensions): everything}
    curve: dict[str, dict[str, float]] = {}
    for budget, policy in sorted(policies.items(), key=lambda item: int(item[0])):
        pairs = zip(manifest.step_loss, policy, strict=True)
        curve[budget] = {"predicted": sum(predicted_loss(loss, counts) for loss, counts in pairs) / dimensions}
        row = "full" if policy is everything else budget
        measured_bits = manifest.quality.get(f"{row}: bits_per_dimension")
        if isinstance(measured_bits, float):
            curve[budget]["measured"] = measured_bits
    return curve


def plot_budgets(curve: dict[str, dict[str, float]], width: int = 48) -> None:
    """A bar a budget: the length is the measured figure, or the predicted one where none was measured."""
    most = max(max(row.values()) for row in curve.values())
    table = Table("network calls", "predicted", "measured", "bits per dimension", box=None)
    for budget, row in curve.items():
        shown_figure = f"{row['measured']:.3f}" if "measured" in row else ""
        mark = "█" if "measured" in row else "░"
        length = round(width * row.get("measured", row["predicted"]) / most)
        table.add_row(budget, f"{row['predicted']:.3f}", shown_figure, mark * length)
    PlainConsole(width=None if sys.stdout.isatty() else 120).print(table)
