"""manifest.json of an any-order model (family "ardm"): one graph, its variables, and the losses that budgets follow."""

import json
import math
from dataclasses import asdict, dataclass

from adr_runtime.interfaces import check_network
from adr_runtime.manifest import SCHEMA_VERSION, Flat, GraphSpec, Rule, check_graph, enforce, runtime_rule
from adr_runtime.strict_json import refuse
from adr_runtime.variables import COLOURS, KINDS, VariablesSpec

LARGEST = 1 << 16


@dataclass(frozen=True)
class AnyOrderDefaults:
    """Network calls of a generation, and how many are made when nobody says."""

    steps: int
    count: int


@dataclass(frozen=True)
class AnyOrderManifest:
    """`step_loss` (stages, D) in bits: what a variable costs when t are known. `policies` holds, for some budgets, how
    many variables each network call reveals, stage by stage; others are planned from `step_loss`."""

    schema_version: int
    family: str
    kind: str
    name: str
    description: str
    dialect: str
    graphs: dict[str, GraphSpec]
    variables: VariablesSpec
    step_loss: tuple[tuple[float, ...], ...]
    policies: dict[str, tuple[tuple[int, ...], ...]]
    defaults: AnyOrderDefaults
    licence: str
    data: str
    training: Flat
    quality: Flat
    parity: Flat

    labels: tuple[str, ...] = ()
    # As in `adr_runtime.manifest.Manifest`.
    onnxruntime: str = ""

    def to_json(self) -> str:
        values = asdict(self)
        values["step_loss"] = [[round(x, 4) for x in stage] for stage in self.step_loss]
        return json.dumps(values, indent=None, separators=(",", ":"), ensure_ascii=False) + "\n"


def check_any_order(manifest: AnyOrderManifest) -> None:
    """What the types cannot say. Raises ADRError that names the field."""
    spec, defaults, rate = manifest.variables, manifest.defaults, manifest.variables.sample_rate
    fits = len(spec.shape) == 3 and all(1 <= n <= LARGEST for n in spec.shape)
    dimensions = math.prod(spec.shape) if fits else 0
    rules: list[Rule] = [
        ("schema_version", manifest.schema_version, manifest.schema_version == SCHEMA_VERSION, str(SCHEMA_VERSION)),
        ("kind", manifest.kind, manifest.kind in KINDS and manifest.kind == spec.kind, " or ".join(KINDS)),
        ("labels", len(manifest.labels), not manifest.labels, "none"),
        runtime_rule(manifest.onnxruntime),
        ("graphs", sorted(manifest.graphs), sorted(manifest.graphs) == ["network"], "network"),
        ("variables.shape", list(spec.shape), 0 < dimensions <= LARGEST, f"3 sizes, product up to {LARGEST}"),
        ("variables.levels", spec.levels, 2 <= spec.levels <= 1 << 16, "2 to 65536"),
        ("variables.shape", list(spec.shape), spec.kind == "image" or spec.shape[::2] == (1, 1), "(1, length, 1)"),
        ("variables.levels", spec.levels, spec.kind != "sound" or spec.levels in (256, 65536), "256 or 65536 of sound"),
        ("variables.branching", spec.branching, 2 <= spec.branching <= 1 << 12, "2 to 4096"),
        ("variables.stages", spec.stages, 1 <= spec.stages <= 16, "1 to 16"),
        ("variables.colour", spec.colour, spec.colour in COLOURS, " or ".join(COLOURS)),
        ("variables.alphabet", spec.alphabet, fits_alphabet(spec), "distinct ASCII symbols, one a level"),
        ("variables.sample_rate", rate, (rate > 0) == (spec.kind == "sound"), "set for sound only"),
        ("step_loss", len(manifest.step_loss), len(manifest.step_loss) == spec.stages, f"{spec.stages} stages"),
        ("defaults.steps", defaults.steps, spec.stages <= defaults.steps <= spec.stages * dimensions, "a budget"),
        ("defaults.count", defaults.count, 1 <= defaults.count <= 4096, "1 to 4096"),
    ]  # fmt: skip
    enforce(rules)
    smallest = spec.width(1) < spec.levels <= spec.width(0)
    enforce([("variables.stages", spec.stages, smallest, f"as many as {spec.levels} levels take")])
    for stage, losses in enumerate(manifest.step_loss):
        if len(losses) != dimensions or not all(0 <= x < 1e3 for x in losses):
            refuse(f"step_loss[{stage}]", f"{dimensions} losses in bits, from 0 to 1000", len(losses))
    for budget, policy in manifest.policies.items():
        whole = len(policy) == spec.stages and all(sum(p) == dimensions and min(p, default=0) > 0 for p in policy)
        if not budget.isdigit() or not whole or sum(map(len, policy)) != int(budget):
            refuse(f"policies.{budget}", f"{spec.stages} lists of counts that add up to {dimensions}", "others")
    check_graph("graphs.network", manifest.graphs["network"])
    check_network(manifest)


def fits_alphabet(spec: VariablesSpec) -> bool:
    if not spec.alphabet:
        return True
    return spec.alphabet.isascii() and len(set(spec.alphabet)) == len(spec.alphabet) == spec.levels
