"""A checkpoint of an any-order model -> its bundle: one graph, `network.onnx`, with the losses that budgets follow."""

import copy
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from adr_models.any_order.ardm import ARDM
from adr_runtime.any_order.manifest import ANY_ORDER, AnyOrderManifest, read_defaults
from adr_runtime.any_order.policy import split_budget
from adr_runtime.any_order.variables import VariablesSpec
from adr_runtime.bundles.manifest import parse_manifest
from adr_runtime.errors import ADRError
from torch import Tensor, nn

from adr_export.bundle_writer import About, describe_graph, write_folder
from adr_export.errors import ExportError
from adr_export.graphs import Graph
from adr_export.onnx_writer import least_onnxruntime, round_weights, write_onnx
from adr_export.parity import TOLERANCE, open_session, run_onnx

# Budgets whose policies are planned once and kept in the manifest; the runtime plans others when they are asked for.
BUDGETS = (4, 8, 10, 16, 20, 25, 32, 50, 64, 100, 128, 200, 250)
STATES_SEEN = (0.0, 0.5, 0.95)


class NetworkGraph(nn.Module):
    def __init__(self, model: ARDM):
        super().__init__()
        self.model = model

    def forward(self, low: Tensor, known: Tensor, stage: Tensor, index: Tensor) -> Tensor:
        log_probabilities: Tensor = self.model(low, known, stage, index)
        return log_probabilities


def network_graph(model: ARDM, part: float = 0.5, stage: int = 0, rows: int = 3, count: int = 5) -> Graph:
    """The graph with inputs in which `part` of the variables are known."""
    config, generator = model.config, torch.Generator().manual_seed(int(part * 100) + stage)
    shape = (rows, config.dimensions)
    values = torch.randint(config.levels, shape, generator=generator)
    known = torch.rand(shape, generator=generator) < part
    wide, narrow = model.upscaling.width(stage), model.upscaling.width(stage + 1)
    low = torch.where(known, values // narrow * narrow, values // wide * wide)
    arguments = {
        "low": low, "known": known, "stage": torch.full((rows,), stage),
        "index": torch.randint(config.dimensions, (rows, count), generator=generator),
    }  # fmt: skip
    axes = {"low": {0: "rows"}, "known": {0: "rows"}, "stage": {0: "rows"}, "index": {0: "rows", 1: "count"}}
    return Graph("network", NetworkGraph(model), arguments, axes, {"log_probabilities": {0: "rows", 1: "count"}})


def check_network(model: ARDM, data: bytes) -> dict[str, float]:
    """ONNX Runtime against PyTorch in float32 and float64: every stage, with none, half and nearly all variables known.

    The error is what it costs: the Kullback-Leibler divergence in bits, the mean over variables. Relative errors of the
    probabilities themselves say little: a logistic a ninth of a level wide turns the last digit of its mean into the
    fourth of theirs.
    """
    session, errors = open_session(data), {"float32": 0.0, "float64": 0.0}
    references = {"float32": model, "float64": copy.deepcopy(model).double()}
    for stage in range(model.upscaling.stages):
        for part in STATES_SEEN:
            graph = network_graph(model, part, stage, rows=2, count=16)
            log_p = run_onnx(session, graph.arguments)["log_probabilities"].astype(np.float64)
            for kind, reference in references.items():
                with torch.no_grad():
                    expected = reference(*graph.arguments.values()).double().numpy()
                if log_p.shape != expected.shape or not (
                    np.isfinite(log_p).all() and np.abs(np.exp(log_p).sum(-1) - 1).max() < 1e-3
                ):
                    raise ADRError("network: what it says are no probabilities; nothing was written")
                bits = (np.exp(expected) * (expected - log_p)).sum(-1).mean() / np.log(2)
                errors[kind] = max(errors[kind], abs(float(bits)))
                if not errors[kind] <= TOLERANCE:
                    raise ADRError(
                        f"network: differs from {kind} by {bits:.1e} bits a variable (tolerance {TOLERANCE:.0e}); "
                        "nothing was written",
                    )
    return {f"network against {kind}, bits a variable": float(f"{error:.2e}") for kind, error in errors.items()}


def slope_steps(losses: np.ndarray) -> np.ndarray:
    """The stairs of an isotonic fit as straight lines through the middles of its treads, so that budgets larger than
    the number of treads are still spent where the loss falls: float (D,) -> float64 (D,), not rising."""
    edges = np.flatnonzero(np.diff(losses)) + 1
    starts, ends = np.append(0, edges), np.append(edges, len(losses))
    return np.asarray(np.interp(np.arange(len(losses)), (starts + ends - 1) / 2, losses[starts]))


def write_any_order(
    model: ARDM, about: About, out: Path, dialect: str, half: bool, overwrite: bool,
    tell: Callable[[str], None] = lambda line: None,
) -> AnyOrderManifest:  # fmt: skip
    """As `bundle_writer.write_bundle`. Both dialects hold standard operators only; they differ in the opset."""
    if out.exists() and not overwrite:
        raise ExportError(f"{out} exists; choose another folder or add --overwrite")
    config, stages = model.config, model.upscaling.stages
    defaults = read_defaults(about["defaults"], stages, config.dimensions)
    if not model.step_loss.any():
        raise ExportError(f"{about['name']}: the checkpoint holds no measured losses to plan budgets from")
    if half:
        round_weights(model)
    tell("exporting network.onnx")
    graph = network_graph(model)
    data = write_onnx(graph, dialect)
    tell("checking parity")
    parity = check_network(model, data)
    step_loss = tuple(tuple(slope_steps(stage.numpy()).round(4).tolist()) for stage in model.step_loss)
    most = config.dimensions * stages
    tell("planning budgets")
    planned = [k for k in {*BUDGETS, defaults.steps} if stages <= k < most]
    spec = VariablesSpec(
        config.kind, tuple(config.shape), config.levels, config.branching, stages, config.colour,
        config.alphabet, config.sample_rate,
    )  # fmt: skip
    manifest = AnyOrderManifest(
        schema_version=1, family="ardm", kind=config.kind, name=about["name"], description=about["description"],
        dialect=dialect, graphs={"network": describe_graph(graph, data)}, variables=spec, step_loss=step_loss,
        policies={str(k): split_budget(step_loss, k) for k in sorted(planned)},
        defaults=defaults, licence=about["licence"], data=about["source"],
        training={**about["training"], "onnxruntime": onnxruntime.__version__}, quality={}, parity=dict(parity),
        onnxruntime=least_onnxruntime({"network": data}, dialect),
    )  # fmt: skip
    checked = parse_manifest(manifest.to_json(), {"ardm": ANY_ORDER})
    assert isinstance(checked, AnyOrderManifest)
    write_folder(out, {"network": data}, checked)
    return checked
