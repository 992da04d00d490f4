"""A graph may hold nothing that adr-export does not write, whatever its hash says."""

import numpy as np
import onnx
import pytest
from adr_runtime.bundles.onnx_file import check_onnx
from adr_runtime.bundles.protobuf import MAX_FIELDS
from hostile_bundles import NODE, change_graph, model, refuse, refused, reseal
from onnx import TensorProto, helper, numpy_helper


def varint(number: int, bytes_: int = 0) -> bytes:
    """A protobuf number, in more bytes than it needs where that is wanted."""
    out = bytearray()
    while number >= 0x80 or len(out) + 1 < bytes_:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def message(number: int, contents: bytes, tag_bytes: int = 0, shift: int = 0) -> bytes:
    """A length-delimited field; `shift` is added to its tag."""
    return varint((number << 3 | 2) + shift, tag_bytes) + varint(len(contents)) + contents


PLAIN = model([NODE("Add", ["x", "a"], ["y"])], {"a": np.ones(4, np.float32)})


def test_what_adr_export_writes_passes(exported, any_order):
    for folder in (*exported.values(), *any_order.values()):
        for path in folder.glob("*.onnx"):
            check_onnx(path.read_bytes(), str(path), path.stem)
    check_onnx(PLAIN.SerializeToString(), "x.onnx", "step")


def test_external_data(bundle_copy):
    def outside(made):
        tensor = made.graph.initializer[0]
        tensor.data_location = TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value="../../../etc/passwd")

    folder = bundle_copy("sound")
    change_graph(folder, "decode", outside)
    refuse(folder, "decode.onnx", "external data")
    constant = NODE("Constant", [], ["c"], value=numpy_helper.from_array(np.zeros(2, np.float32)))
    constant.attribute[0].t.external_data.add(key="location", value="x")
    refused(model([constant, NODE("Add", ["x", "c"], ["y"])]), "external data")


@pytest.mark.parametrize("disguise", [{"shift": 1 << 32}, {"shift": 1 << 35}, {"tag_bytes": 3}, {"tag_bytes": 10}])
def test_external_data_in_disguise(bundle_copy, disguise):
    """Field 13 in an encoding that protobuf's parser takes for it: a longer number, or one that it cuts off."""
    entry = message(1, b"location") + message(2, b"secret")
    tensor = b"".join(
        (varint(1 << 3), varint(2), varint(2 << 3), varint(1), message(8, b"a"), varint(14 << 3), varint(0))
    ) + message(13, entry, **disguise)  # fmt: skip
    graph = PLAIN.graph.SerializeToString() + message(5, tensor)
    refused(varint(1 << 3) + varint(10) + message(7, graph), "not an ONNX file that adr-export writes")
    folder = bundle_copy("sound")
    reseal(folder, "head", (folder / "head.onnx").read_bytes() + message(7, message(5, tensor)))
    refuse(folder, "head.onnx: not an ONNX file that adr-export writes")


def test_bytes_that_no_writer_of_protobuf_makes():
    whole = PLAIN.SerializeToString()
    for more, says in (
        (b"\x00\x01", "field number 0"),
        (b"\x0b", "wire type 3"),
        (b"\x0f", "wire type 7"),
        (varint(1 << 35) + b"\x00", "field number"),
        (b"\x28" + b"\xff" * 9 + b"\x7f", "an unusual encoding"),
        (b"\x28" + b"\xff" * 11, "an unusual encoding"),
        (b"\x28\x80\x00", "an unusual encoding"),
        (b"\x3a\xff\xff\xff\xff\x0f", "cut short"),
        (message(7, b""), "two fields 7 of a model"),
        (message(99, b""), "field 99 of a model"),
        (varint(7 << 3) + b"\x01", "field 7 of a model"),
        (message(20, b""), "has training beside its graph"),
        (message(25, b""), "has functions beside its graph"),
    ):
        refused(whole + more, says)
    refused(b"", "no graph")
    # A negative attribute takes ten bytes, and is what it should be.
    negative = model([NODE("Softmax", ["x"], ["y"], axis=-1)])
    check_onnx(negative.SerializeToString(), "x.onnx", "step")


