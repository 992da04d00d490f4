"""A look into an ONNX file without the onnx package, before ONNX Runtime sees it.

A bundle's graph comes from others. It may hold nothing but what `adr-export` writes: fields and operators on a list, no
functions, no tensor in another file, no loop but the sampler's Scan in the head, and few constants to compute.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from adr_runtime.bundles.constants import Constants
from adr_runtime.bundles.onnx_fields import FIELDS, ONCE
from adr_runtime.bundles.operators import DOMAINS, MAX_ATTRIBUTE_NUMBERS, OPERATORS, check_attribute
from adr_runtime.bundles.protobuf import Budget, read_fields, read_numbers
from adr_runtime.errors import BundleError

MAX_TENSOR_RANK = 8
# Four-bit numbers are the smallest elements of a tensor.
SMALLEST_ELEMENT = 0.5


@dataclass
class Node:
    operator: str = ""
    domain: str = ""
    inputs: list[str] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    bodies: list[memoryview] = field(default_factory=list)
    # The whole numbers of each, none for other kinds.
    attributes: dict[str, list[int]] = field(default_factory=dict)


def check_onnx(data: bytes, file: str, graph: str) -> int:
    """Raises ADRError, in one line, where the ONNX file of the bundle's graph `graph` holds anything that `adr-export`
    does not write. Returns the bytes of the largest constant that ONNX Runtime needs to compute of it."""
    walker = Walker(file, Constants(len(data)), scans=graph == "head")
    try:
        walker.model(memoryview(data))
        walker.constants.check()
    except (IndexError, ValueError) as error:
        raise BundleError(f"{file}: not an ONNX file that adr-export writes ({error})") from error
    return walker.constants.limit


class Walker:
    """Reads a model from its outermost message to its tensors; `scans` says whether a Scan may stand in it."""

    def __init__(self, file: str, constants: Constants, scans: bool):
        self.file, self.constants, self.scans, self.budget = file, constants, scans, Budget()

    def fields(self, message: memoryview | int, kind: str) -> Iterator[tuple[int, Any]]:
        """Number and contents of a message's fields, each known, of the right wire type, and not twice where one is
        meant."""
        assert not isinstance(message, int)
        seen: set[int] = set()
        for number, wire, value in read_fields(message, self.budget):
            if wire not in FIELDS[kind].get(number, ()):
                if kind == "model" and number in (20, 25):
                    raise BundleError(
                        f"{self.file}: has {'functions' if number == 25 else 'training'} beside its graph"
                    )
                raise ValueError(f"field {number} of a {kind}")
            if number in seen and number in ONCE[kind]:
                raise ValueError(f"two fields {number} of a {kind}")
            seen.add(number)
            yield number, value

    def model(self, message: memoryview) -> None:
        graph = None
        for number, value in self.fields(message, "model"):
            if number == 7:
                graph = value
            elif number == 8:
                self.opset(value)
        if graph is None:
            raise ValueError("no graph")
        self.graph(graph, set(), inner=False)

    def opset(self, message: memoryview) -> None:
        domain, version = "", 0
        for number, value in self.fields(message, "opset"):
            if number == 1:
                domain = plain_domain(text(value))
            else:
                version = value
        if version not in DOMAINS.get(domain, ()):
            shown = f"of {domain!r}" if domain else "of ONNX"
            raise BundleError(f"{self.file}: operators {shown} in version {version}, which adr-export does not write")

    def graph(self, message: memoryview, varying: set[str], inner: bool) -> None:
        """A graph; `varying` are the names around it that depend on inputs, `inner` says that it is a Scan's body."""
        nodes, inputs = [], []
        for number, value in self.fields(message, "graph"):
            if number == 1:
                nodes.append(self.node(value))
            elif number == 5:
                name, size = self.tensor(value)
                self.constants.tensor(name, size)
                varying.discard(name)
            elif number == 11:
                inputs.append(self.value_name(value))
        varying.update(inputs)
        for node in nodes:
            self.allow(node, inner)
            self.constants.node(node.operator, node.inputs, node.outputs, varying)
            for body in node.bodies:
                self.graph(body, set(varying), inner=True)

    def allow(self, node: Node, inner: bool) -> None:
        looping = node.operator == "Scan"
        if (node.domain, node.operator) not in OPERATORS or (looping and (inner or not self.scans)):
            name = f"{node.domain}.{node.operator}" if node.domain else node.operator
            raise BundleError(f"{self.file}: operator {ascii(name)[:80]} is none that adr-export writes there")
        if bool(node.bodies) != looping:
            raise BundleError(f"{self.file}: {node.operator} with or without a graph of its own, unlike adr-export's")
        for name, numbers in node.attributes.items():
            check_attribute(name, numbers)
        # ONNX Runtime does not look, and aborts the whole process.
        if node.operator == "Split" and node.attributes.get("num_outputs", [0])[:1] not in ([0], [len(node.outputs)]):
            raise BundleError(f"{self.file}: a Split whose num_outputs is not the number of its outputs")

    def node(self, message: memoryview) -> Node:
        node = Node()
        for number, value in self.fields(message, "node"):
            if number == 1:
                node.inputs.append(text(value))
            elif number == 2:
                node.outputs.append(text(value))
            elif number == 4:
                node.operator = text(value)
            elif number == 7:
                node.domain = plain_domain(text(value))
            elif number == 5:
                self.attribute(value, node)
        return node

    def attribute(self, message: memoryview, node: Node) -> None:
        name, numbers = "", []
        for number, value in self.fields(message, "attribute"):
            if number == 1:
                name = text(value)
            elif number in (3, 8):
                numbers += [signed(one) for one in read_numbers(value, MAX_ATTRIBUTE_NUMBERS)]
            elif number == 5:
                self.constants.tensor("", self.tensor(value)[1])
            elif number == 6:
                node.bodies.append(value)
        node.attributes[name] = numbers

    def tensor(self, message: memoryview) -> tuple[str, int]:
        """Its name, and how many elements it has."""
        name, size, rank = "", 1, 0
        for number, value in self.fields(message, "tensor"):
            if number == 13 or (number == 14 and value):
                raise BundleError(f"{self.file}: a tensor has external data; a bundle's graphs must be self-contained")
            if number == 8:
                name = text(value)
            if number == 1:
                for length in read_numbers(value, MAX_TENSOR_RANK):
                    size, rank = size * length, rank + 1
                    if rank > MAX_TENSOR_RANK or size * SMALLEST_ELEMENT > len(message):
                        raise ValueError("a tensor larger than its data")
        return name, size

    def value_name(self, message: memoryview) -> str:
        """The name of a graph's input."""
        name = ""
        # To the end: what stands there twice is refused only where it is read.
        for number, value in self.fields(message, "value"):
            if number == 1:
                name = text(value)
        return name


def plain_domain(domain: str) -> str:
    """ONNX's own operators go by two names."""
    return "" if domain == "ai.onnx" else domain


def signed(number: int) -> int:
    """A varint of 64 bits as the int64 that ONNX means by it."""
    return number - (1 << 64) if number >> 63 else number


def text(value: memoryview) -> str:
    return bytes(value).decode()
