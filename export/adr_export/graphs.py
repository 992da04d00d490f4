"""The graphs of a bundle as PyTorch modules: a model's parts with every state an explicit, named tensor.

Names, order and dynamic axes of inputs and outputs are fixed here and go into the manifest.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from adr_models import ADRModel
from adr_models.causal.backbone import State
from adr_models.causal.generate import denoise_step
from adr_models.mixers.retention import Form
from adr_models.tokens.patches import ImageTokens
from torch import Tensor, nn
from torch._higher_order_ops.scan import scan

Axes = dict[int, str]


@dataclass
class Graph:
    """One graph to export: example arguments and, for each input and output, its name and dynamic axes.

    `variadic`: all arguments but the first reach the module's forward as *args.
    """

    name: str
    module: nn.Module
    arguments: dict[str, Tensor]
    axes: dict[str, Axes]
    outputs: dict[str, Axes]
    variadic: bool = False

    def run(self, arguments: Mapping[str, Tensor]) -> tuple[Tensor, ...]:
        """The module's outputs, in PyTorch."""
        outputs = self.module(*arguments.values())
        return outputs if isinstance(outputs, tuple) else (outputs,)


class StepGraph(nn.Module):
    def __init__(self, model: ADRModel, form: Form):
        super().__init__()
        self.backbone, self.form = model.backbone, form
        self.conditioning = [what for what in ("label", "speaker") if getattr(model.config, f"{what}s")]

    def split(self, rest: tuple[Tensor, ...]) -> tuple[tuple[Tensor | None, Tensor | None], State]:
        """Label and speaker, None where the model has none, and the states by name."""
        count = len(self.conditioning)
        conditioning = dict(zip(self.conditioning, rest[:count], strict=True))
        state = dict(zip(self.backbone.initial_state(1), rest[count:], strict=True))
        return (conditioning.get("label"), conditioning.get("speaker")), state

    def forward(self, token: Tensor, *rest: Tensor) -> tuple[Tensor, ...]:
        (label, speaker), past = self.split(rest)
        condition, present = self.backbone.step(token, label, past, self.form, speaker)
        end = () if self.backbone.end is None else (self.backbone.ended(condition),)
        return condition, *end, *present.values()


class ParallelGraph(StepGraph):
    def forward(self, tokens: Tensor, *rest: Tensor) -> tuple[Tensor, ...]:
        (label, speaker), past = self.split(rest)
        conditions, present = self.backbone(tokens, label, past, self.form, speaker)
        assert present is not None
        return conditions, *present.values()


class TimestepGraph(nn.Module):
    def __init__(self, model: ADRModel):
        super().__init__()
        self.head = model.head

    def forward(self, timestep: Tensor, *end_timestep: Tensor) -> Tensor:
        return self.head.time_modulation(timestep, *end_timestep)


class HeadGraph(nn.Module):
    """`adr_models.causal.generate.denoise` with its loop as an ONNX Scan."""

    def __init__(self, model: ADRModel):
        super().__init__()
        self.head = model.head

    def forward(
        self, condition: Tensor, mix: Tensor, modulation: Tensor, coefficients: Tensor, initial: Tensor,
        noise: Tensor, sample_range: Tensor,
    ) -> Tensor:  # fmt: skip
        of_condition = self.head.condition_modulation(condition)

        def body(carry: tuple[Tensor, Tensor], row: tuple[Tensor, Tensor, Tensor]):
            x, before = denoise_step(self.head, *carry, row[0], row[2], row[1], of_condition, mix, sample_range)
            # Scan wants an output for every step; nothing reads this one.
            return (x, before), x[:, :1].clone()

        (token, _), _ = scan(body, (initial, torch.zeros_like(initial)), (coefficients, modulation, noise))
        return token


class DecodeGraph(nn.Module):
    def __init__(self, model: ADRModel):
        super().__init__()
        self.tokens = model.tokens

    def forward(self, tokens: Tensor, *past: Tensor) -> tuple[Tensor, ...]:
        state = dict(zip(self.tokens.initial_state(1), past, strict=True))
        signal, present = self.tokens.decode(tokens, state)
        return signal, *present.values()


class EncodeGraph(nn.Module):
    def __init__(self, model: ADRModel):
        super().__init__()
        self.tokens = model.tokens

    def forward(self, signal: Tensor) -> Tensor:
        return self.tokens.encode(signal)


def state_axes(name: str) -> Axes:
    """Dynamic axes of a state: its rows, and the length of a key/value cache."""
    return {0: "rows", 2: "past"} if name.endswith((".key", ".value")) else {0: "rows"}


