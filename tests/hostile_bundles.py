"""Changes to a bundle whose sizes and hashes still match, and graphs: what somebody with ill intent would make."""

import hashlib
import json
from pathlib import Path

import adr_runtime
import numpy as np
import onnx
import pytest
from adr_runtime import BundleError, InputError
from adr_runtime.bundles.onnx_file import check_onnx
from onnx import TensorProto, helper, numpy_helper

NODE = helper.make_node


def edit(folder: Path, change) -> None:
    """Give the manifest's values to `change`, and write what it leaves."""
    path = folder / "manifest.json"
    values = json.loads(path.read_text())
    change(values)
    path.write_text(json.dumps(values))


def reseal(folder: Path, key: str, data: bytes) -> None:
    """Put other bytes in a graph's place, with size and hash to match."""
    (folder / f"{key}.onnx").write_bytes(data)
    edit(folder, lambda m: m["graphs"][key].update(bytes=len(data), sha256=hashlib.sha256(data).hexdigest()))


def change_graph(folder: Path, key: str, change) -> None:
    """Give the onnx.ModelProto of a graph to `change`, and put what it leaves in its place."""
    model = onnx.load(folder / f"{key}.onnx")
    change(model)
    reseal(folder, key, model.SerializeToString())


def refuse(folder, *says: str) -> None:
    """Loading ends in one line that holds every given part."""
    with pytest.raises((BundleError, InputError)) as caught:
        adr_runtime.load(folder, "cpu")
    assert "\n" not in str(caught.value)
    for part in says:
        assert part in str(caught.value), str(caught.value)


def model(nodes, stored=(), x=("rows", 4), domains=(("", 23),), **more) -> onnx.ModelProto:
    """A graph from x float32 to y with the stored arrays {name: array}."""
    tensors = [numpy_helper.from_array(np.asarray(array), name) for name, array in dict(stored).items()]
    graph = helper.make_graph(
        nodes, "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, x)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)], tensors,
    )  # fmt: skip
    return helper.make_model(graph, opset_imports=[helper.make_opsetid(*d) for d in domains], ir_version=10, **more)


def refused(made: onnx.ModelProto | bytes, says: str, graph: str = "step") -> None:
    """The check of a graph ends in one line that says this."""
    data = made if isinstance(made, bytes) else made.SerializeToString()
    with pytest.raises(BundleError, match=says) as caught:
        check_onnx(data, "x.onnx", graph)
    assert "\n" not in str(caught.value)
