"""What ONNX Runtime computes of a graph when it loads it, and a bound on that.

A node whose inputs are all constants is computed once, before the first run. That unpacks float16 weights, which is
wanted; but sixteen bytes for a ConstantOfShape, or two rows for an outer product, would become gigabytes. ONNX Runtime
computes no output above a limit that it is told (`Constants.limit`, `adr_runtime.inference.memory`); how many there may
be below it is counted here.
"""

from collections.abc import Sequence

# An output of this many bytes may always be kept, all of a file together up to TOTAL or its size GROWTH times.
SMALLEST_LIMIT, TOTAL, GROWTH = 1 << 18, 1 << 28, 8
# Bytes of the widest element that a Cast can make.
WIDEST = 8
# What these make is as large as a number says; adr-export computes those whose number is in the file.
GROWING = ("ConstantOfShape", "Expand", "Range")


class Constants:
    """Counts the nodes of a graph that may be computed at load. A name is taken for a constant unless it depends on an
    input of the graph; only a shape does so in part, so that a `Shape` counts as one."""

    def __init__(self, file_bytes: int):
        self.file_bytes = file_bytes
        self.packed: set[str] = set()
        self.stored: set[str] = set()
        self.largest, self.computed = 0, 0

    @property
    def limit(self) -> int:
        """The largest constant, in bytes, that ONNX Runtime may compute: as many elements as the largest stored one."""
        return max(WIDEST * self.largest, SMALLEST_LIMIT)

    def tensor(self, name: str, size: int) -> None:
        """Take a stored tensor of `size` elements into account."""
        self.largest = max(self.largest, size)
        if name:
            self.packed.add(name)
            self.stored.add(name)

    def node(self, operator: str, inputs: Sequence[str], outputs: Sequence[str], varying: set[str]) -> None:
        """Take a node into account; `varying` are the names that depend on an input so far. Raises ValueError."""
        varies, stored = any(name in varying for name in inputs), all(name in self.stored for name in inputs)
        # A name may hide one of the graph around.
        varying.difference_update(outputs)
        self.stored.difference_update(outputs)
        if operator != "Shape" and varies:
            varying.update(outputs)
            return
        if stored:
            self.stored.update(outputs)
            if operator in GROWING:
                raise ValueError(f"{operator} of constants alone")
        if operator == "Cast" and inputs[:1] and inputs[0] in self.packed:
            # Once each: all together they are no larger than the file, unpacked.
            self.packed.discard(inputs[0])
        else:
            self.computed += len(outputs)

    def check(self) -> None:
        """Raises ValueError where all constants together might be too large."""
        most = max(TOTAL, GROWTH * self.file_bytes)
        if self.computed * self.limit > most:
            raise ValueError(f"{self.computed} constants to compute, of up to {self.limit} bytes each, are too many")
