"""manifest.json of an any-order model (family "ardm"): one graph, its variables, and the losses that budgets follow."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from adr_runtime.any_order.variables import COLOURS, KINDS, VariablesSpec
from adr_runtime.bundles.interfaces import check_tensors, floats
from adr_runtime.bundles.manifest import Family, Manifest, Rule, check_graphs, common_rules, enforce
from adr_runtime.bundles.specs import Shape, Tensors
from adr_runtime.bundles.strict_json import MANIFEST, convert, refuse
from adr_runtime.limits import MAX_COUNT

# Variables of a window.
MAX_VARIABLES = 1 << 16


@dataclass(frozen=True)
class AnyOrderDefaults:
    """Network calls of a generation, and how many are made when nobody says."""

    steps: int
    count: int


@dataclass(frozen=True, kw_only=True)
class AnyOrderManifest(Manifest):
    """`step_loss` (stages, D) in bits: what a variable costs when t are known. `policies` holds, for some budgets, how
    many variables each network call reveals, stage by stage; others are planned from `step_loss`."""

    labels: tuple[str, ...] = ()
    variables: VariablesSpec
    step_loss: tuple[tuple[float, ...], ...]
    policies: dict[str, tuple[tuple[int, ...], ...]]
    defaults: AnyOrderDefaults
    ORDER = (
        "schema_version", "family", "kind", "name", "description", "dialect", "graphs", "variables", "step_loss",
        "policies", "defaults", "licence", "data", "training", "quality", "parity", "labels", "onnxruntime",
    )  # fmt: skip

    def to_json(self) -> str:
        values = self.values()
        values["step_loss"] = [[round(x, 4) for x in stage] for stage in self.step_loss]
        return json.dumps(values, indent=None, separators=(",", ":"), ensure_ascii=False) + "\n"

    @property
    def output(self) -> str:
        spec = self.variables
        lines = {"image": "pictures of {1} x {0} pixels, {2} channel(s)", "text": "text, {1} symbols at a time"}
        line = lines.get(spec.kind, f"sound at {spec.sample_rate} Hz, {{1}} samples at a time").format(*spec.shape)
        digits = f", {spec.stages} digits in base {spec.branching}" if spec.stages > 1 else ""
        return f"{line}; {spec.levels} levels{digits}"


def check_any_order(manifest: AnyOrderManifest) -> None:
    """Check what the types cannot say. Raises ADRError that names the field."""
    spec = manifest.variables
    enforce([*common_rules(manifest, KINDS, ("network",)), *variable_rules(manifest)])
    dimensions = math.prod(spec.shape)
    smallest = spec.width(1) < spec.levels <= spec.width(0)
    enforce([
        ("variables.stages", spec.stages, smallest, f"as many as {spec.levels} levels take"),
        ("step_loss", len(manifest.step_loss), len(manifest.step_loss) == spec.stages, f"{spec.stages} stages"),
    ])  # fmt: skip
    check_defaults(manifest.defaults, spec.stages, dimensions)
    for stage, losses in enumerate(manifest.step_loss):
        if len(losses) != dimensions or not all(0 <= x < 1e3 for x in losses):
            refuse(f"step_loss[{stage}]", f"{dimensions} losses in bits, from 0 to 1000", len(losses))
    for budget, policy in manifest.policies.items():
        whole = len(policy) == spec.stages and all(sum(p) == dimensions and min(p, default=0) > 0 for p in policy)
        if not budget.isdigit() or not whole or sum(map(len, policy)) != int(budget):
            refuse(f"policies.{budget}", f"{spec.stages} lists of counts that add up to {dimensions}", "others")
    check_graphs(manifest)
    check_network(manifest)


def read_defaults(values: Mapping[str, Any], stages: int, dimensions: int, file: str = MANIFEST) -> AnyOrderDefaults:
    """The defaults that a recipe has, as a manifest has them. Raises ADRError as `check_defaults`."""
    defaults: AnyOrderDefaults = convert(AnyOrderDefaults, dict(values), "defaults", file)
    check_defaults(defaults, stages, dimensions, file)
    return defaults


def check_defaults(defaults: AnyOrderDefaults, stages: int, dimensions: int, file: str = MANIFEST) -> None:
    """Raises ADRError, which names the file, for defaults that no generation could have."""
    steps, most = defaults.steps, stages * dimensions
    enforce([
        ("defaults.steps", steps, stages <= steps <= most, f"a number of network calls from {stages} to {most}"),
        ("defaults.count", defaults.count, 1 <= defaults.count <= MAX_COUNT, f"1 to {MAX_COUNT}"),
    ], file)  # fmt: skip


def variable_rules(manifest: AnyOrderManifest) -> list[Rule]:
    spec, rate = manifest.variables, manifest.variables.sample_rate
    fits = len(spec.shape) == 3 and all(1 <= n <= MAX_VARIABLES for n in spec.shape)
    fits = fits and math.prod(spec.shape) <= MAX_VARIABLES
    return [
        ("kind", manifest.kind, manifest.kind == spec.kind, "that of the variables"),
        ("labels", len(manifest.labels), not manifest.labels, "none"),
        ("variables.shape", list(spec.shape), fits, f"3 sizes, product up to {MAX_VARIABLES}"),
        ("variables.levels", spec.levels, 2 <= spec.levels <= 1 << 16, "2 to 65536"),
        ("variables.shape", list(spec.shape), spec.kind == "image" or spec.shape[::2] == (1, 1), "(1, length, 1)"),
        ("variables.levels", spec.levels, spec.kind != "sound" or spec.levels in (256, 65536), "256 or 65536 of sound"),
        ("variables.branching", spec.branching, 2 <= spec.branching <= 1 << 12, "2 to 4096"),
        ("variables.stages", spec.stages, 1 <= spec.stages <= 16, "1 to 16"),
        ("variables.colour", spec.colour, spec.colour in COLOURS, " or ".join(COLOURS)),
        ("variables.colour", spec.colour, spec.colour == "none" or spec.shape[2] > 1, "none of one channel"),
        ("variables.alphabet", spec.alphabet, fits_alphabet(spec), "distinct ASCII symbols, one a level"),
        ("variables.sample_rate", rate, (rate > 0) == (spec.kind == "sound"), "set for sound only"),
    ]


def fits_alphabet(spec: VariablesSpec) -> bool:
    if not spec.alphabet:
        return True
    return spec.alphabet.isascii() and len(set(spec.alphabet)) == len(spec.alphabet) == spec.levels


def check_network(manifest: AnyOrderManifest) -> None:
    """Raises ADRError unless the graph has the inputs and the output that are used."""
    spec = manifest.variables
    variables: Shape = ("rows", spec.dimensions)
    inputs: Tensors = {
        "low": ("int64", variables), "known": ("bool", variables), "stage": ("int64", ("rows",)),
        "index": ("int64", ("rows", "count")),
    }  # fmt: skip
    outputs = {"log_probabilities": floats("rows", "count", spec.branching)}
    check_tensors(manifest.graphs, "network", inputs, outputs)


ANY_ORDER = Family(AnyOrderManifest, check_any_order)