def test_a_file_of_tiny_fields_is_left_after_so_many():
    refused(PLAIN.SerializeToString() + b"\x2a\x00" * 2, "field 5 of a model")
    refused(PLAIN.SerializeToString() + message(14, b"") * (MAX_FIELDS + 1), f"more than {MAX_FIELDS} fields")
    dims = message(1, b"\x01" * 1000)
    refused(message(7, message(5, dims)), "more than 8 numbers")
    refused(message(7, message(5, dims[:1] + b"\x01\x7f" + varint(2 << 3) + b"\x01")), "larger than its data")


def loop(kind: str) -> onnx.ModelProto:
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in ("i", "o")]
    body = helper.make_graph([NODE("Neg", ["i"], ["o"])], "b", values[:1], values[1:])
    more = {
        "Scan": {"body": body, "num_scan_inputs": 1}, "Loop": {"body": body},
        "If": {"then_branch": body, "else_branch": body}, "SequenceMap": {"body": body},
    }[kind]  # fmt: skip
    return model([NODE(kind, ["x"], ["y"], **more)])


def test_loops_and_foreign_operators():
    for kind in ("Loop", "If", "SequenceMap"):
        refused(loop(kind), f"operator '{kind}' is none that adr-export writes there", "head")
    refused(loop("Scan"), "operator 'Scan' is none that adr-export writes there", "step")
    check_onnx(loop("Scan").SerializeToString(), "x.onnx", "head")
    nested = loop("Scan")
    inner = nested.graph.node[0].attribute[0].g
    assert inner.name == "b"
    inner.node.add().CopyFrom(loop("Scan").graph.node[0])
    refused(nested, "operator 'Scan'", "head")
    # A body on a node that has none, which a reader might run all the same.
    plain = model([NODE("Neg", ["x"], ["y"], body=inner)])
    refused(plain, "Neg with or without a graph of its own", "head")
    refused(model([NODE("Scan", ["x"], ["y"])]), "Scan with or without", "head")
    refused(model([NODE("NonZero", ["x"], ["y"])]), "operator 'NonZero'")
    refused(model([NODE("Add", ["x", "x"], ["y"], domain="evil")]), "operator 'evil.Add'")
    microsoft = (("", 23), ("com.microsoft", 1))
    refused(model([NODE("FusedMatMul", ["x", "x"], ["y"], domain="com.microsoft")], domains=microsoft), "FusedMatMul")


def test_attributes():
    """ONNX Runtime does not look at all of them: the first two end the whole process."""
    for node, says in (
        (NODE("GatherND", ["x", "n"], ["y"], batch_dims=-(1 << 62)), "batch_dims of"),
        (NODE("Split", ["x"], ["y"], num_outputs=3, axis=0), "a Split whose num_outputs is not the number"),
        (NODE("Transpose", ["x"], ["y"], perm=[0, 1 << 40]), r"attribute perm of \[0, 1099511627776\]"),
        (NODE("Neg", ["x"], ["y"], evil=1), "attribute 'evil'"),
        (NODE("Neg", ["x"], ["y"], evil="x"), "attribute 'evil'"),
        (NODE("Neg", ["x"], ["y"], mode=1), "attribute 'mode'"),
        (NODE("Conv", ["x", "x"], ["y"], pads=[1] * 65), r"attribute pads of \[1, 1"),
    ):
        refused(model([node], {"n": np.array([[0]])}), says)


def test_versions_of_operators():
    for domains, says in (
        ((("", 19),), "operators of ONNX in version 19"),
        ((("", 26),), "operators of ONNX in version 26"),
        ((("", 23), ("ai.onnx.ml", 3)), "operators of 'ai.onnx.ml' in version 3"),
        ((("", 23), ("com.microsoft", 2)), "operators of 'com.microsoft' in version 2"),
    ):
        refused(model([NODE("Neg", ["x"], ["y"])], domains=domains), says)


def test_an_input_that_is_named_twice():
    """ONNX Runtime takes the second name; a walker that takes the first would not see what is constant."""
    made = model([NODE("Add", ["x", "a"], ["y"])], {"a": np.ones(4, np.float32)}).SerializeToString()
    named = onnx.load_model_from_string(made).graph.input[0].SerializeToString()
    doubled = b"\x0a\x01a" + named
    graph = onnx.load_model_from_string(made).graph
    del graph.input[:]
    whole = message(7, graph.SerializeToString() + message(11, doubled)) + b"\x08\x0a" + message(8, b"\x10\x17")
    refused(whole, "two fields 1 of a value")
