"""What the graphs of a bundle take and put out, against what its manifest says of them.

The runtime feeds the inputs and reads the outputs that each family lists, so a manifest that says otherwise is refused
before anything runs.
"""

from adr_runtime.bundles.specs import ITEM_BYTES, GraphSpec, Shape, Tensors, TensorSpec
from adr_runtime.bundles.strict_json import refuse

# Of one graph, and of all graphs together.
MAX_FILE_BYTES = 1 << 30
MAX_RANK = 6
# States of a bundle, inputs and outputs of a graph.
MAX_TENSORS = 512


def check_graph(where: str, graph: GraphSpec) -> None:
    confined = graph.file == graph.file.strip(". ") and not set(graph.file) & set("/\\:\0") and graph.file
    if not confined:
        refuse(f"{where}.file", "a plain file name inside the bundle", graph.file)
    if not 0 < graph.bytes <= MAX_FILE_BYTES:
        refuse(f"{where}.bytes", f"1 to {MAX_FILE_BYTES}", graph.bytes)
    tensors = (*graph.inputs, *graph.outputs)
    if len(tensors) > 2 * MAX_TENSORS:
        refuse(where, f"at most {2 * MAX_TENSORS} inputs and outputs", len(tensors))
    for tensor in tensors:
        check_shape(f"{where}.{tensor.name}", tensor.dtype, tensor.shape)


def check_shape(where: str, dtype: str, shape: tuple[int | str, ...]) -> None:
    if dtype not in ITEM_BYTES:
        refuse(where, f"a dtype of {', '.join(ITEM_BYTES)}", dtype)
    if len(shape) > MAX_RANK:
        refuse(where, f"at most {MAX_RANK} dimensions", list(shape))
    if any(isinstance(size, int) and size < 1 for size in shape):
        refuse(where, "sizes of at least 1", list(shape))


def check_tensors(graphs: dict[str, GraphSpec], key: str, inputs: Tensors, outputs: Tensors) -> None:
    """Raises ADRError unless the graph `key` has exactly these inputs and outputs."""
    graph = graphs[key]
    for side, tensors, expected in (("inputs", graph.inputs, inputs), ("outputs", graph.outputs, outputs)):
        where, names = f"graphs.{key}.{side}", sorted(tensor.name for tensor in tensors)
        if names != sorted(expected):
            refuse(where, ", ".join(sorted(expected)), names)
        for tensor in tensors:
            check_tensor(f"{where}.{tensor.name}", tensor, *expected[tensor.name])


def check_tensor(where: str, tensor: TensorSpec, dtype: str, shape: Shape) -> None:
    if (tensor.dtype, tensor.shape) != (dtype, shape):
        refuse(where, spelled(dtype, shape), spelled(tensor.dtype, tensor.shape))


def floats(*shape: int | str) -> tuple[str, Shape]:
    return "float32", shape


def spelled(dtype: str, shape: Shape) -> str:
    return f"{dtype} [{', '.join(map(str, shape))}]"
