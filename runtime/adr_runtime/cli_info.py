"""What `adr-run list`, `info` and `doctor` tell."""

import json
import os
import platform
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

from rich.table import Table

from adr_runtime import __version__, load
from adr_runtime.any_order_manifest import AnyOrderManifest
from adr_runtime.bundle import open_bundle, shipped
from adr_runtime.card import measured, output_line, shown
from adr_runtime.cuda import cuda_obstacle
from adr_runtime.display import PlainConsole
from adr_runtime.engine import INSTALL, import_onnxruntime
from adr_runtime.errors import ADRError
from adr_runtime.policy import predicted_loss
from adr_runtime.provenance import read_provenance


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


def list_models(as_json: bool) -> None:
    rows: list[dict[str, Any]] = []
    for name, folder in shipped().items():
        manifest = open_bundle(folder).manifest
        rows.append({"name": name, "kind": manifest.kind, "description": manifest.description,
                     "labels": list(manifest.labels), "licence": manifest.licence})  # fmt: skip
    if as_json:
        print(json.dumps(rows))
        return
    table = Table("name", "kind", "what", "licence", box=None)
    for row in rows:
        table.add_row(row["name"], row["kind"], row["description"], row["licence"])
    PlainConsole().print(table)


def info(what: str, as_json: bool) -> None:
    if os.path.isfile(what):
        found = read_provenance(Path(what))
        if as_json:
            print(json.dumps(found))
        else:
            show(found, what)
        return
    bundle = open_bundle(what)
    manifest = bundle.manifest
    size = sum(graph.bytes for graph in manifest.graphs.values())
    if isinstance(manifest, AnyOrderManifest):
        output: Any = output_line(manifest)
        speakers: tuple[str, ...] = ()
    else:
        output, speakers = manifest.audio or manifest.image, manifest.speakers
    about = {
        "name": manifest.name, "what": manifest.description, "kind": manifest.kind, "output": output,
        "labels": ", ".join(manifest.labels) or "none", "speakers": ", ".join(speakers) or "none",
        "dialect": manifest.dialect, "licence": manifest.licence,
        "data": manifest.data, "size": f"{size / 2**20:.1f} MiB", "folder": bundle.folder, "hash": bundle.hash,
        "defaults": manifest.defaults,
    }  # fmt: skip
    curve = budget_curve(manifest) if isinstance(manifest, AnyOrderManifest) else {}
    sections = {"training": manifest.training, "quality": manifest.quality, "parity": manifest.parity}
    if as_json:
        print(
            json.dumps({**{k: str(v) for k, v in about.items()}, **sections, **({"budgets": curve} if curve else {})})
        )
        return
    show(about, manifest.name)
    if curve:
        plot_budgets(curve)
    for title, values in sections.items():
        settings, rows = measured(values)
        if settings:
            show(settings, f"\n{title}")
        if rows:
            show_figures(rows)


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
        found = manifest.quality.get(f"{row}: bits_per_dimension")
        if isinstance(found, float):
            curve[budget]["measured"] = found
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


def doctor(as_json: bool) -> None:
    """Facts about this machine; exit status 1 when something that should work does not."""
    report: dict[str, Any] = {"adr": __version__, "python": platform.python_version(), "platform": platform.platform()}
    packages = {}
    for package in ("onnxruntime", "onnxruntime-gpu"):
        try:
            packages[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    report["packages"] = ", ".join(f"{k} {v}" for k, v in packages.items()) or "none"
    problems = []
    if len(packages) > 1:
        problems.append("onnxruntime and onnxruntime-gpu share a folder: uninstall both, then install one")
    try:
        obstacle = cuda_obstacle()
        onnxruntime = import_onnxruntime()
        report["onnxruntime"] = onnxruntime.__version__
        report["providers built in"] = ", ".join(onnxruntime.get_available_providers())
        report["cuda"] = "usable by all signs" if obstacle is None else f"not used: {obstacle}"
        for name in shipped():
            model = load(name)
            report["provider of auto"] = model.provider
            report[f"bundle {name}"] = f"loads on {model.provider}"
            if obstacle is None and model.provider_note:
                problems.append(model.provider_note)
    except ADRError as error:
        problems.append(str(error))
    report["problems"] = "; ".join(dict.fromkeys(problems)) or "none"
    if as_json:
        print(json.dumps(report))
    else:
        show(report, "adr-run doctor")
    if problems and INSTALL in problems:
        raise ADRError(INSTALL, exit_status=1)