def build_graphs(model: ADRModel, form: Form) -> list[Graph]:
    """Every graph of a bundle, with example arguments whose dynamic sizes are all different and above 1."""
    generator = torch.Generator().manual_seed(0)
    dtype = model.backbone.start.dtype

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=dtype)

    channels, condition = model.tokens.channels, model.config.backbone.retention.width
    rows, length, steps, guides, batch = 4, 6, 5, 2, 3
    names = {"label": model.config.labels, "speaker": model.config.speakers}
    conditioning = {what: torch.arange(rows) % (len(classes) + 1) for what, classes in names.items() if classes}
    end = {} if model.backbone.end is None else {"end": {0: "rows"}}
    state = model.backbone.initial_state(rows)
    cache = 7 if model.config.backbone.mixer == "softmax" else 0
    for name, value in state.items():
        shape = list(value.shape)
        if name.endswith((".key", ".value")):
            shape[2] = cache
        state[name] = normal(*shape) if value.is_floating_point() else torch.full_like(value, cache or 3)
    past = {f"past.{k}": v for k, v in state.items()}
    present = {f"present.{k}": rename_past(state_axes(k)) for k in state}
    common = {**{k: {0: "rows"} for k in conditioning}, **{f"past.{k}": state_axes(k) for k in state}}
    of_time, of_condition = model.head.time_modulation(torch.arange(steps)).shape[-1], condition
    end_timestep = {"arrival": torch.arange(steps).flip(0)} if model.config.head.jump else {}
    graphs = [
        Graph(
            "step", StepGraph(model, form), {"token": normal(rows, channels), **conditioning, **past},
            {"token": {0: "rows"}, **common}, {"condition": {0: "rows"}, **end, **present}, True,
        ),
        Graph(
            "parallel", ParallelGraph(model, "parallel" if form == "recurrent" else form),
            {"tokens": normal(rows, length, channels), **conditioning, **past},
            {"tokens": {0: "rows", 1: "length"}, **common},
            {"conditions": {0: "rows", 1: "length"}, **present}, True,
        ),
        Graph(
            "timestep", TimestepGraph(model), {"timestep": torch.arange(steps), **end_timestep},
            {"timestep": {0: "steps"}, **{k: {0: "steps"} for k in end_timestep}}, {"modulation": {0: "steps"}}, True,
        ),
        Graph(
            "head", HeadGraph(model),
            {
                "condition": normal(guides, batch, of_condition), "mix": normal(guides, batch),
                "modulation": normal(steps, of_time), "coefficients": normal(steps, 7),
                "initial": normal(batch, channels), "noise": normal(steps, batch, channels),
                "clip": torch.tensor(8.0, dtype=dtype),
            },
            {
                "condition": {0: "guides", 1: "batch"}, "mix": {0: "guides", 1: "batch"},
                "modulation": {0: "steps"}, "coefficients": {0: "steps"}, "initial": {0: "batch"},
                "noise": {0: "steps", 1: "batch"}, "clip": {},
            },
            {"token": {0: "batch"}},
        ),
    ]  # fmt: skip
    return graphs + signal_graphs(model, rows, normal)


def rename_past(axes: Axes) -> Axes:
    """A cache's outputs are longer than its inputs, so their axis has another name."""
    return {k: "total" if v == "past" else v for k, v in axes.items()}


def signal_graphs(model: ADRModel, rows: int, normal: Any) -> list[Graph]:
    """decode and encode, whose axes depend on the token geometry."""
    codec, channels = model.tokens, model.tokens.channels
    overlap = {k: normal(rows, *v.shape[1:]) for k, v in codec.initial_state(rows).items()}
    states = {f"past.{k}": {0: "rows"} for k in overlap}
    past = {f"past.{k}": v for k, v in overlap.items()}
    if isinstance(codec, ImageTokens):
        config, count = codec.config, codec.grid[0] * codec.grid[1]
        picture = normal(rows, config.height, config.width, config.channels)
        return [
            Graph(
                "decode", DecodeGraph(model), {"tokens": normal(rows, count, channels)},
                {"tokens": {0: "rows"}}, {"pixels": {0: "rows"}}, True,
            ),
            Graph(
                "encode", EncodeGraph(model), {"pixels": picture}, {"pixels": {0: "rows", 1: "height"}},
                {"tokens": {0: "rows", 1: "length"}},
            ),
        ]  # fmt: skip
    return [
        Graph(
            "decode", DecodeGraph(model), {"tokens": normal(rows, 6, channels), **past},
            {"tokens": {0: "rows", 1: "length"}, **states},
            {"samples": {0: "rows", 1: "samples"}, **{f"present.{k}": {0: "rows"} for k in overlap}}, True,
        ),
        Graph(
            "encode", EncodeGraph(model), {"samples": normal(rows, 6 * codec.hop)},
            {"samples": {0: "rows", 1: "samples"}}, {"tokens": {0: "rows", 1: "length"}},
        ),
    ]  # fmt: skip
