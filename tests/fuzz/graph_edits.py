"""Changes of an ONNX graph that keep it a valid file: what a hostile exporter would write."""

from collections.abc import Callable
from itertools import pairwise
from random import Random
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

NUMBERS = (0, 1, -1, 2, 7, 1 << 20, 1 << 31, (1 << 62), -(1 << 62))


def weights(random: Random, graph: Any) -> str:
    """Weights that are no numbers, or far too large."""
    tensors = [t for t in graph.initializer if t.data_type in (TensorProto.FLOAT, TensorProto.FLOAT16)]
    if not tensors:
        return ids(random, graph)
    tensor = random.choice(tensors)
    values = numpy_helper.to_array(tensor).copy()
    value = random.choice((np.nan, np.inf, -np.inf, 6e4, 0.0))
    if values.size and random.random() < 0.5:
        values.reshape(-1)[random.randrange(values.size)] = value
    else:
        values[...] = value
    tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
    return f"weights {value}"


def ids(random: Random, graph: Any) -> str:
    """Integers that are shapes, axes or indices."""
    tensors = [t for t in graph.initializer if t.data_type == TensorProto.INT64]
    if not tensors:
        return dims(random, graph)
    tensor = random.choice(tensors)
    values = numpy_helper.to_array(tensor).copy()
    if values.size:
        values.reshape(-1)[random.randrange(values.size)] = random.choice(NUMBERS)
    tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
    return "integers"


def dims(random: Random, graph: Any) -> str:
    """A tensor that says another size than it has."""
    tensor = random.choice(list(graph.initializer))
    size = random.choice(NUMBERS)
    if tensor.dims and random.random() < 0.7:
        tensor.dims[random.randrange(len(tensor.dims))] = size
    else:
        tensor.dims.append(size)
    return "dims"


def attributes(random: Random, graph: Any) -> str:
    found = [a for node in graph.node for a in node.attribute]
    if not found:
        return remove(random, graph)
    attribute = random.choice(found)
    if attribute.type == onnx.AttributeProto.INT:
        attribute.i = random.choice(NUMBERS)
    elif attribute.type == onnx.AttributeProto.FLOAT:
        attribute.f = random.choice((0.0, -1.0, float("nan"), float("inf"), 1e30))
    elif attribute.type == onnx.AttributeProto.INTS and attribute.ints:
        attribute.ints[random.randrange(len(attribute.ints))] = random.choice(NUMBERS)
    elif attribute.type == onnx.AttributeProto.STRING:
        attribute.s = random.choice((b"", b"x", b"\xff", b"linear", b"y" * 10_000))
    else:
        attribute.name = random.choice(("", "x", "body"))
    return f"attribute {attribute.name[:20]}"


def remove(random: Random, graph: Any) -> str:
    del graph.node[random.randrange(len(graph.node))]
    return "node removed"


def rewire(random: Random, graph: Any) -> str:
    node = random.choice([n for n in graph.node if n.input])
    names = [name for n in graph.node for name in (*n.input, *n.output)] + ["", "nowhere"]
    node.input[random.randrange(len(node.input))] = random.choice(names)
    return "node rewired"


def rename(random: Random, graph: Any) -> str:
    node = random.choice(list(graph.node))
    if random.random() < 0.3:
        node.domain = random.choice(("", "evil", "com.microsoft", "ai.onnx.ml"))
    node.op_type = random.choice(
        ("Identity", "Neg", "Exp", "Sqrt", "NonZero", "Shape", "Add", "Scan", "Loop", "If", "x")
    )
    return f"operator {node.op_type}"


def behind_output(random: Random, graph: Any, make: Callable[[str, str], list[Any]], what: str) -> str:
    """Put nodes make(from, to) between the last node and an output that the manifest knows."""
    wanted = random.choice(list(graph.output)).name
    inner = wanted + "_before"
    for node in graph.node:
        for i, name in enumerate(node.output):
            if name == wanted:
                node.output[i] = inner
        for i, name in enumerate(node.input):
            if name == wanted:
                node.input[i] = inner
    graph.node.extend(make(inner, wanted))
    return f"{what} behind {wanted}"


def constant(name: str, values: Any) -> Any:
    return helper.make_node("Constant", [], [name], value=numpy_helper.from_array(np.asarray(values)))


def reshaped(random: Random, graph: Any) -> str:
    """An output of another shape than everybody expects."""
    how = random.choice(("Concat", "Squeeze", "Flatten", "ReduceSum", "Slice", "Unsqueeze"))

    def make(a: str, b: str) -> list[Any]:
        axis = constant("fuzz_axis", np.array([0], np.int64))
        if how == "Concat":
            return [helper.make_node("Concat", [a] * random.choice((2, 50)), [b], axis=random.choice((0, -1)))]
        if how == "Slice":
            ends = [constant(f"fuzz_{i}", np.array([value], np.int64)) for i, value in enumerate((0, 1, -1))]
            return [*ends, helper.make_node("Slice", [a, "fuzz_0", "fuzz_1", "fuzz_2"], [b])]
        if how == "Flatten":
            return [helper.make_node("Flatten", [a], [b])]
        return [axis, helper.make_node(how, [a, "fuzz_axis"], [b])]

    found = behind_output(random, graph, make, how)
    if random.random() < 0.5:
        for output in graph.output:
            output.type.tensor_type.ClearField("shape")
    return found


