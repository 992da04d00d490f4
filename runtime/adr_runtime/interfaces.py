"""What the graphs of a bundle take and put out.

The runtime feeds these inputs and reads these outputs, so a manifest that says otherwise is refused before anything
runs. Named dimensions are the same everywhere: `rows` of the batch (guides * batch for the backbone), `length` tokens,
`samples` or a `height` of what is encoded, `past` tokens in a softmax mixer's cache and `total` after the run.
"""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from adr_runtime.strict_json import refuse

if TYPE_CHECKING:
    from adr_runtime.any_order_manifest import AnyOrderManifest
    from adr_runtime.manifest import GraphSpec, Manifest, StateSpec, TensorSpec

# Of one graph, and of all graphs together.
MAX_FILE_BYTES = 1 << 30
MAX_STATE_BYTES = 1 << 28
MAX_RANK = 6
# States of a bundle, inputs and outputs of a graph.
MAX_TENSORS = 512
ITEM_BYTES = {"bool": 1, "float32": 4, "float64": 8, "int64": 8}
# The sampler's table has one row of these a step (`adr_runtime.samplers`).
COEFFICIENTS = 7

Shape = tuple[int | str, ...]
# name -> dtype and shape
Tensors = dict[str, tuple[str, Shape]]
# The dimensions that a run's outputs have beside those of its inputs, from these.
Sizes = Callable[[dict[str, int]], dict[str, int]]


def check_graph(where: str, graph: "GraphSpec") -> None:
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


def check_interfaces(manifest: "Manifest") -> None:
    """Raises ADRError that names graph or state, what was expected and what was found."""
    if len(manifest.states) > MAX_TENSORS:
        refuse("states", f"at most {MAX_TENSORS}", len(manifest.states))
    size = sum(ITEM_BYTES[s.dtype] * math.prod(n for n in s.shape if isinstance(n, int)) for s in manifest.states)
    if size > MAX_STATE_BYTES:
        refuse("states", f"at most {MAX_STATE_BYTES} bytes a row", size)
    for i, state in enumerate(manifest.states):
        check_state(f"states[{i}]", state, manifest)
    channels, condition = manifest.tokens.channels, manifest.tokens.condition
    named: Tensors = {what: ("int64", ("rows",)) for what in ("label", "speaker") if getattr(manifest, f"{what}s")}
    end: Tensors = {"end": ("float32", ("rows",))} if manifest.ends else {}
    past, present = {**named, **states_in(manifest, "backbone")}, states_out(manifest, "backbone")
    check_tensors(manifest, "step", {"token": floats("rows", channels), **past},
                  {"condition": floats("rows", condition), **end, **present})  # fmt: skip
    check_tensors(manifest, "parallel", {"tokens": floats("rows", "length", channels), **past},
                  {"conditions": floats("rows", "length", condition), **present})  # fmt: skip
    check_head(manifest)
    check_codec(manifest)


def check_head(manifest: "Manifest") -> None:
    channels, modulation = manifest.tokens.channels, modulation_width(manifest)
    times = ("timestep", "arrival") if manifest.jumps else ("timestep",)
    check_tensors(manifest, "timestep", dict.fromkeys(times, ("int64", ("steps",))),
                  {"modulation": floats("steps", modulation)})  # fmt: skip
    inputs = {
        "condition": floats("guides", "batch", manifest.tokens.condition), "mix": floats("guides", "batch"),
        "modulation": floats("steps", modulation), "coefficients": floats("steps", COEFFICIENTS),
        "initial": floats("batch", channels), "noise": floats("steps", "batch", channels), "clip": floats(),
    }  # fmt: skip
    check_tensors(manifest, "head", inputs, {"token": floats("batch", channels)})


def check_codec(manifest: "Manifest") -> None:
    channels, image = manifest.tokens.channels, manifest.image
    past, present = states_in(manifest, "decode"), states_out(manifest, "decode")
    made: Tensors = {"samples": floats("rows", "samples")}
    taken, length = made, manifest.tokens.length or "length"
    if image:
        made = {"pixels": floats("rows", image.height, image.width, image.channels)}
        taken = {"pixels": floats("rows", "height", image.width, image.channels)}
    check_tensors(manifest, "decode", {"tokens": floats("rows", length, channels), **past}, {**made, **present})
    check_tensors(manifest, "encode", taken, {"tokens": floats("rows", "length", channels)})


