"""Small any-order models of every kind of variables, whose network is a formula, for any_order_vectors.py."""

import hashlib
import json

import numpy as np
from adr_runtime.any_order.variables import VariablesSpec
from onnx import TensorProto, helper, numpy_helper

SMALL = {
    "stages": VariablesSpec("image", (4, 6, 3), 256, 16, 2, "subtract_green", "", 0),
    "greys": VariablesSpec("image", (5, 4, 1), 6, 2, 3, "none", "", 0),
    "letters": VariablesSpec("text", (1, 12, 1), 5, 5, 1, "none", "ab c\n", 0),
    "mulaw": VariablesSpec("sound", (1, 16, 1), 256, 256, 1, "none", "", 8000),
    "samples": VariablesSpec("sound", (1, 16, 1), 65536, 256, 2, "none", "", 8000),
}
# Each variable's probabilities follow from its number, its block, the stage and all that is known; blocks beyond the
# last level are ruled out.
FORMULA = """
    low_f = Cast low
    known_f = Cast known
    stage_f = Cast stage
    index_f = Cast index
    scaled = Mul low_f scale
    told = Add scaled known_f
    weighed = Mul told weight
    context = ReduceMean weighed last
    felt = Mul context four
    own = GatherElements scaled index
    place = Mul index_f tenth
    row_stage = Unsqueeze stage_f last
    own_place = Add own place
    own_felt = Add own_place felt
    all = Add own_felt row_stage
    column = Unsqueeze all end
    turned = Mul column frequency
    shifted = Add turned phase
    wave = Sin shifted
    opinion = Mul wave four
    width = Gather widths stage
    wide = Unsqueeze width both
    ahead = Mul wide digit
    block = GatherElements low_f index
    start = Unsqueeze block end
    first = Add start ahead
    possible = Less first levels
    logits = Where possible opinion never
    log_probabilities = LogSoftmax logits
"""
ATTRIBUTES = {
    "Cast": {"to": TensorProto.FLOAT}, "ReduceMean": {"keepdims": 1}, "GatherElements": {"axis": 1},
    "Gather": {"axis": 0}, "LogSoftmax": {"axis": -1},
}  # fmt: skip


def network(spec: VariablesSpec) -> bytes:
    """The formula as ONNX."""
    rng, axes = np.random.default_rng(0), {"last": [1], "end": [2], "both": [1, 2]}
    stored = {
        "frequency": rng.uniform(0.2, 1.5, spec.branching), "phase": rng.uniform(0, 6, spec.branching),
        "weight": rng.uniform(0, 1, (1, spec.dimensions)), "scale": 3 / spec.levels, "tenth": 0.1, "four": 4,
        "never": -1e4, "digit": np.arange(spec.branching), "levels": spec.levels,
        "widths": [spec.width(stage + 1) for stage in range(spec.stages)],
    }  # fmt: skip
    tensors = [numpy_helper.from_array(np.array(value, np.float32), name) for name, value in stored.items()]
    tensors += [numpy_helper.from_array(np.array(axis, np.int64), name) for name, axis in axes.items()]
    nodes = []
    for output, _, operator, *inputs in map(str.split, FORMULA.strip().splitlines()):
        nodes.append(helper.make_node(operator, inputs, [output], **ATTRIBUTES.get(operator, {})))
    types = {"int64": TensorProto.INT64, "bool": TensorProto.BOOL, "float32": TensorProto.FLOAT}
    takes, gives = (
        [helper.make_tensor_value_info(t["name"], types[t["dtype"]], t["shape"]) for t in side]
        for side in tensors_of(spec)
    )
    graph = helper.make_graph(nodes, "formula", takes, gives, tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)
    return bytes(model.SerializeToString())


def tensors_of(spec: VariablesSpec) -> tuple[list[dict], list[dict]]:
    """What a network takes and gives, as manifests say it."""
    inputs = {
        "low": ("int64", ["rows", spec.dimensions]), "known": ("bool", ["rows", spec.dimensions]),
        "stage": ("int64", ["rows"]), "index": ("int64", ["rows", "count"]),
    }  # fmt: skip
    outputs = {"log_probabilities": ("float32", ["rows", "count", spec.branching])}
    takes, gives = (
        [{"name": n, "dtype": dtype, "shape": shape} for n, (dtype, shape) in s.items()] for s in (inputs, outputs)
    )
    return takes, gives


def small_bundle(name: str) -> dict[str, bytes]:
    """The files of a small model."""
    spec, data = SMALL[name], network(SMALL[name])
    inputs, outputs = tensors_of(spec)
    graph = {"file": "network.onnx", "sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
    manifest = {
        "schema_version": 1, "family": "ardm", "kind": spec.kind, "name": name, "description": "A formula, for tests",
        "dialect": "portable", "graphs": {"network": {**graph, "inputs": inputs, "outputs": outputs}},
        "variables": vars(spec), "policies": {}, "defaults": {"steps": 2 * spec.stages, "count": 2},
        "step_loss": [[round(4 / (1 + t / 3) + s, 4) for t in range(spec.dimensions)] for s in range(spec.stages)],
        "licence": "CC0-1.0", "data": "none", "training": {}, "quality": {}, "parity": {}, "labels": [],
    }  # fmt: skip
    return {"manifest.json": json.dumps(manifest).encode(), "network.onnx": data}
