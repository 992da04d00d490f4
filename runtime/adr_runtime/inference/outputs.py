"""What a graph puts out is checked before anybody uses it: a bundle comes from others, and so do its graphs' numbers.

Shapes must be those of the manifest, where a named dimension is as long as in the inputs of the same run; numbers must
be finite, and log-probabilities those of a distribution. Of states only the shapes are looked at, since they are large
and nobody uses them but the graph; `adr_runtime.causal.stream_state` looks inside when one is saved or read.
"""

from typing import Any

import numpy as np

from adr_runtime.bundles.specs import GraphSpec, Shape, Sizes
from adr_runtime.errors import ADRError

# How far probabilities may be from a sum of one.
TOLERANCE = 1e-3


class OutputCheck:
    """Checks the outputs of one graph, as `graph` describes it, against the inputs of the run."""

    def __init__(self, file: str, graph: GraphSpec, sizes: Sizes):
        self.file, self.sizes = file, sizes
        self.sources: dict[str, tuple[str, int]] = {}
        for tensor in graph.inputs:
            for axis, size in enumerate(tensor.shape):
                if isinstance(size, str):
                    self.sources.setdefault(size, (tensor.name, axis))
        self.shapes: list[tuple[str, Shape]] = [(tensor.name, tensor.shape) for tensor in graph.outputs]
        self.used = [t.name for t in graph.outputs if t.dtype == "float32" and not t.name.startswith("present.")]
        # The shapes of a run are those of the last one as long as its inputs are as large; replaced as a whole.
        self.last: tuple[list[int], list[tuple[str, tuple[int, ...]]]] = ([], [])

    def __call__(self, feed: dict[str, Any], outputs: dict[str, Any]) -> None:
        """feed and outputs by name, NumPy arrays or ONNX Runtime's values. Raises ADRError."""
        lengths = [shape_of(feed[name])[axis] for name, axis in self.sources.values()]
        last_lengths, shapes = self.last
        if lengths != last_lengths:
            shapes = self.expected(lengths)
            self.last = (lengths, shapes)
        for name, shape in shapes:
            if shape_of(outputs[name]) != shape:
                self.refuse(name, f"a shape of {list(shape)}", str(list(shape_of(outputs[name]))))
        for name in self.used:
            self.check_numbers(name, outputs[name])

    def expected(self, lengths: list[int]) -> list[tuple[str, tuple[int, ...]]]:
        sizes = dict(zip(self.sources, lengths, strict=True))
        sizes |= self.sizes(sizes)
        return [
            (name, tuple(sizes[size] if isinstance(size, str) else size for size in shape))
            for name, shape in self.shapes
        ]

    def check_numbers(self, name: str, values: np.ndarray) -> None:
        finite = np.isfinite(values)
        # Of the ways to ask whether all are, this one takes the least time of a token.
        if np.count_nonzero(finite) != values.size:
            self.refuse(name, "finite numbers", str(values[~finite][0]))
        if name == "log_probabilities" and values.size:
            with np.errstate(over="ignore"):
                total = np.exp(values).sum(-1)
            worst = total.reshape(-1)[np.abs(total - 1).argmax()]
            if not abs(worst - 1) <= TOLERANCE:
                self.refuse(name, "probabilities that add up to 1", f"{worst:g}")

    def refuse(self, name: str, expected: str, found: str) -> None:
        raise ADRError(f"{self.file}: {name}: expected {expected}, found {found}")


def shape_of(value: Any) -> tuple[int, ...]:
    """Of an array, or of a value that lives on a device."""
    return value.shape if isinstance(value, np.ndarray) else tuple(value.shape())
