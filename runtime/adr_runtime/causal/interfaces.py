"""What the graphs of a causal bundle take and put out.

Named dimensions are the same everywhere: `rows` of the batch (guides * batch for the backbone), `length` tokens,
`samples` or a `height` of what is encoded, `past` tokens in a softmax mixer's cache and `total` after the run.
"""

import math

from adr_runtime.bundles.interfaces import MAX_TENSORS, check_shape, check_tensor, check_tensors, floats
from adr_runtime.bundles.specs import ITEM_BYTES, Shape, Tensors
from adr_runtime.bundles.strict_json import refuse
from adr_runtime.causal.manifest import CausalManifest, StateSpec

MAX_STATE_BYTES = 1 << 28
# The sampler's table has one row of these a step (`adr_runtime.causal.samplers`).
COEFFICIENTS = 7


def check_interfaces(manifest: CausalManifest) -> None:
    """Raises ADRError that names graph or state, what was expected and what was found."""
    if len(manifest.states) > MAX_TENSORS:
        refuse("states", f"at most {MAX_TENSORS}", len(manifest.states))
    for i, state in enumerate(manifest.states):
        check_shape(f"states[{i}]", state.dtype, state.shape)
    size = sum(ITEM_BYTES[s.dtype] * math.prod(n for n in s.shape if isinstance(n, int)) for s in manifest.states)
    if size > MAX_STATE_BYTES:
        refuse("states", f"at most {MAX_STATE_BYTES} bytes a row", size)
    for i, state in enumerate(manifest.states):
        check_state(f"states[{i}]", state, manifest)
    channels, condition = manifest.tokens.channels, manifest.tokens.condition
    named: Tensors = {what: ("int64", ("rows",)) for what in ("label", "speaker") if getattr(manifest, f"{what}s")}
    end: Tensors = {"end": ("float32", ("rows",))} if manifest.ends else {}
    controls = len(manifest.controls)
    one: Tensors = {"controls": ("int64", ("rows", controls))} if controls else {}
    several: Tensors = {"controls": ("int64", ("rows", "length", controls))} if controls else {}
    past, present = {**named, **states_in(manifest, "backbone")}, states_out(manifest, "backbone")
    check_tensors(manifest.graphs, "step", {"token": floats("rows", channels), **one, **past},
                  {"condition": floats("rows", condition), **end, **present})  # fmt: skip
    if "parallel" in manifest.graphs:
        check_tensors(manifest.graphs, "parallel", {"tokens": floats("rows", "length", channels), **several, **past},
                      {"conditions": floats("rows", "length", condition), **present})  # fmt: skip
    check_head(manifest)
    check_codec(manifest)


def check_head(manifest: CausalManifest) -> None:
    channels, modulation = manifest.tokens.channels, modulation_width(manifest)
    times = ("timestep", "arrival") if manifest.jumps else ("timestep",)
    check_tensors(manifest.graphs, "timestep", dict.fromkeys(times, ("int64", ("steps",))),
                  {"modulation": floats("steps", modulation)})  # fmt: skip
    inputs = {
        "condition": floats("guides", "batch", manifest.tokens.condition), "mix": floats("guides", "batch"),
        "modulation": floats("steps", modulation), "coefficients": floats("steps", COEFFICIENTS),
        "initial": floats("batch", channels), "noise": floats("steps", "batch", channels), "clip": floats(),
    }  # fmt: skip
    check_tensors(manifest.graphs, "head", inputs, {"token": floats("batch", channels)})


def check_codec(manifest: CausalManifest) -> None:
    channels, image = manifest.tokens.channels, manifest.image
    past, present = states_in(manifest, "decode"), states_out(manifest, "decode")
    decoded: Tensors = {"samples": floats("rows", "samples")}
    encoded, tokens = decoded, {"tokens": floats("rows", manifest.tokens.length or "length", channels)}
    some = {"tokens": floats("rows", "length", channels)}
    if image:
        decoded = {"pixels": floats("rows", image.height, image.width, image.channels)}
        # The top of a picture is its first patches; a pyramid takes all of it.
        encoded = {"pixels": floats("rows", "height", image.width, image.channels)} if image.levels == 1 else decoded
        some = some if image.levels == 1 else tokens
    check_tensors(manifest.graphs, "decode", {**tokens, **past}, {**decoded, **present})
    if "encode" in manifest.graphs:
        check_tensors(manifest.graphs, "encode", encoded, some)


def modulation_width(manifest: CausalManifest) -> int | str:
    """As wide as the timestep graph says, which the head must take."""
    last = manifest.graphs["timestep"].outputs[:1]
    return last[0].shape[-1] if last and last[0].shape and isinstance(last[0].shape[-1], int) else "a size"


def states_in(manifest: CausalManifest, graph: str) -> Tensors:
    return {state.past: (state.dtype, state.shape) for state in manifest.states_of(graph)}


def states_out(manifest: CausalManifest, graph: str) -> Tensors:
    return {state.present: (state.dtype, grown(state.shape)) for state in manifest.states_of(graph)}


def grown(shape: Shape) -> Shape:
    return tuple("total" if size == "past" else size for size in shape)


def check_state(where: str, state: StateSpec, manifest: CausalManifest) -> None:
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
    keys = ("step", "parallel") if state.graph == "backbone" else ("decode",)
    for key, graph in ((key, manifest.graphs[key]) for key in keys if key in manifest.graphs):
        for field, name, tensors, shape in (
            ("past", state.past, graph.inputs, state.shape),
            ("present", state.present, graph.outputs, grown(state.shape)),
        ):
            same = [tensor for tensor in tensors if tensor.name == name]
            if not same:
                refuse(f"{where}.{field}", f"an {'input' if field == 'past' else 'output'} of {key}", name)
            check_tensor(f"graphs.{key}.{name}", same[0], state.dtype, shape)