def check_network(manifest: "AnyOrderManifest") -> None:
    """The same for the one graph of an any-order model."""
    spec = manifest.variables
    variables: Shape = ("rows", spec.dimensions)
    inputs: Tensors = {
        "low": ("int64", variables), "known": ("bool", variables), "stage": ("int64", ("rows",)),
        "index": ("int64", ("rows", "count")),
    }  # fmt: skip
    check_tensors(manifest, "network", inputs, {"log_probabilities": floats("rows", "count", spec.branching)})


def output_sizes(manifest: "Manifest | AnyOrderManifest", key: str) -> Sizes:
    """How long the dimensions of a graph's outputs are that its inputs do not have."""
    audio, image = getattr(manifest, "audio", None), getattr(manifest, "image", None)
    if key == "decode" and audio:
        return lambda sizes: {"samples": sizes["length"] * audio.hop}
    if key == "encode" and audio:
        return lambda sizes: {"length": sizes["samples"] // audio.hop}
    if key == "encode" and image:
        return lambda sizes: {"length": sizes["height"] * image.width // image.patch**2}
    if any("past" in state.shape for state in getattr(manifest, "states", ())) and key in ("step", "parallel"):
        return lambda sizes: {"total": sizes["past"] + sizes.get("length", 1)}
    return lambda sizes: {}


def floats(*shape: int | str) -> tuple[str, Shape]:
    return "float32", shape


def modulation_width(manifest: "Manifest") -> int | str:
    """As wide as the timestep graph says, which the head must take."""
    last = manifest.graphs["timestep"].outputs[:1]
    return last[0].shape[-1] if last and last[0].shape and isinstance(last[0].shape[-1], int) else "a size"


def states_in(manifest: "Manifest", graph: str) -> Tensors:
    return {state.past: (state.dtype, state.shape) for state in manifest.states_of(graph)}


def states_out(manifest: "Manifest", graph: str) -> Tensors:
    return {state.present: (state.dtype, grown(state.shape)) for state in manifest.states_of(graph)}


def grown(shape: Shape) -> Shape:
    return tuple("total" if size == "past" else size for size in shape)


def check_tensors(manifest: "Manifest | AnyOrderManifest", key: str, inputs: Tensors, outputs: Tensors) -> None:
    graph: GraphSpec = manifest.graphs[key]
    for side, found, expected in (("inputs", graph.inputs, inputs), ("outputs", graph.outputs, outputs)):
        where, names = f"graphs.{key}.{side}", sorted(tensor.name for tensor in found)
        if names != sorted(expected):
            refuse(where, ", ".join(sorted(expected)), names)
        for tensor in found:
            check_tensor(f"{where}.{tensor.name}", tensor, *expected[tensor.name])


def check_tensor(where: str, tensor: "TensorSpec", dtype: str, shape: Shape) -> None:
    if (tensor.dtype, tensor.shape) != (dtype, shape):
        refuse(where, spelled(dtype, shape), spelled(tensor.dtype, tensor.shape))


def spelled(dtype: str, shape: Shape) -> str:
    return f"{dtype} [{', '.join(map(str, shape))}]"


def check_state(where: str, state: "StateSpec", manifest: "Manifest") -> None:
    """A state starts with its rows, grows in one dimension at most, and is what its graphs take and put out."""
    if state.graph not in ("backbone", "decode"):
        refuse(f"{where}.graph", "backbone or decode", state.graph)
    named = [size for size in state.shape if isinstance(size, str)]
    if named not in (["rows"], ["rows", "past"]) or state.shape[0] != "rows":
        refuse(f"{where}.shape", 'a first dimension "rows", and "past" for a cache', list(state.shape))
    for name, begin in ((state.past, "past."), (state.present, "present.")):
        if not name.startswith(begin):
            refuse(f"{where}.{begin[:-1]}", f"a name that begins with {begin}", name)
    if sum(state.past == other.past or state.present == other.present for other in manifest.states) > 1:
        refuse(f"{where}.past", "no state twice", state.past)
    for key in ("step", "parallel") if state.graph == "backbone" else ("decode",):
        graph = manifest.graphs[key]
        for field, name, tensors, shape in (
            ("past", state.past, graph.inputs, state.shape),
            ("present", state.present, graph.outputs, grown(state.shape)),
        ):
            found = [tensor for tensor in tensors if tensor.name == name]
            if not found:
                refuse(f"{where}.{field}", f"an {'input' if field == 'past' else 'output'} of {key}", name)
            check_tensor(f"graphs.{key}.{name}", found[0], state.dtype, shape)
