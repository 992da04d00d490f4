"""The fields of onnx.proto that `adr-export` writes, by message: field number -> wire types."""

from adr_runtime.bundles.protobuf import BYTES, FIXED32, FIXED64, VARINT

FIELDS: dict[str, dict[int, tuple[int, ...]]] = {
    # ir_version, producer_name, producer_version, domain, model_version, doc_string, graph, opset_import,
    # metadata_props; not training_info (20) and functions (25).
    "model": {
        1: (VARINT,), 2: (BYTES,), 3: (BYTES,), 4: (BYTES,), 5: (VARINT,), 6: (BYTES,), 7: (BYTES,), 8: (BYTES,),
        14: (BYTES,),
    },
    # domain, version
    "opset": {1: (BYTES,), 2: (VARINT,)},
    # node, name, initializer, doc_string, input, output, value_info, metadata_props; not sparse_initializer (15)
    "graph": dict.fromkeys((1, 2, 5, 10, 11, 12, 13, 16), (BYTES,)),
    # name, type, doc_string, metadata_props
    "value": dict.fromkeys((1, 2, 3, 4), (BYTES,)),
    # input, output, name, op_type, attribute, doc_string, domain, metadata_props
    "node": dict.fromkeys((1, 2, 3, 4, 5, 6, 7, 9), (BYTES,)),
    # name, f, i, s, t, g, floats, ints, strings, doc_string, type; not tensors, graphs and sparse tensors
    "attribute": {
        1: (BYTES,), 2: (FIXED32,), 3: (VARINT,), 4: (BYTES,), 5: (BYTES,), 6: (BYTES,), 7: (FIXED32, BYTES),
        8: (VARINT, BYTES), 9: (BYTES,), 13: (BYTES,), 20: (VARINT,),
    },
    # dims, data_type, float_data, int32_data, int64_data, name, raw_data, double_data, uint64_data, doc_string,
    # external_data, data_location, metadata_props; external_data and data_location are looked at
    "tensor": {
        1: (VARINT, BYTES), 2: (VARINT,), 4: (FIXED32, BYTES), 5: (VARINT, BYTES), 7: (VARINT, BYTES), 8: (BYTES,),
        9: (BYTES,), 10: (FIXED64, BYTES), 11: (VARINT, BYTES), 12: (BYTES,), 13: (BYTES,), 14: (VARINT,), 16: (BYTES,),
    },
}  # fmt: skip
# Protobuf would take the last of several, or join them.
ONCE = {
    "model": {1, 7}, "opset": {1, 2}, "graph": {2}, "value": {1, 2}, "node": {3, 4, 7},
    "attribute": {1, 2, 3, 4, 5, 6, 20}, "tensor": {2, 8, 9, 14},
}  # fmt: skip