def poisoned(random: Random, graph: Any) -> str:
    """NaN or infinity at run time, which no check of weights would find."""
    how = random.choice(("Sqrt", "Log", "Reciprocal", "Div"))

    def make(a: str, b: str) -> list[Any]:
        nodes = [helper.make_node("Sub", [a, a], ["fuzz_zero"])]
        if how == "Sqrt":
            nodes.append(constant("fuzz_one", np.float32(1)))
            nodes.append(helper.make_node("Sub", ["fuzz_zero", "fuzz_one"], ["fuzz_x"]))
        inputs = {"Sqrt": ["fuzz_x"], "Div": [a, "fuzz_zero"]}.get(how, ["fuzz_zero"])
        return [*nodes, helper.make_node(how, inputs, ["fuzz_y"]), helper.make_node("Add", [a, "fuzz_y"], [b])]

    return behind_output(random, graph, make, f"{how} of nothing")


def bomb(random: Random, graph: Any) -> str:
    """More memory than anybody has, at load (constants are folded) or at run time."""
    size = random.choice((1 << 28, 1 << 29, 1 << 31, 1 << 36))
    how = random.choice(("ConstantOfShape", "Expand", "Range", "Tile"))

    def make(a: str, b: str) -> list[Any]:
        number, shape = np.float32(0), np.array([size], np.int64)
        nodes = [constant("fuzz_shape", shape), constant("fuzz_number", number)]
        if how == "ConstantOfShape":
            nodes.append(helper.make_node(how, ["fuzz_shape"], ["fuzz_big"]))
        elif how == "Range":
            nodes += [constant("fuzz_end", np.float32(size)), constant("fuzz_one", np.float32(1))]
            nodes.append(helper.make_node(how, ["fuzz_number", "fuzz_end", "fuzz_one"], ["fuzz_big"]))
        else:
            nodes.append(constant("fuzz_row", np.zeros(1, np.float32)))
            nodes.append(helper.make_node(how, ["fuzz_row", "fuzz_shape"], ["fuzz_big"]))
        nodes.append(helper.make_node("ReduceMax", ["fuzz_big"], ["fuzz_sum"], keepdims=0))
        return [*nodes, helper.make_node("Add", [a, "fuzz_sum"], [b])]

    return behind_output(random, graph, make, f"{how} of {size}")


def doubled(random: Random, graph: Any) -> str:
    """More memory than anybody has, by operators that every graph needs and sizes that nobody knows beforehand."""
    times = random.choice((16, 26, 30))

    def make(a: str, b: str) -> list[Any]:
        names = [a, *(f"fuzz_{i}" for i in range(times))]
        nodes = [helper.make_node("Concat", [x, x], [y], axis=0) for x, y in pairwise(names)]
        nodes.append(helper.make_node("ReduceMax", names[-1:], ["fuzz_most"], keepdims=0))
        return [*nodes, helper.make_node("Add", [a, "fuzz_most"], [b])]

    return behind_output(random, graph, make, f"doubled {times} times")


def control(random: Random, graph: Any) -> str:
    """A Loop that nobody lives to see the end of, or an If that is harmless."""
    turns = random.choice((3, 1 << 62))
    flag = helper.make_tensor_value_info
    state = flag("fuzz_in", TensorProto.FLOAT, None)

    def make(a: str, b: str) -> list[Any]:
        nodes = [constant("fuzz_turns", np.int64(turns)), constant("fuzz_true", np.bool_(True))]
        if random.random() < 0.3:
            node = helper.make_node("Identity", [a], ["fuzz_b"])
            branch = helper.make_graph([node], "b", [], [flag("fuzz_b", TensorProto.FLOAT, None)])
            return [*nodes, helper.make_node("If", ["fuzz_true"], [b], then_branch=branch, else_branch=branch)]
        again = helper.make_node("Identity", ["fuzz_go"], ["fuzz_on"])
        body = helper.make_graph(
            [again, helper.make_node("Neg", ["fuzz_in"], ["fuzz_out"])], "body",
            [flag("fuzz_i", TensorProto.INT64, []), flag("fuzz_go", TensorProto.BOOL, []), state],
            [flag("fuzz_on", TensorProto.BOOL, []), flag("fuzz_out", TensorProto.FLOAT, None)],
        )  # fmt: skip
        return [*nodes, helper.make_node("Loop", ["fuzz_turns", "fuzz_true", a], [b], body=body)]

    return behind_output(random, graph, make, f"{turns} turns")


EDITS = (weights, ids, dims, attributes, remove, rewire, rename, reshaped, poisoned, bomb, doubled, control)
