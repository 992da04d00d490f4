"""What graphs put out is checked before it is used, and what the runtime does not feed is refused."""

import shutil

import adr_runtime
import numpy as np
import pytest
from adr_runtime import ADRError
from adr_runtime.any_order.config import AnyOrderConfig
from adr_runtime.bundles.specs import TensorSpec
from adr_runtime.inference.outputs import OutputCheck
from hostile_bundles import change_graph, edit, refuse
from onnx import helper, numpy_helper


def behind(key: str, output: str, operator: str, *values: np.ndarray, **attributes):
    """A change of a graph by which `operator`, with constants, stands between an output and what it was."""

    def change(model):
        graph = model.graph
        names = [f"hostile_{i}" for i in range(len(values))]
        graph.initializer.extend(numpy_helper.from_array(np.asarray(v), n) for v, n in zip(values, names, strict=True))
        for node in graph.node:
            for i, name in enumerate(node.output):
                if name == output:
                    node.output[i] = "hostile_before"
        graph.node.append(helper.make_node(operator, ["hostile_before", *names], [output], **attributes))
        for value in graph.output:
            if value.name == output and operator in ("Concat", "Gather"):
                value.type.tensor_type.shape.Clear()

    return lambda folder: change_graph(folder, key, change)


NAN, INFINITE, ZERO = (np.float32(x) for x in (np.nan, np.inf, 0))
USES = {
    "step": ("condition", lambda m: m.generate(label="mid", seconds=0.1, seed=0)),
    "parallel": ("conditions", None),
    "timestep": ("modulation", lambda m: m.generate(label="mid", seconds=0.1, seed=0)),
    "head": ("token", lambda m: m.generate(label="mid", seconds=0.1, seed=0)),
    "decode": ("samples", lambda m: m.generate(label="mid", seconds=0.1, seed=0)),
    "encode": ("tokens", lambda m: m.reconstruct(np.zeros(80, np.float32))),
}
PROMPT = {"seconds": 0.1, "prompt": np.zeros(80, np.float32), "seed": 0}


@pytest.mark.parametrize("value", [NAN, INFINITE])
@pytest.mark.parametrize("key", USES)
def test_numbers_that_are_not_finite(bundle_copy, key, value):
    output, use = USES[key]
    folder = bundle_copy("sound")
    behind(key, output, "Add", value)(folder)
    model = adr_runtime.load(folder, "cpu")
    use = use or (lambda m: m.generate(label="mid", **PROMPT))
    with pytest.raises(ADRError, match=rf"{key}.onnx: {output}: expected finite numbers, found (nan|inf)") as caught:
        use(model)
    assert type(caught.value) is ADRError


@pytest.mark.parametrize("samples", [0, 16])
def test_outputs_of_another_length(bundle_copy, samples):
    """A decoder that makes nothing would keep a stream waiting for ever; one that makes too much would be believed."""
    folder = bundle_copy("sound")
    behind("decode", "samples", "Gather", np.arange(samples) % 8, axis=1)(folder)
    says = rf"decode.onnx: samples: expected a shape of \[1, 8\], found \[1, {samples}\]"
    with pytest.raises(ADRError, match=says):
        next(adr_runtime.load(folder, "cpu").stream(label="mid", seed=0))


def any_order_copy(any_order, tmp_path, name):
    return shutil.copytree(any_order[name], tmp_path / name)


def sample_all(model):
    settings = AnyOrderConfig(steps=24, seed=1).resolve(model.manifest)
    return model.sample(np.zeros((1, 24), np.int64), np.zeros(24, bool), np.ones(24, bool), settings, seed=1)


@pytest.mark.parametrize(
    "operator, value, says",
    [
        ("Add", NAN, "expected finite numbers, found nan"),
        ("Sub", INFINITE, "expected finite numbers, found -inf"),
        ("Mul", ZERO, "expected probabilities that add up to 1, found 256"),
        ("Sub", np.float32(0.01), "expected probabilities that add up to 1, found 0.99005"),
    ],
)
def test_log_probabilities(any_order, tmp_path, operator, value, says):
    folder = any_order_copy(any_order, tmp_path, "symbols")
    behind("network", "log_probabilities", operator, value)(folder)
    with pytest.raises(ADRError, match=f"network.onnx: log_probabilities: {says}"):
        sample_all(adr_runtime.load(folder, "cpu"))


@pytest.mark.parametrize("count", [1, 1000])
def test_another_number_of_choices(any_order, tmp_path, count):
    """How many there are is known at the run only, and nothing that the graph says of itself."""
    folder = any_order_copy(any_order, tmp_path, "symbols")

    def change(model):
        graph, node = model.graph, helper.make_node
        for value in graph.node:
            value.output[:] = ["hostile" if name == "log_probabilities" else name for name in value.output]
        stored = {"hostile_count": count, "hostile_zero": 0, "hostile_one": 1, "hostile_all": 256}
        graph.initializer.extend(numpy_helper.from_array(np.int64(v), n) for n, v in stored.items())
        graph.node.extend(
            [
                node("Shape", ["hostile"], ["hostile_rows"], start=0, end=1),
                node("Squeeze", ["hostile_rows"], ["hostile_row"]),
                node("Mul", ["hostile_row", "hostile_count"], ["hostile_end"]),
                node("Range", ["hostile_zero", "hostile_end", "hostile_one"], ["hostile_numbers"]),
                node("Mod", ["hostile_numbers", "hostile_all"], ["hostile_indices"]),
                node("Gather", ["hostile", "hostile_indices"], ["log_probabilities"], axis=-1),
            ]
        )
        graph.output[0].type.tensor_type.shape.dim[-1].dim_param = "many"

    change_graph(folder, "network", change)
    with pytest.raises(ADRError, match=rf"expected a shape of \[1, 1, 256\], found \[1, 1, {count}\]"):
        sample_all(adr_runtime.load(folder, "cpu"))


