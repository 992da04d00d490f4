"""A checkpoint -> a bundle: graphs, parity check, manifest, card, all under a temporary name until it is right."""

import hashlib
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NotRequired, TypedDict

import onnxruntime
import torch
from adr_models import ADRModel
from adr_models.tokens.geometry import PictureTokens
from adr_models.tokens.pyramid import PyramidConfig
from adr_runtime.bundles.card import model_card
from adr_runtime.bundles.manifest import Manifest, parse_manifest
from adr_runtime.bundles.onnx_file import check_onnx
from adr_runtime.bundles.specs import FileSpec, GraphSpec, TensorSpec
from adr_runtime.causal.checks import CAUSAL, read_defaults
from adr_runtime.causal.manifest import (
    AudioSpec,
    CausalManifest,
    ControlSpec,
    Defaults,
    ImageSpec,
    ScheduleSpec,
    StateSpec,
    TokenSpec,
)
from adr_runtime.errors import ADRError
from adr_runtime.loading import FAMILIES
from adr_runtime.spoken_text.manifest import NESTED
from adr_runtime.terminal.interrupts import held

from adr_export.errors import ExportError
from adr_export.graphs import Graph, build_graphs, state_axes
from adr_export.onnx_writer import FORMS, least_onnxruntime, round_weights, write_onnx
from adr_export.parity import check_parity
from adr_export.vectors import write_vectors

DTYPES = {torch.float32: "float32", torch.int64: "int64", torch.bool: "bool"}


class About(TypedDict):
    """What a manifest says that no model knows; `clip` is a causal model's alone (see `adr_models.checkpoint`)."""

    name: str
    description: str
    licence: str
    source: str
    defaults: dict[str, Any]
    clip: NotRequired[float]
    training: dict[str, Any]


def write_bundle(
    model: ADRModel, about: About, out: Path, dialect: str, half: bool, overwrite: bool,
    tell: Callable[[str], None] = lambda line: None, others: Mapping[str, bytes] | None = None,
) -> CausalManifest:  # fmt: skip
    """Export to `out`, a folder that appears only when every graph has passed. `others` are the files, by their names
    in it, of the bundle inside that turns text into phones.

    `half` rounds the weights to float16 first, and parity is then measured against the rounded model.
    """
    if out.exists() and not overwrite:
        raise ExportError(f"{out} exists; choose another folder or add --overwrite")
    length = model.tokens.length if isinstance(model.tokens, PictureTokens) else None
    defaults = read_defaults(Defaults, about["defaults"], model.config.schedule.timesteps, length)
    if half:
        round_weights(model)
    files: dict[str, bytes] = {}
    graphs = build_graphs(model, FORMS[dialect])
    for graph in graphs:
        tell(f"exporting {graph.name}.onnx")
        files[graph.name] = write_onnx(graph, dialect)
    tell("checking parity")
    parity = check_parity(model, files)
    manifest = describe(model, about, defaults, dialect, graphs, files, parity, (others or {}).get(NESTED))
    write_folder(out, files, manifest, others)
    return manifest


