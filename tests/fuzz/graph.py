"""Bundles whose graphs, or whose dictionary, were changed, with sizes and hashes in the manifests to match."""

import hashlib
import json
from pathlib import Path
from random import Random

import onnx
from onnx import TensorProto, helper, numpy_helper

from .cases import Case, WrongResult
from .graph_edits import EDITS
from .manifest import copy_bundle, seal_nested
from .mutate import damage
from .protobuf import deep, external_tensor, many_fields, with_initializer
from .uses import use


def attack(case: Case) -> str:
    import adr_runtime

    random = case.random
    name = random.choice(list(case.seeds.bundles))
    folder = copy_bundle(case.seeds.bundles[name], case.work / "bundle")
    path = random.choice(sorted([*folder.rglob("*.onnx"), *folder.rglob("*.xz")]))
    before = path.read_bytes()
    how = random.choices(("edit", "bytes", "outside", "shape"), (60, 20, 12, 8))[0]
    if path.suffix == ".xz":
        how = "bytes"
    if how == "edit":
        data, what = edited(random, before)
    elif how == "bytes":
        data, what = damage(random, before), "bytes"
    elif how == "outside":
        data, what = pointing_outside(random, before, case)
    else:
        data, what = misshapen(random, before)
    path.unlink()
    path.write_bytes(data)
    reseal(folder, path, data)
    model = adr_runtime.load(folder, "cpu")
    if how == "outside":
        raise WrongResult(f"a graph that reads another file was loaded: {what}")
    use(model, random)
    return f"{name} {path.relative_to(folder)}: {what}"


def reseal(folder: Path, path: Path, data: bytes) -> None:
    manifest = path.parent / "manifest.json"
    values = json.loads(manifest.read_text())
    spec = values["lexicon"] if path.suffix == ".xz" else values["graphs"][path.stem]
    spec.update(bytes=len(data), sha256=hashlib.sha256(data).hexdigest())
    manifest.write_text(json.dumps(values))
    seal_nested(folder, manifest)


def edited(random: Random, data: bytes) -> tuple[bytes, str]:
    """One or two changes by way of the onnx package, or of what surrounds the graph."""
    model = onnx.load_from_string(data)
    if random.random() < 0.15:
        return (*surroundings(random, model),)
    done = [random.choice(EDITS)(random, model.graph) for _ in range(random.choice((1, 1, 1, 2)))]
    return model.SerializeToString(), "; ".join(done)


def surroundings(random: Random, model: onnx.ModelProto) -> tuple[bytes, str]:
    """Versions, functions, names and texts."""
    how = random.choice(("opset", "ir", "function", "names", "text", "twice"))
    if how == "opset":
        model.opset_import[0].version = random.choice((0, 1, 9, 27, 1000, (1 << 62)))
    elif how == "ir":
        model.ir_version = random.choice((0, 1, 99, 1 << 40))
    elif how == "function":
        nodes = [helper.make_node("Neg", ["x"], ["y"])]
        model.functions.append(helper.make_function("own", "f", ["x"], ["y"], nodes, [helper.make_opsetid("", 20)]))
        model.opset_import.append(helper.make_opsetid("own", 1))
        node = model.graph.node[-1]
        node.op_type, node.domain = "f", "own"
    elif how == "names":
        for node in model.graph.node:
            node.name = random.choice(("", "same", "\n", "x" * 1000))
    elif how == "text":
        model.doc_string = "[red]" * 200_000
        model.metadata_props.add(key="\x1b[31m", value="y")
    else:
        model.graph.output.append(model.graph.output[0])
    return model.SerializeToString(), how


def misshapen(random: Random, data: bytes) -> tuple[bytes, str]:
    """Not what a writer of ONNX would write."""
    how = random.choice(("deep", "many", "nothing", "text", "cut"))
    made = {
        "deep": lambda: deep(data, random.choice((30, 100, 3000))), "many": lambda: many_fields(data, random),
        "nothing": lambda: b"\x08\x0a", "text": lambda: b"hello " * 9,
        "cut": lambda: data[: random.randrange(1, len(data))],
    }[how]()  # fmt: skip
    return made, how


def pointing_outside(random: Random, data: bytes, case: Case) -> tuple[bytes, str]:
    """A weight that lies in a file below the working directory or beside the bundle."""
    model = onnx.load_from_string(data)
    tensors = [t for t in model.graph.initializer if t.data_type in (TensorProto.FLOAT, TensorProto.FLOAT16)]
    tensor = random.choice(tensors or list(model.graph.initializer))
    values = numpy_helper.to_array(tensor)
    file = random.choice(("secret", "bundle/secret", "../secret", "below/secret", str(case.folder / "secret")))
    target = case.work / file
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(values.tobytes() * 4)
    outside = external_tensor(random, tensor.name, tuple(tensor.dims), tensor.data_type, file)
    model.graph.initializer.remove(tensor)
    graph = model.graph.SerializeToString()
    model.ClearField("graph")
    made = with_initializer(model.SerializeToString(), graph, outside, random.random() < 0.3)
    return made, f"{tensor.name} in {file}"
