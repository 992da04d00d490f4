"""Protobuf written by hand: encodings that the onnx package never makes, and that a parser must yet survive."""

from random import Random

# Field numbers of onnx.proto.
MODEL_GRAPH, GRAPH_NODE, GRAPH_INITIALIZER, NODE_ATTRIBUTE, ATTRIBUTE_TENSOR, ATTRIBUTE_GRAPH = 7, 1, 5, 5, 5, 6
TENSOR_DIMS, TENSOR_TYPE, TENSOR_NAME, TENSOR_EXTERNAL, TENSOR_LOCATION = 1, 2, 8, 13, 14


def varint(value: int, padding: int = 0) -> bytes:
    """LEB128, with `padding` needless bytes."""
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    for _ in range(padding):
        out[-1] |= 128
        out.append(0)
    return bytes(out)


def field(number: int, value: bytes | int, spelling: str = "plain") -> bytes:
    """A field; `spelling` says how its tag is written: plain, padded, or beyond 32 bits, where parsers cut it off."""
    tag = number << 3 | (0 if isinstance(value, int) else 2)
    tag += {"high": 1 << 32, "higher": 1 << 35}.get(spelling, 0)
    head = varint(tag, 2 if spelling == "padded" else 0)
    return head + (varint(value) if isinstance(value, int) else varint(len(value)) + value)


def external_tensor(random: Random, name: str, dims: tuple[int, ...], dtype: int, file: str) -> bytes:
    """A TensorProto whose data lie in another file."""
    spelling = random.choice(("plain", "padded", "high", "higher"))
    pairs = {"location": file, "offset": "0", "length": str(4 * max(1, _product(dims)))}
    entries = [field(1, key.encode()) + field(2, value.encode()) for key, value in pairs.items()]
    body = b"".join(field(TENSOR_DIMS, size) for size in dims)
    body += field(TENSOR_TYPE, dtype) + field(TENSOR_NAME, name.encode())
    body += b"".join(field(TENSOR_EXTERNAL, entry, spelling) for entry in entries)
    return body + field(TENSOR_LOCATION, 1, random.choice((spelling, "plain")))


def with_initializer(model: bytes, graph: bytes, tensor: bytes, merged: bool) -> bytes:
    """`model` with the graph `graph` and one initializer more. Parsers merge repeated messages, so the graph may also
    come in two parts."""
    more = field(GRAPH_INITIALIZER, tensor)
    parts = (graph, more) if merged else (graph + more,)
    return model + b"".join(field(MODEL_GRAPH, part) for part in parts)


def deep(model: bytes, depth: int) -> bytes:
    """With graphs in attributes of nodes in graphs, `depth` times."""
    graph = b""
    for _ in range(depth):
        graph = field(GRAPH_NODE, field(NODE_ATTRIBUTE, field(ATTRIBUTE_GRAPH, graph)))
        if len(graph) > 1 << 20:
            break
    return model + field(MODEL_GRAPH, graph)


def many_fields(model: bytes, random: Random) -> bytes:
    """A megabyte of fields of two bytes, of which each becomes an object in a careless parser."""
    tiny = random.choice((field(MODEL_GRAPH, b""), field(1, 1), field(14, b""), b"\xa2\x06\x00"))
    return model + tiny * ((1 << 20) // len(tiny))


def _product(sizes: tuple[int, ...]) -> int:
    out = 1
    for size in sizes:
        out *= size
    return out