def write_folder(
    out: Path, files: dict[str, bytes], manifest: Manifest, others: Mapping[str, bytes] | None = None
) -> None:
    """Graphs, manifest and card, and `others` by their names, into a folder that appears only when it is whole."""
    for name, data in files.items():
        try:
            check_onnx(data, f"{name}.onnx", name)
        except ADRError as error:
            raise ADRError(f"the runtime would refuse {error}; nothing was written") from error
    temporary = out.with_name(f".{out.name}.{os.getpid()}.part")
    try:
        temporary.mkdir(parents=True)
        for name, data in files.items():
            (temporary / f"{name}.onnx").write_bytes(data)
        for name, data in (others or {}).items():
            (temporary / name).parent.mkdir(exist_ok=True)
            (temporary / name).write_bytes(data)
        (temporary / "manifest.json").write_text(manifest.to_json())
        (temporary / "README.md").write_text(model_card(manifest))
        if manifest.family in FAMILIES:
            write_vectors(temporary)
        # Once the old bundle is out of the way, the new one takes its place, whatever comes.
        with held():
            if out.exists():
                aside = out.with_name(f".{out.name}.{os.getpid()}.old")
                os.replace(out, aside)
                os.replace(temporary, out)
                shutil.rmtree(aside)
            else:
                os.replace(temporary, out)
    except OSError as error:
        raise ExportError(f"{out}: cannot write the bundle: {error.strerror}") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def describe(
    model: ADRModel, about: About, defaults: Defaults, dialect: str, graphs: list[Graph], files: dict[str, bytes],
    parity: dict[str, float], inner: bytes | None,
) -> CausalManifest:  # fmt: skip
    """The manifest, parsed once from its own JSON so that nothing is written that the runtime would refuse."""
    config, codec = model.config, model.tokens
    image = describe_image(codec) if isinstance(codec, PictureTokens) else None
    manifest = CausalManifest(
        schema_version=1,
        family="adr",
        kind="image" if image else "audio",
        name=about["name"],
        description=about["description"],
        dialect=dialect,
        graphs={graph.name: describe_graph(graph, files[graph.name]) for graph in graphs},
        states=(*describe_states(model), *describe_overlap(model)),
        tokens=TokenSpec(
            codec.geometry,
            codec.channels,
            model.condition_width,
            codec.length if isinstance(codec, PictureTokens) else None,
        ),
        schedule=ScheduleSpec(
            tuple(model.schedule.betas.tolist()),
            config.schedule.prediction,
            config.schedule.learned_variance,
            about["clip"],
        ),
        labels=tuple(config.labels),
        speakers=tuple(config.speakers),
        controls=tuple(ControlSpec(name, classes) for name, classes in config.controls.items()),
        audio=None if isinstance(codec, PictureTokens) else AudioSpec(codec.config.sample_rate, codec.hop, codec.delay),
        spoken_text=FileSpec(NESTED, hashlib.sha256(inner).hexdigest(), len(inner)) if inner else None,
        image=image,
        defaults=defaults,
        licence=about["licence"],
        data=about["source"],
        training={**about["training"], "onnxruntime": onnxruntime.__version__},
        quality={},
        parity=dict(parity),
        onnxruntime=least_onnxruntime(files, dialect),
    )
    checked = parse_manifest(manifest.to_json(), {"adr": CAUSAL})
    assert isinstance(checked, CausalManifest)
    return checked


def describe_image(tokens: PictureTokens) -> ImageSpec:
    config = tokens.config
    patch, levels = (config.region, config.levels) if isinstance(config, PyramidConfig) else (config.patch, 1)
    return ImageSpec(config.height, config.width, config.channels, patch, levels)


def describe_graph(graph: Graph, data: bytes) -> GraphSpec:
    inputs = tuple(
        TensorSpec(
            name, DTYPES[value.dtype], tuple(graph.axes[name].get(i, size) for i, size in enumerate(value.shape))
        )
        for name, value in graph.arguments.items()
    )
    with torch.no_grad():
        values = graph.run(graph.arguments)
    outputs = tuple(
        TensorSpec(name, DTYPES[value.dtype], tuple(axes.get(i, size) for i, size in enumerate(value.shape)))
        for (name, axes), value in zip(graph.outputs.items(), values, strict=True)
    )
    return GraphSpec(f"{graph.name}.onnx", hashlib.sha256(data).hexdigest(), len(data), inputs, outputs)


def describe_states(model: ADRModel) -> list[StateSpec]:
    return [
        StateSpec(
            "backbone",
            f"past.{name}",
            f"present.{name}",
            DTYPES[value.dtype],
            tuple(state_axes(name).get(i, size) for i, size in enumerate(value.shape)),
            0.0,
        )
        for name, value in model.backbone.initial_state(1).items()
    ]


def describe_overlap(model: ADRModel) -> list[StateSpec]:
    return [
        StateSpec("decode", f"past.{name}", f"present.{name}", "float32", ("rows", *value.shape[1:]), 0.0)
        for name, value in model.tokens.initial_state(1).items()
    ]
