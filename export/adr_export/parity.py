"""Proof that a bundle's graphs compute what PyTorch computes, before anyone sees the bundle.

Every graph runs in ONNX Runtime (CPU) on the same inputs as PyTorch in float32 and in float64; the parallel graph, or
PyTorch where a bundle has none, is held against the step graph from a non-zero state; and the step graph is held
against float64 at position 1,000,000.
Errors are relative: the largest difference over the largest magnitude of the reference.
"""

import copy
from collections.abc import Iterable, Mapping

import numpy as np
import onnxruntime
import torch
from adr_models import ADRModel
from adr_models.masked.model import MaskedADR
from adr_runtime.causal.samplers import coefficients
from adr_runtime.errors import ADRError
from torch import Tensor

from adr_export.graph_modules import ParallelGraph
from adr_export.graphs import Graph, build_graphs

TOLERANCE = 1e-4
FAR = 1_000_000


def relative_error(actual: np.ndarray, reference: np.ndarray) -> float:
    """max |actual - reference| / max |reference|; infinite where either is not finite or the shapes differ."""
    if actual.shape != reference.shape or not (np.isfinite(actual).all() and np.isfinite(reference).all()):
        return float("inf")
    scale = np.abs(reference).max(initial=0.0)
    return float(np.abs(actual.astype(np.float64) - reference).max(initial=0.0) / max(scale, 1e-12))


def open_session(data: bytes) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 3
    return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])


def run_torch(graph: Graph, arguments: Mapping[str, Tensor]) -> dict[str, np.ndarray]:
    with torch.no_grad():
        outputs = graph.run(arguments)
    return {name: value.numpy() for name, value in zip(graph.outputs, outputs, strict=True)}


