"""Weights read back from a bundle's graphs, where `adr-export` left them by their names in the model's state_dict."""

from collections.abc import Iterable

import onnx
import torch
from onnx import numpy_helper
from torch import Tensor


def read_weights(graphs: Iterable[bytes]) -> dict[str, Tensor]:
    """Every stored tensor of ONNX files by name: in float32 where it is stored in float16, and as it was where it is
    stored transposed. Numbers that float16 rounded stay rounded."""
    weights: dict[str, Tensor] = {}
    for data in graphs:
        model = onnx.load_from_string(data)
        for stored in model.graph.initializer:
            value = torch.from_numpy(numpy_helper.to_array(stored).copy())
            name = stored.name.removesuffix(".float16")
            if name != stored.name:
                value = value.float()
            if name.endswith(".T"):
                name, value = name.removesuffix(".T"), value.mT.contiguous()
            weights[name] = value
        # What is equal is stored once.
        weights |= {entry.key: weights[entry.value] for entry in model.metadata_props if entry.value in weights}
    return weights
