"""A look into an ONNX file without the onnx package: does it reach for bytes outside itself?

ONNX Runtime follows `external_data` of a tensor to another file. A bundle's graphs are self-contained, so any such
tensor is refused before a session sees the file. This walks the protobuf wire format (varint, fixed and
length-delimited fields) through every place where the ONNX schema can hold a tensor.
"""

from collections.abc import Iterator

from adr_runtime.errors import ADRError

# message -> {field number: message in it}; field numbers as in onnx.proto.
CHILDREN: dict[str, dict[int, str]] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "function": {7: "node", 11: "attribute"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {},
}
TENSOR_EXTERNAL_DATA = 13
TENSOR_DATA_LOCATION = 14
MAX_DEPTH = 64


def refuse_external_data(data: bytes, file: str) -> None:
    """Raises ADRError when a tensor anywhere in the ONNX file points outside it, or the file is no protobuf."""
    try:
        walk(memoryview(data), "model", file, 0)
    except (IndexError, ValueError) as error:
        raise ADRError(f"{file}: not an ONNX file ({error})") from error


def walk(message: memoryview, kind: str, file: str, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise ValueError("nested too deep")
    for number, value in read_fields(message):
        if kind == "tensor" and (number == TENSOR_EXTERNAL_DATA or (number == TENSOR_DATA_LOCATION and value == 1)):
            raise ADRError(f"{file}: a tensor has external data; a bundle's graphs must be self-contained")
        child = CHILDREN[kind].get(number)
        if child is not None:
            if isinstance(value, int):
                raise ValueError(f"field {number} of a {kind} is not a message")
            walk(value, child, file, depth + 1)


def read_fields(message: memoryview) -> Iterator[tuple[int, memoryview | int]]:
    """(field number, contents) of each field; contents are bytes, or a number for varints."""
    at = 0
    while at < len(message):
        tag, at = read_varint(message, at)
        number, wire = tag >> 3, tag & 7
        if wire == 0:
            value, at = read_varint(message, at)
            yield number, value
            continue
        if wire == 2:
            size, at = read_varint(message, at)
        elif wire in (1, 5):
            size = 8 if wire == 1 else 4
        else:
            raise ValueError(f"wire type {wire}")
        if at + size > len(message):
            raise ValueError("cut short")
        yield number, message[at : at + size]
        at += size


def read_varint(message: memoryview, at: int) -> tuple[int, int]:
    value = 0
    for i in range(10):
        if at + i >= len(message):
            raise ValueError("cut short")
        byte = message[at + i]
        value |= (byte & 0x7F) << (7 * i)
        if byte < 0x80:
            return value, at + i + 1
    raise ValueError("a number is too long")
