"""PyTorch module -> ONNX bytes, in one of two dialects.

`linear-attention` keeps retention as one operator, com.microsoft::LinearAttention, at opset 23 (22 and lower take
RMSNorm apart; at 26 torch writes files that ONNX Runtime refuses). `portable` uses standard operators of opset 20
only, for other engines.
"""

import gc
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import onnx
import torch
from adr_models.mixers.retention import Form
from adr_runtime.errors import ADRError
from onnx import TensorProto, helper, numpy_helper
from torch.export import Dim

from adr_export.graphs import Axes, Graph
from adr_export.weight_names import name_weights

OPSETS = {"linear-attention": 23, "portable": 20}
FORMS: dict[str, Form] = {"linear-attention": "operator", "portable": "recurrent"}
# The first ONNX Runtime that runs a dialect's files (their opset, and their IR version 10), tried with the wheels.
LEAST = {"linear-attention": "1.23.0", "portable": "1.18.0"}
# The first that has com.microsoft::LinearAttention; 1.25.0 has not.
LEAST_OF_OPERATOR = "1.25.1"
# A weight below this size is not worth a Cast node.
SMALLEST_HALF = 1024


def write_onnx(graph: Graph, dialect: str) -> bytes:
    """Export one graph. Every float32 weight that float16 holds exactly is stored as float16 behind a Cast, which
    ONNX Runtime folds away when it loads the file: half the bytes, the same numbers."""
    dims = {axis: Dim.DYNAMIC for axes in graph.axes.values() for axis in axes.values()}
    first, *rest = ({i: dims[axis] for i, axis in graph.axes[name].items()} for name in graph.arguments)
    # torch.export sees *args as one argument, a tuple.
    shapes = (first, tuple(rest)) if graph.variadic and rest else (first, *rest)
    with warnings.catch_warnings(), torch.no_grad(), uncollected():
        warnings.simplefilter("ignore")
        for name in ("torch.onnx", "onnxscript"):
            logging.getLogger(name).setLevel(logging.ERROR)
        program = torch.onnx.export(
            graph.module.eval(), tuple(graph.arguments.values()), dynamo=True, opset_version=OPSETS[dialect],
            input_names=list(graph.arguments), output_names=list(graph.outputs), dynamic_shapes=shapes,
            verbose=False,
        )  # fmt: skip
    if program is None:
        raise ADRError(f"{graph.name}: torch.onnx.export returned nothing")
    model = program.model_proto
    strip(model.graph)
    del model.metadata_props[:]
    name_weights(model, graph.module)
    for value in model.graph.input:
        name_axes(value, graph.axes[value.name])
    for value in model.graph.output:
        name_axes(value, graph.outputs[value.name])
    store_half(model.graph)
    model.producer_name, model.producer_version = "adr", ""
    model.graph.name = graph.name
    if dialect == "portable":
        onnx.checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString(deterministic=True))


@contextmanager
def uncollected() -> Iterator[None]:
    """Nothing searches for garbage: an export makes so many objects that a quarter of its time would go there."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def least_onnxruntime(files: dict[str, bytes], dialect: str) -> str:
    """The least version of ONNX Runtime that runs these graphs, for the manifest."""
    graphs = (onnx.load_from_string(data).graph for data in files.values())
    own = any(node.domain == "com.microsoft" for graph in graphs for node in graph.node)
    return LEAST_OF_OPERATOR if own else LEAST[dialect]


def strip(graph: onnx.GraphProto) -> None:
    """Drop what the exporter adds for debugging (source lines and paths), stale shapes, and unused weights."""
    del graph.value_info[:]
    del graph.metadata_props[:]
    graph.doc_string = ""
    used = {value.name for value in graph.output}
    for node in graph.node:
        node.doc_string = ""
        del node.metadata_props[:]
        used.update(node.input)
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.GRAPH:
                strip(attribute.g)
                used.update(outer_names(attribute.g))
    kept = [tensor for tensor in graph.initializer if tensor.name in used]
    del graph.initializer[:]
    graph.initializer.extend(kept)


def outer_names(graph: onnx.GraphProto) -> set[str]:
    """Every name that a subgraph reads, its own and its outer scope's."""
    names = {name for node in graph.node for name in node.input} | {value.name for value in graph.output}
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.GRAPH:
                names |= outer_names(attribute.g)
    return names


def name_axes(value: onnx.ValueInfoProto, axes: Axes) -> None:
    """Give the dynamic axes of an input or output the names that the manifest uses."""
    for i, dim in enumerate(value.type.tensor_type.shape.dim):
        if i in axes:
            dim.dim_param = axes[i]


def store_half(graph: onnx.GraphProto) -> None:
    for tensor in graph.initializer:
        if tensor.data_type != TensorProto.FLOAT:
            continue
        values = numpy_helper.to_array(tensor)
        with np.errstate(over="ignore"):
            half = values.astype(np.float16)
        if values.size < SMALLEST_HALF or not np.array_equal(half.astype(np.float32), values):
            continue
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(half, f"{name}.float16"))
        cast = helper.make_node("Cast", [f"{name}.float16"], [name], to=TensorProto.FLOAT)
        graph.node.insert(0, cast)


def round_weights(model: torch.nn.Module) -> None:
    """Round every weight matrix to float16's digits, in place, so that `write_onnx` can store it in half."""
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.numel() >= SMALLEST_HALF:
                parameter.copy_(parameter.half().to(parameter.dtype))
