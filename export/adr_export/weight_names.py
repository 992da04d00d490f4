"""Names for the weights in a graph that torch.onnx.export transposed ahead of time and left without one.

A bundle's weights go by their names in the model's state_dict, with `.T` behind the name of a transposed matrix. Of
equal tensors the exporter keeps one, under one of their names; the file's metadata says which it is for each of the
others. `adr_models.bundle_weights` reads a model back.
"""

from collections.abc import Iterator

import numpy as np
import onnx
from onnx import numpy_helper
from torch import nn


def name_weights(model: onnx.ModelProto, module: nn.Module) -> None:
    """Rename every matrix that equals a parameter or buffer of the module, or its transpose, which has no name yet, and
    note in the metadata where the others are."""
    graph = model.graph
    state = {name: value.detach().numpy() for name, value in module.state_dict().items()}
    taken = {tensor.name for tensor in graph.initializer}
    renamed: dict[str, str] = {}
    for tensor in graph.initializer:
        if tensor.name in state or len(tensor.dims) < 2:
            continue
        values = numpy_helper.to_array(tensor)
        name = next((name for name in names_of(values, state) if name not in taken), None)
        if name:
            taken.add(name)
            renamed[tensor.name] = name
            tensor.name = name
    rename_inputs(graph, renamed)
    stored = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    for name, value in state.items():
        if name in stored or f"{name}.T" in stored:
            continue
        twin = next(
            (other for other, values in stored.items() if not other.endswith(".T") and equal(values, value)), None
        )
        if twin:
            model.metadata_props.add(key=name, value=twin)


def names_of(values: np.ndarray, state: dict[str, np.ndarray]) -> Iterator[str]:
    """Names of the tensors of a state_dict that equal an array, as they are or transposed."""
    for name, tensor in state.items():
        if equal(tensor, values):
            yield name
        elif tensor.ndim == 2 and equal(tensor.T, values):
            yield f"{name}.T"


def equal(a: np.ndarray, b: np.ndarray) -> bool:
    return a.dtype == b.dtype and a.shape == b.shape and bool((a == b).all())


def rename_inputs(graph: onnx.GraphProto, renamed: dict[str, str]) -> None:
    """Give the readers of initializers their new names, in the bodies of loops too."""
    for node in graph.node:
        for i, name in enumerate(node.input):
            node.input[i] = renamed.get(name, name)
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.GRAPH:
                rename_inputs(attribute.g, renamed)
