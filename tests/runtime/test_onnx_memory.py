"""What a graph may take: constants that grow are refused by a look at the file, and a run ends within its memory."""

import os
import subprocess
import sys

import numpy as np
import onnx
import onnxruntime
import pytest
from adr_runtime import InputError
from adr_runtime.bundles.onnx_file import check_onnx
from adr_runtime.inference.memory import arena_bytes, limit_memory, machine_bytes
from hostile_bundles import NODE, model, refused
from onnx import TensorProto, helper, numpy_helper

LARGE = 1 << 29
BOMBS = {
    "ConstantOfShape": ([NODE("ConstantOfShape", ["n"], ["b"])], {"n": np.array([LARGE])}),
    "Expand": ([NODE("Expand", ["one", "n"], ["b"])], {"n": np.array([LARGE]), "one": np.ones(1, np.float32)}),
    "Range": ([NODE("Range", ["zero", "n", "one"], ["i"]), NODE("Cast", ["i"], ["b"], to=TensorProto.FLOAT)],
              {"zero": np.int64(0), "n": np.int64(LARGE), "one": np.int64(1)}),
    "a product": (
        [NODE("Mul", ["n", "n"], ["m"]), NODE("ConstantOfShape", ["m"], ["b"])], {"n": np.array([1 << 15])},
    ),
}  # fmt: skip
SUM = [NODE("ReduceSum", ["b"], ["r"], keepdims=0), NODE("Add", ["x", "r"], ["y"])]


@pytest.mark.parametrize("name", BOMBS)
def test_constants_that_grow(name):
    """What ONNX Runtime would blow up to 2 GiB before the first run is refused by a look at the file."""
    nodes, stored = BOMBS[name]
    refused(model(nodes + SUM, stored), r"not an ONNX file that adr-export writes \(.* of constants alone\)")


LOAD_AND_RUN = """
import sys, numpy, resource
from adr_runtime import ADRError
from adr_runtime.bundles.onnx_file import check_onnx
from adr_runtime.inference.session import Session
data = open(sys.argv[1], "rb").read()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
session = Session(data, "x.onnx", "cpu", 1, check_onnx(data, "x.onnx", "step"))
try:
    session.run({"x": numpy.ones((1, 4), numpy.float32)})
except ADRError as error:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, error)
"""
ROW = np.ones((1 << 14, 1), np.float32)
HIDDEN = {
    "outer product": ([NODE("MatMul", ["a", "c"], ["b"])], {"a": ROW, "c": ROW.T}),
    "sum": ([NODE("Add", ["a", "c"], ["b"])], {"a": ROW, "c": ROW.T}),
    "shape": (
        [NODE("Shape", ["x"], ["s"], start=1, end=2), NODE("Mul", ["s", "n"], ["m"]),
         NODE("ConstantOfShape", ["m"], ["b"])], {"n": np.array([LARGE // 4])},
    ),
    "of the input": ([NODE("ReduceSum", ["x"], ["q"], keepdims=0), NODE("Expand", ["q", "n"], ["b"])],
                     {"n": np.array([LARGE])}),
}  # fmt: skip


@pytest.mark.parametrize("name", HIDDEN)
def test_graphs_that_grow_end_in_an_error_within_the_memory_that_is_allowed(tmp_path, name):
    """Where the file does not show it: not computed at load, and an ADRError at the run."""
    nodes, stored = HIDDEN[name]
    (tmp_path / "x.onnx").write_bytes(model(nodes + SUM, stored).SerializeToString())
    done = subprocess.run(
        [sys.executable, "-c", LOAD_AND_RUN, str(tmp_path / "x.onnx")], capture_output=True, text=True, check=True,
        env={**os.environ, "ADR_MEMORY_MIB": "256"},
    )  # fmt: skip
    grown, line = done.stdout.split(" ", 1)
    assert int(grown) < 300 << 10 and "x.onnx: needs more memory than ONNX Runtime may take" in line
    assert line.count("\n") == 1


def test_many_constants_are_counted():
    """Each small enough for ONNX Runtime's limit, and too large together."""
    stored = {"a": np.ones((1 << 20, 1), np.float32), "one": np.ones(1, np.float32)}
    nodes = [NODE("Add", ["a", "one"], [f"c{i}"]) for i in range(33)]
    refused(model([*nodes, NODE("Neg", ["x"], ["y"])], stored), "33 constants to compute, of up to 8388608 bytes")
    casts = [NODE("Cast", ["h"], [f"c{i}"], to=TensorProto.FLOAT) for i in range(34)]
    refused(model([*casts, NODE("Neg", ["x"], ["y"])], {"h": ROW.repeat(64, 1).astype(np.float16)}), "33 constants")
    # Weights are unpacked once each, however many there are.
    stored = {f"h{i}": np.ones(1 << 16, np.float16) for i in range(40)}
    casts = [NODE("Cast", [name], [f"c{name}"], to=TensorProto.FLOAT) for name in stored]
    many = model([*casts, NODE("Neg", ["x"], ["y"])], stored).SerializeToString()
    assert check_onnx(many, "x.onnx", "step") == 1 << 19


def test_names_inside_a_loop_hide_those_around():
    """A constant in a Scan's body is one although a name outside is an input."""
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in ("i", "o")]
    stored = [numpy_helper.from_array(np.array([LARGE]), "x")]
    nodes = [NODE("ConstantOfShape", ["x"], ["b"]), NODE("ReduceSum", ["b"], ["r"], keepdims=0),
             NODE("Add", ["i", "r"], ["o"])]  # fmt: skip
    body = helper.make_graph(nodes, "b", values[:1], values[1:], stored)
    refused(model([NODE("Scan", ["x"], ["y"], body=body, num_scan_inputs=1)]), "ConstantOfShape of constants", "head")


def test_the_bound_on_memory_can_be_set(monkeypatch):
    monkeypatch.delenv("ADR_MEMORY_MIB", raising=False)
    assert 0 < arena_bytes() < machine_bytes()
    monkeypatch.setenv("ADR_MEMORY_MIB", "64")
    assert arena_bytes() == 64 << 20
    for wrong in ("", "0", "-1", "1e9", "much", "9" * 30):
        monkeypatch.setenv("ADR_MEMORY_MIB", wrong)
        with pytest.raises(InputError, match="ADR_MEMORY_MIB must be a number of MiB"):
            arena_bytes()


def test_what_is_computed_at_load(tmp_path):
    """Weights are unpacked and what is as large as the largest of them is computed, and nothing that is larger."""
    stored = {"h": np.ones((600, 600), np.float16), "c": np.ones((1, 600), np.float32)}
    nodes = [NODE("Cast", ["h"], ["v"], to=TensorProto.FLOAT), NODE("Add", ["v", "c"], ["w"])]
    data = model([*nodes, NODE("MatMul", ["x", "w"], ["y"])], stored, x=("rows", 600)).SerializeToString()
    limit = check_onnx(data, "x.onnx", "step")
    assert limit == 8 * 600 * 600
    for bytes_, left in ((limit, ["MatMul"]), (600, ["Add", "MatMul"])):
        options = onnxruntime.SessionOptions()
        options.optimized_model_filepath, options.log_severity_level = str(tmp_path / "optimised.onnx"), 4
        limit_memory(onnxruntime, options, bytes_)
        onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
        assert [node.op_type for node in onnx.load(tmp_path / "optimised.onnx").graph.node] == left