def test_a_graph_that_fails_at_the_run(bundle_copy):
    folder = bundle_copy("sound")
    behind("step", "condition", "Gather", np.full(32, 10**6), axis=-1)(folder)
    model = adr_runtime.load(folder, "cpu")
    with pytest.raises(ADRError, match=r"step\.onnx: ONNX Runtime cannot run it: ") as caught:
        model.generate(label="mid", seconds=0.1, seed=0)
    assert "\n" not in str(caught.value) and type(caught.value) is ADRError


def test_states_that_change_their_shape(bundle_copy):
    """By a row more in each run, which the graph's own description does not show."""
    folder = bundle_copy("sound")
    behind("decode", "present.overlap", "Gather", np.zeros(2, np.int64), axis=0)(folder)
    with pytest.raises(ADRError, match=r"decode.onnx: present.overlap: expected a shape of \[1, 8\], found \[2, 8\]"):
        next(adr_runtime.load(folder, "cpu").stream(label="mid", seed=0))


def test_inputs_that_nobody_feeds_and_states_that_nobody_keeps(bundle_copy):
    more = {"name": "secret", "dtype": "float32", "shape": ["rows"]}
    state = {"graph": "decode", "past": "past.x", "present": "present.x", "dtype": "float32", "shape": ["rows", 2]}
    for change, says in (
        (lambda m: m["graphs"]["step"]["inputs"].append(more), "graphs.step.inputs: expected"),
        (lambda m: m["graphs"]["head"]["outputs"].append(more), "graphs.head.outputs: expected token, found"),
        (lambda m: m.update(states=[]), "graphs.step.inputs: expected label, token, found"),
        (lambda m: m.update(labels=[]), "graphs.step.inputs"),
        (lambda m: m["states"].append({**state, "initial": 0.0}), "states[4].past: expected an input of decode"),
        (lambda m: m["states"].append(m["states"][0]), "states[0].past: expected no state twice"),
        (lambda m: m["states"][1]["shape"].append(2), "graphs.step.past.0.retention: expected float32 [rows, 2, 16, "),
        (lambda m: m["states"][1].update(shape=["rows", "past", "past"]), "states[1].shape: expected a first"),
        (lambda m: m["states"][1].update(dtype="float64"), "graphs.step.past.0.retention: expected float64 [rows, 2"),
        (lambda m: m["tokens"].update(channels=9), "graphs.step.inputs.token: expected float32 [rows, 9]"),
        (lambda m: m["graphs"]["timestep"]["outputs"][0]["shape"].__setitem__(1, "n"), "graphs.timestep.outputs.modul"),
        (lambda m: m["graphs"]["head"]["inputs"][2]["shape"].__setitem__(1, 5), "graphs.head.inputs.modulation"),
        (lambda m: m["graphs"]["decode"]["outputs"][0].update(shape=["rows", 8]), "graphs.decode.outputs.samples"),
    ):  # fmt: skip
        folder = bundle_copy("sound")
        edit(folder, change)
        refuse(folder, f"manifest.json: {says}")
        shutil.rmtree(folder)


class Named:
    def __init__(self, inputs, outputs):
        self.inputs, self.outputs = inputs, outputs


def spec(name, *shape, dtype="float32"):
    return TensorSpec(name, dtype, shape)


def test_sizes_follow_the_inputs_of_each_run():
    graph = Named((spec("a", "rows", "length"),), (spec("b", "rows", "twice"), spec("n", dtype="int64")))
    check = OutputCheck("x.onnx", graph, lambda sizes: {"twice": 2 * sizes["length"]})
    number = np.int64(1)
    for rows, length in ((1, 2), (1, 2), (3, 4), (1, 2)):
        feed = {"a": np.zeros((rows, length), np.float32)}
        check(feed, {"b": np.zeros((rows, 2 * length), np.float32), "n": np.array(number)})
        with pytest.raises(ADRError, match=rf"x.onnx: b: expected a shape of \[{rows}, {2 * length}\], found"):
            check(feed, {"b": np.zeros((rows, 2 * length + 1), np.float32), "n": np.array(number)})


@pytest.mark.filterwarnings("error")
def test_large_numbers_are_finite_and_say_nothing_on_standard_error():
    graph = Named((), (spec("b", 2),))
    check = OutputCheck("x.onnx", graph, lambda sizes: {})
    check({}, {"b": np.array([3e38, -3e38], np.float32)})
    with pytest.raises(ADRError, match="found -inf"):
        check({}, {"b": np.array([3e38, -np.inf], np.float32)})
    check = OutputCheck("x.onnx", Named((), (spec("log_probabilities", 2),)), lambda sizes: {})
    with pytest.raises(ADRError, match="probabilities that add up to 1, found inf"):
        check({}, {"log_probabilities": np.array([3e38, 3e38], np.float32)})


def test_sizes_of_each_graph(exported, models):
    sizes = {"rows": 2, "length": 6, "samples": 80, "height": 4, "past": 7}
    loaded = {name: adr_runtime.load(exported[name], "cpu").manifest for name in ("sound", "picture", "softmax-sound")}
    for name, key, expected in (
        ("sound", "decode", {"samples": 48}), ("sound", "encode", {"length": 10}), ("sound", "step", {}),
        ("picture", "encode", {"length": 4}), ("picture", "decode", {}), ("softmax-sound", "parallel", {"total": 13}),
    ):  # fmt: skip
        assert loaded[name].output_sizes(key)(sizes) == expected
    assert loaded["softmax-sound"].output_sizes("step")({"rows": 1, "past": 7}) == {"total": 8}
    assert models["symbols"].manifest.output_sizes("network")(sizes) == {}