def widen(arguments: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {k: v.double() if v.is_floating_point() else v for k, v in arguments.items()}


class Checker:
    """Collects errors by name and raises at the first above tolerance, naming tensor, error and references."""

    def __init__(self, tolerance: float = TOLERANCE):
        self.tolerance, self.errors = tolerance, dict[str, float]()

    def compare(self, what: str, actual: Mapping[str, np.ndarray], reference: Mapping[str, np.ndarray]) -> None:
        for tensor, expected in reference.items():
            error = relative_error(actual[tensor], expected)
            self.errors[what] = max(self.errors.get(what, 0.0), error)
            if not error <= self.tolerance:
                raise ADRError(
                    f"{what}: tensor {tensor!r} differs by {error:.1e} relative (tolerance {self.tolerance:.0e}); "
                    "nothing was written",
                )


def check_parity(model: ADRModel, files: Mapping[str, bytes], tolerance: float = TOLERANCE) -> dict[str, float]:
    """Relative errors by name, for the manifest. Raises ExportError where one is over `tolerance`."""
    sessions = {name: open_session(data) for name, data in files.items()}
    single = {g.name: g for g in build_graphs(model, "recurrent")}
    double = {g.name: g for g in build_graphs(copy.deepcopy(model).double(), "recurrent")}
    checker = Checker(tolerance)
    compare_graphs(sessions, single.values(), double.values(), sampler_arguments(model), checker)
    check_sequences(model, sessions, checker)
    check_far_position(single["step"], double["step"], sessions["step"], checker)
    return {name: float(f"{error:.2e}") for name, error in checker.errors.items()}


def compare_graphs(
    sessions: Mapping[str, onnxruntime.InferenceSession], single: Iterable[Graph], double: Iterable[Graph],
    of_head: Mapping[str, Tensor], checker: Checker,
) -> None:  # fmt: skip
    """Each graph in ONNX Runtime against PyTorch in float32 and in float64, the head's with some of its arguments."""
    for graph, wide in zip(single, double, strict=True):
        arguments = {**graph.arguments, **(of_head if graph.name == "head" else {})}
        actual = run_onnx(sessions[graph.name], arguments)
        checker.compare(f"{graph.name} against float32", actual, run_torch(graph, arguments))
        checker.compare(f"{graph.name} against float64", actual, run_torch(wide, widen(arguments)))


def run_onnx(session: onnxruntime.InferenceSession, arguments: Mapping[str, Tensor]) -> dict[str, np.ndarray]:
    names = [output.name for output in session.get_outputs()]
    feed = {name: value.detach().numpy() for name, value in arguments.items()}
    return dict(zip(names, session.run(names, feed), strict=True))


def sampler_arguments(model: ADRModel | MaskedADR) -> dict[str, Tensor]:
    """The table and modulation of a real sampler: 25 steps of DDPM."""
    schedule = model.schedule
    timestep, table = coefficients(
        schedule.betas.numpy(), schedule.config.prediction, schedule.config.learned_variance, "ddpm", 25, 1.0
    )
    generator = torch.Generator().manual_seed(1)
    noise = torch.randn(len(timestep), 3, model.tokens.channels, generator=generator)
    with torch.no_grad():
        modulation = model.head.time_modulation(torch.from_numpy(timestep))
    return {"modulation": modulation, "coefficients": torch.from_numpy(table), "noise": noise}


def check_sequences(model: ADRModel, sessions: Mapping[str, onnxruntime.InferenceSession], checker: Checker) -> None:
    """Parallel, in ONNX Runtime or in PyTorch, against step in ONNX Runtime: 512 tokens from the state that 37 tokens
    left, and 4,096 from zero."""
    generator = torch.Generator().manual_seed(2)
    for warm, length in ((37, 512), (0, 4096)):
        state = {f"past.{k}": v.numpy() for k, v in model.backbone.initial_state(1).items()}
        names = {"label": model.config.labels, "speaker": model.config.speakers}
        conditioning = {what: np.zeros(1, np.int64) for what, classes in names.items() if classes}
        tokens = torch.randn(1, warm + length, model.tokens.channels, generator=generator).numpy()
        sizes = np.array([classes + 1 for classes in model.config.controls.values()], np.int64)
        told = {"controls": np.arange(warm + length)[None, :, None] % sizes} if len(sizes) else {}
        feeds = [
            {"token": tokens[:, n], **conditioning, **{k: v[:, n] for k, v in told.items()}}
            for n in range(warm + length)
        ]
        for feed in feeds[:warm]:
            _, state = advance(sessions["step"], {**feed, **state})
        rest = {"tokens": tokens[:, warm:], **conditioning, **{k: v[:, warm:] for k, v in told.items()}, **state}
        given = "parallel" in sessions
        whole, after = advance(sessions["parallel"], rest) if given else advance_torch(model, rest)
        steps = []
        for feed in feeds[warm:]:
            condition, state = advance(sessions["step"], {**feed, **state})
            steps.append(condition)
        actual, reference = {"conditions": whole, **after}, {"conditions": np.stack(steps, 1), **state}
        what = "parallel" if given else "PyTorch in chunks"
        checker.compare(f"{what} against step, {length} tokens", actual, reference)


def advance(
    session: onnxruntime.InferenceSession, feed: dict[str, np.ndarray]
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """One run: the condition(s), and the present state under its past names."""
    names = [output.name for output in session.get_outputs()]
    values = session.run(names, feed)
    present = {name: value for name, value in zip(names, values, strict=True) if name.startswith("present.")}
    past = {name.replace("present.", "past.", 1): value for name, value in present.items()}
    return values[0], past


def advance_torch(model: ADRModel, feed: dict[str, np.ndarray]) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """As `advance` by a parallel graph that gets this feed, in chunks, as long sequences are trained."""
    module, names = ParallelGraph(model, "chunkwise"), [f"past.{name}" for name in model.backbone.initial_state(1)]
    with torch.no_grad():
        conditions, *present = module(*map(torch.from_numpy, feed.values()))
    return conditions.numpy(), {name: value.numpy() for name, value in zip(names, present, strict=True)}


def check_far_position(single: Graph, double: Graph, session: onnxruntime.InferenceSession, checker: Checker) -> None:
    arguments = dict(single.arguments)
    arguments["past.position"] = torch.full_like(arguments["past.position"], FAR)
    reference = run_torch(double, widen(arguments))
    checker.compare(f"step at position {FAR:,} against float64", run_onnx(session, arguments), reference)
