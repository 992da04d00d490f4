"""The protobuf wire format, strictly: fields of a message in the one encoding that a writer of today gives them.

What another reader might take for something else is refused: numbers that are longer than they need to be, field
numbers that the format does not have, and wire types that ONNX does not use. All readers of a file share a `Budget`,
so that a file of a million tiny fields costs no more than one of a few.
"""

from collections.abc import Iterator

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
# The largest of the shipped graphs has 8,243.
MAX_FIELDS = 1 << 16
MAX_FIELD_NUMBER = (1 << 29) - 1
WIDEST = (1 << 64) - 1
VARINT_BYTES = 10


class Budget:
    """How many fields may still be read of a file."""

    def __init__(self, fields: int = MAX_FIELDS):
        self.left, self.most = fields, fields

    def spend(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise ValueError(f"more than {self.most} fields")


def read_fields(message: memoryview, budget: Budget) -> Iterator[tuple[int, int, memoryview | int]]:
    """(field number, wire type, contents) of each field: a number for varints, bytes otherwise. Raises ValueError."""
    offset = 0
    while offset < len(message):
        budget.spend()
        tag, offset = read_varint(message, offset)
        number, wire = tag >> 3, tag & 7
        if not 0 < number <= MAX_FIELD_NUMBER:
            raise ValueError(f"field number {number}")
        if wire == VARINT:
            value, offset = read_varint(message, offset)
            yield number, wire, value
            continue
        if wire == BYTES:
            size, offset = read_varint(message, offset)
        elif wire in (FIXED64, FIXED32):
            size = 8 if wire == FIXED64 else 4
        else:
            raise ValueError(f"wire type {wire}")
        if size > len(message) - offset:
            raise ValueError("cut short")
        yield number, wire, message[offset : offset + size]
        offset += size


def read_varint(message: memoryview, offset: int) -> tuple[int, int]:
    """An unsigned number of up to 64 bits at `at`, and where it ends. Raises ValueError where it is longer than it
    needs to be."""
    value = 0
    for i in range(VARINT_BYTES):
        if offset + i >= len(message):
            raise ValueError("cut short")
        byte = message[offset + i]
        value |= (byte & 0x7F) << (7 * i)
        if byte < 0x80:
            if (i and not byte) or value > WIDEST:
                break
            return value, offset + i + 1
    raise ValueError("a number in an unusual encoding")


def read_numbers(value: memoryview | int, most: int) -> list[int]:
    """A repeated number, one or several packed, of which there may be `most`. Raises ValueError."""
    if isinstance(value, int):
        return [value]
    if len(value) > most * VARINT_BYTES:
        raise ValueError(f"more than {most} numbers")
    numbers, offset = [], 0
    while offset < len(value):
        number, offset = read_varint(value, offset)
        numbers.append(number)
    return numbers
