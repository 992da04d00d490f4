"""Network calls and seconds for a sample at each budget, beside the causal baseline, in one run on one thread.

    python bench/any_order.py pictures --causal runs/cifar10-causal --budgets 20,50,250

The baseline runs its recurrent step as an ONNX graph too, one call a token; its states go from call to call. Medians of
several rounds that take turns.
"""

import argparse
import statistics
import time
from pathlib import Path

import adr_runtime
import numpy as np
import torch
from adr_export.graphs import Graph, state_axes
from adr_export.onnx_writer import write_onnx
from adr_models.any_order.baseline import Causal, CausalConfig
from adr_models.checkpoint import find_checkpoint, read_config, read_tensors
from adr_runtime.any_order.config import AnyOrderConfig
from adr_runtime.inference.session import Session
from torch import Tensor, nn


class StepGraph(nn.Module):
    def __init__(self, model: Causal):
        super().__init__()
        self.model = model

    def forward(self, before: Tensor, *past: Tensor) -> tuple[Tensor, ...]:
        state = dict(zip(self.model.backbone.initial_state(1), past, strict=True))
        out, present = self.model.step(before, state, "operator")
        return out, *present.values()


def causal_session(folder: Path) -> tuple[Causal, Session, dict[str, np.ndarray]]:
    found = find_checkpoint(folder)
    model = Causal(CausalConfig.from_dict(read_config(found).model))
    model.load_state_dict(read_tensors(found / "model.safetensors"))
    state = {f"past.{k}": v for k, v in model.eval().backbone.initial_state(2).items()}
    features = model.backbone.config.channels
    axes = {k: {0: "rows", **state_axes(k.removeprefix("past."))} for k in state}
    graph = Graph(
        "step", StepGraph(model), {"before": torch.randn(2, features), **state}, {"before": {0: "rows"}, **axes},
        {"out": {0: "rows"}, **{k.replace("past", "present"): v for k, v in axes.items()}}, True,
    )  # fmt: skip
    session = Session(write_onnx(graph, "linear-attention"), "step", "cpu", 1)
    return model, session, {k: v.numpy() for k, v in state.items()}


def sample_causal(model: Causal, session: Session, state: dict[str, np.ndarray], rows: int) -> int:
    """One sequence a row; the distribution's parameters become a value as cheaply as may be, by its mode."""
    state = {k: np.repeat(v[:1], rows, 0) for k, v in state.items()}
    tokens = model.config.dimensions // model.channels
    before = np.zeros((rows, model.backbone.config.channels), np.float32)
    for _ in range(tokens):
        outputs = session.run({"before": before, **state})
        state = {k.replace("present", "past"): v for k, v in outputs.items() if k.startswith("present")}
        if model.config.output == "softmax":
            before = np.eye(model.config.levels, dtype=np.float32)[outputs["out"].argmax(-1)]
        else:
            before = np.tanh(outputs["out"][:, : model.channels])
    return tokens


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("bundle")
    arguments.add_argument("--causal", type=Path, required=True)
    arguments.add_argument("--budgets", default="20,50,250")
    arguments.add_argument("--rows", type=int, default=1)
    arguments.add_argument("--rounds", type=int, default=3)
    given = arguments.parse_args()
    model = adr_runtime.AnyOrderModel.load(given.bundle, "cpu")
    baseline, session, state = causal_session(given.causal)
    budgets = [int(k) for k in given.budgets.split(",")]
    nothing = np.zeros(model.variables.dimensions, bool)
    times: dict[str, list[float]] = {}
    calls: dict[str, int] = {}
    for _ in range(given.rounds):
        for budget in budgets:
            settings = AnyOrderConfig(steps=budget, seed=0).resolve(model.manifest)
            started = time.perf_counter()
            model.sample(np.zeros((given.rows, len(nothing)), np.int64), nothing, ~nothing, settings, settings.seed)
            times.setdefault(f"any order, {budget}", []).append(time.perf_counter() - started)
            calls[f"any order, {budget}"] = settings.calls
        started = time.perf_counter()
        calls["causal"] = sample_causal(baseline, session, state, given.rows)
        times.setdefault("causal", []).append(time.perf_counter() - started)
    reference = statistics.median(times["causal"])
    print(f"{given.rows} row(s), {model.name} beside {given.causal.name}, medians of {given.rounds} rounds")
    for name, seconds in times.items():
        median = statistics.median(seconds)
        print(f"{name:20s} {calls[name]:6d} calls  {median:8.3f} s  {median / reference:6.2f} x causal")


if __name__ == "__main__":
    main()
