"""What a manifest says of a bundle's files: graphs, their tensors and shapes, and files that are no graphs."""

from collections.abc import Callable
from dataclasses import dataclass

# Of each measured or given thing, by name.
Flat = dict[str, str | float | int | bool | None]
# A dimension is a size or the name of a dynamic one.
Shape = tuple[int | str, ...]
# name -> dtype and shape
Tensors = dict[str, tuple[str, Shape]]
# The dimensions that a run's outputs have beside those of its inputs, from these.
Sizes = Callable[[dict[str, int]], dict[str, int]]

ITEM_BYTES = {"bool": 1, "float32": 4, "float64": 8, "int64": 8}


@dataclass(frozen=True)
class TensorSpec:
    """A graph's input or output."""

    name: str
    dtype: str
    shape: tuple[int | str, ...]


@dataclass(frozen=True)
class FileSpec:
    """A file of the bundle that is no graph."""

    file: str
    sha256: str
    bytes: int


@dataclass(frozen=True)
class GraphSpec:
    """A file of the bundle, its hash and size, and what its graph takes and puts out."""

    file: str
    sha256: str
    bytes: int
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
