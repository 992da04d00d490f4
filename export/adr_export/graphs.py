"""The graphs of a bundle: modules with example arguments and the names of all that goes in and comes out.

Names, order and dynamic axes of inputs and outputs are fixed here and go into the manifest.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from adr_models import ADRModel
from adr_models.masked.model import MaskedADR
from adr_models.mixers.retention import Form
from adr_models.tokens.geometry import PictureTokens
from adr_models.tokens.patches import ImageTokens
from adr_models.tokens.vocoder import VocoderTokens
from adr_runtime.causal.checks import graphs_of
from torch import Tensor, nn

from adr_export.graph_modules import (
    DecodeGraph,
    EncodeGraph,
    HeadGraph,
    ParallelGraph,
    StepGraph,
    TimestepGraph,
)

Axes = dict[int, str]
# Draws a tensor of the shape that it is called with.
Normal = Callable[..., Tensor]


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


def state_axes(name: str) -> Axes:
    """Dynamic axes of a state: its rows, and the length of a key/value cache."""
    return {0: "rows", 2: "past"} if name.endswith((".key", ".value")) else {0: "rows"}


def build_graphs(model: ADRModel, form: Form) -> list[Graph]:
    """Every graph that generating and prompts take, with example arguments whose dynamic sizes are all different and
    above 1; prompts of pictures are short, and a vocoder's tokens are not made by a graph."""
    normal = normal_values(model.backbone.start.dtype)
    needed, optional = graphs_of("image" if isinstance(model.tokens, PictureTokens) else "audio")
    wanted = needed if isinstance(model.tokens, PictureTokens | VocoderTokens) else needed + optional
    graphs = [
        *backbone_graphs(model, form, normal, rows=4, length=6),
        *head_graphs(model, normal, steps=5, guides=2, batch=3),
        *signal_graphs(model, normal, rows=4),
    ]
    return [graph for graph in graphs if graph.name in wanted]


def normal_values(dtype: torch.dtype) -> Normal:
    """Draws the same numbers for everybody who draws the same shapes."""
    generator = torch.Generator().manual_seed(0)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=dtype)

    return normal


def backbone_graphs(model: ADRModel, form: Form, normal: Normal, rows: int, length: int) -> list[Graph]:
    """step and parallel, which read and write the backbone's state."""
    channels = model.tokens.channels
    names = {"label": model.config.labels, "speaker": model.config.speakers}
    conditioning = {what: torch.arange(rows) % (len(classes) + 1) for what, classes in names.items() if classes}
    # The null class of each control is among them.
    sizes = torch.tensor([classes + 1 for classes in model.config.controls.values()])
    told = torch.arange(rows * length).reshape(rows, length, 1) % sizes if len(sizes) else None
    at_once = {} if told is None else {"controls": told}
    one = {} if told is None else {"controls": told[:, 0]}
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
    common = {**{k: {0: "rows"} for k in (*conditioning, *one)}, **{f"past.{k}": state_axes(k) for k in state}}
    return [
        Graph(
            "step", StepGraph(model, form), {"token": normal(rows, channels), **conditioning, **one, **past},
            {"token": {0: "rows"}, **common}, {"condition": {0: "rows"}, **end, **present}, True,
        ),
        Graph(
            "parallel", ParallelGraph(model, "parallel" if form == "recurrent" else form),
            {"tokens": normal(rows, length, channels), **conditioning, **at_once, **past},
            {"tokens": {0: "rows", 1: "length"}, **common, **{k: {0: "rows", 1: "length"} for k in at_once}},
            {"conditions": {0: "rows", 1: "length"}, **present}, True,
        ),
    ]  # fmt: skip


def head_graphs(model: ADRModel | MaskedADR, normal: Normal, steps: int, guides: int, batch: int) -> list[Graph]:
    """timestep, and head with its loop over denoising steps."""
    channels, of_condition = model.tokens.channels, model.condition_width
    of_time = model.head.time_modulation(torch.arange(steps)).shape[-1]
    end_timestep = {"arrival": torch.arange(steps).flip(0)} if model.config.head.jump else {}
    return [
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
                "clip": torch.tensor(8.0, dtype=model.head.input.weight.dtype),
            },
            {
                "condition": {0: "guides", 1: "batch"}, "mix": {0: "guides", 1: "batch"},
                "modulation": {0: "steps"}, "coefficients": {0: "steps"}, "initial": {0: "batch"},
                "noise": {0: "steps", 1: "batch"}, "clip": {},
            },
            {"token": {0: "batch"}},
        ),
    ]  # fmt: skip


def rename_past(axes: Axes) -> Axes:
    """A cache's outputs are longer than its inputs, so their axis has another name."""
    return {k: "total" if v == "past" else v for k, v in axes.items()}


def signal_graphs(model: ADRModel | MaskedADR, normal: Normal, rows: int) -> list[Graph]:
    """decode and encode, whose axes depend on the token geometry."""
    codec, channels = model.tokens, model.tokens.channels
    overlap = {k: normal(rows, *v.shape[1:]) for k, v in codec.initial_state(rows).items()}
    states = {f"past.{k}": {0: "rows"} for k in overlap}
    past = {f"past.{k}": v for k, v in overlap.items()}
    if isinstance(codec, PictureTokens):
        config, count = codec.config, codec.length
        # The top of a picture is its first patches; a pyramid wants all of it.
        part = isinstance(codec, ImageTokens)
        picture = normal(rows, config.height, config.width, config.channels)
        return [
            Graph(
                "decode", DecodeGraph(model), {"tokens": normal(rows, count, channels)},
                {"tokens": {0: "rows"}}, {"pixels": {0: "rows"}}, True,
            ),
            Graph(
                "encode", EncodeGraph(model), {"pixels": picture},
                {"pixels": {0: "rows", 1: "height"} if part else {0: "rows"}},
                {"tokens": {0: "rows", 1: "length"} if part else {0: "rows"}},
            ),
        ]  # fmt: skip
    decode = Graph(
        "decode", DecodeGraph(model), {"tokens": normal(rows, 6, channels), **past},
        {"tokens": {0: "rows", 1: "length"}, **states},
        {"samples": {0: "rows", 1: "samples"}, **{f"present.{k}": {0: "rows"} for k in overlap}}, True,
    )  # fmt: skip
    if isinstance(codec, VocoderTokens):
        return [decode]
    return [
        decode,
        Graph(
            "encode", EncodeGraph(model), {"samples": normal(rows, 6 * codec.hop)},
            {"samples": {0: "rows", 1: "samples"}}, {"tokens": {0: "rows", 1: "length"}},
        ),
    ]  # fmt: skip
