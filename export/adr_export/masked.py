"""A checkpoint of a masked model -> its bundle: a network over known and unknown tokens, and the graphs of its head and
tokens as those of causal models."""

import copy
from collections.abc import Callable, Mapping
from pathlib import Path

import onnxruntime
import torch
from adr_models.masked.model import MaskedADR
from adr_runtime.bundles.manifest import parse_manifest
from adr_runtime.causal.manifest import ScheduleSpec, TokenSpec
from adr_runtime.masked.manifest import MASKED, MaskedManifest, read_masked_defaults
from adr_runtime.masked.order import least_calls
from torch import Tensor, nn

from adr_export.bundle_writer import About, describe_graph, describe_image, write_folder
from adr_export.errors import ExportError
from adr_export.graphs import Graph, head_graphs, normal_values, signal_graphs
from adr_export.onnx_writer import least_onnxruntime, round_weights, write_onnx
from adr_export.parity import Checker, compare_graphs, open_session, run_onnx, run_torch, sampler_arguments, widen

# The parts of the tokens that are known where the network is compared.
STATES_SEEN = (0.0, 0.5, 0.95)


class NetworkGraph(nn.Module):
    def __init__(self, model: MaskedADR):
        super().__init__()
        self.model = model

    def forward(self, tokens: Tensor, known: Tensor, label: Tensor | None = None) -> Tensor:
        conditions: Tensor = self.model(tokens, known, label)
        return conditions


def network_graph(model: MaskedADR, part: float = 0.5, rows: int = 4) -> Graph:
    """The graph with inputs in which `part` of the tokens are known."""
    normal, (length, channels) = normal_values(model.unknown.dtype), (model.tokens.length, model.tokens.channels)
    known = torch.rand(rows, length, generator=torch.Generator().manual_seed(int(part * 100))) < part
    classes = len(model.config.labels)
    label = {"label": torch.arange(rows) % (classes + 1)} if classes else {}
    arguments = {"tokens": normal(rows, length, channels), "known": known, **label}
    axes = {name: {0: "rows"} for name in arguments}
    return Graph("network", NetworkGraph(model), arguments, axes, {"conditions": {0: "rows"}})


def masked_graphs(model: MaskedADR) -> list[Graph]:
    """Every graph of a bundle, with example arguments whose dynamic sizes are all different and above 1."""
    normal = normal_values(model.unknown.dtype)
    return [
        network_graph(model), *head_graphs(model, normal, steps=5, guides=2, batch=3),
        *signal_graphs(model, normal, rows=4),
    ]  # fmt: skip


def check_masked(model: MaskedADR, files: Mapping[str, bytes]) -> dict[str, float]:
    """Relative errors by name, for the manifest: each graph in ONNX Runtime against PyTorch in float32 and float64, the
    network with none, half and nearly all tokens known. Raises ADRError where one is over the tolerance."""
    sessions = {name: open_session(data) for name, data in files.items()}
    double, checker = copy.deepcopy(model).double(), Checker()
    compare_graphs(sessions, masked_graphs(model), masked_graphs(double), sampler_arguments(model), checker)
    for part in STATES_SEEN:
        graph, wide = network_graph(model, part), network_graph(double, part)
        actual = run_onnx(sessions["network"], graph.arguments)
        checker.compare("network against float32", actual, run_torch(graph, graph.arguments))
        checker.compare("network against float64", actual, run_torch(wide, widen(graph.arguments)))
    return {name: float(f"{error:.2e}") for name, error in checker.errors.items()}


def write_masked(
    model: MaskedADR, about: About, out: Path, dialect: str, half: bool, overwrite: bool,
    tell: Callable[[str], None] = lambda line: None,
) -> MaskedManifest:  # fmt: skip
    """As `bundle_writer.write_bundle`. Both dialects hold standard operators only; they differ in the opset."""
    if out.exists() and not overwrite:
        raise ExportError(f"{out} exists; choose another folder or add --overwrite")
    config, length = model.config, model.tokens.length
    least = least_calls(config.masks.orders[0], config.pyramid.levels)
    defaults = read_masked_defaults(about["defaults"], config.schedule.timesteps, length, least)
    if half:
        round_weights(model)
    graphs, files = masked_graphs(model), dict[str, bytes]()
    for graph in graphs:
        tell(f"exporting {graph.name}.onnx")
        files[graph.name] = write_onnx(graph, dialect)
    tell("checking parity")
    parity = check_masked(model, files)
    schedule = config.schedule
    manifest = MaskedManifest(
        schema_version=1, family="masked", kind="image", name=about["name"], description=about["description"],
        dialect=dialect, graphs={graph.name: describe_graph(graph, files[graph.name]) for graph in graphs},
        tokens=TokenSpec(model.tokens.geometry, model.tokens.channels, model.condition_width, model.tokens.length),
        schedule=ScheduleSpec(
            tuple(model.schedule.betas.tolist()), schedule.prediction, schedule.learned_variance, about["clip"]
        ),
        orders=config.masks.orders, labels=tuple(config.labels), image=describe_image(model.tokens), defaults=defaults,
        licence=about["licence"], data=about["source"],
        training={**about["training"], "onnxruntime": onnxruntime.__version__}, quality={}, parity=dict(parity),
        onnxruntime=least_onnxruntime(files, dialect),
    )  # fmt: skip
    checked = parse_manifest(manifest.to_json(), {"masked": MASKED})
    assert isinstance(checked, MaskedManifest)
    write_folder(out, files, checked)
    return checked
