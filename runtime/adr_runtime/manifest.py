"""manifest.json: what a bundle holds, parsed strictly because a bundle is untrusted input.

Sizes are capped here, before anything is allocated. Every error names the field, what was expected and what was found.
"""

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from adr_runtime.engine import release
from adr_runtime.errors import ADRError, upgrade_hint
from adr_runtime.interfaces import MAX_FILE_BYTES, check_graph, check_interfaces, check_shape
from adr_runtime.samplers import SAMPLERS
from adr_runtime.strict_json import convert, read_json, refuse

if TYPE_CHECKING:
    from adr_runtime.any_order_manifest import AnyOrderManifest

SCHEMA_VERSION = 1
MAX_MANIFEST_BYTES = 4 << 20
MAX_STEPS = 10_000
PREDICTIONS = ("epsilon", "velocity")
GRAPHS = ("step", "parallel", "timestep", "head", "decode", "encode")

Flat = dict[str, str | float | int | bool | None]


@dataclass(frozen=True)
class TensorSpec:
    """A graph's input or output; a dimension is a size or the name of a dynamic one."""

    name: str
    dtype: str
    shape: tuple[int | str, ...]


@dataclass(frozen=True)
class GraphSpec:
    file: str
    sha256: str
    bytes: int
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]


@dataclass(frozen=True)
class StateSpec:
    """A state tensor: fed as `past`, read back as `present`; `graph` is backbone (step and parallel) or decode."""

    graph: str
    past: str
    present: str
    dtype: str
    shape: tuple[int | str, ...]
    initial: float


@dataclass(frozen=True)
class TokenSpec:
    """`channels` of a token, `condition` width, and `length`, the tokens of one picture (null for endless sound)."""

    geometry: str
    channels: int
    condition: int
    length: int | None


@dataclass(frozen=True)
class ScheduleSpec:
    """`betas` of the forward process, what the head predicts, and `clip`, the bound on |x0| while sampling."""

    betas: tuple[float, ...]
    prediction: str
    learned_variance: bool
    clip: float


@dataclass(frozen=True)
class AudioSpec:
    """`hop` samples a token; the decoder runs `delay` samples late, which a fresh stream drops."""

    sample_rate: int
    hop: int
    delay: int


@dataclass(frozen=True)
class ImageSpec:
    height: int
    width: int
    channels: int
    patch: int


@dataclass(frozen=True)
class Defaults:
    steps: int
    sampler: str
    guidance: float
    temperature: float
    seconds: float
    count: int


@dataclass(frozen=True)
class Manifest:
    schema_version: int
    family: str
    kind: str
    name: str
    description: str
    dialect: str
    graphs: dict[str, GraphSpec]
    states: tuple[StateSpec, ...]
    tokens: TokenSpec
    schedule: ScheduleSpec
    labels: tuple[str, ...]
    speakers: tuple[str, ...]
    audio: AudioSpec | None
    image: ImageSpec | None
    defaults: Defaults
    licence: str
    data: str
    training: Flat
    quality: Flat
    parity: Flat
    # The least version of ONNX Runtime that runs the graphs, as "1.25.1"; nothing where nobody has said.
    onnxruntime: str = ""

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n"

    @property
    def ends(self) -> bool:
        """Whether the model says where a clip is over."""
        return any(tensor.name == "end" for tensor in self.graphs["step"].outputs)

    @property
    def jumps(self) -> bool:
        """Whether the head was distilled into jumps from one noise level to another."""
        return any(tensor.name == "arrival" for tensor in self.graphs["timestep"].inputs)

    def states_of(self, graph: str) -> tuple[StateSpec, ...]:
        return tuple(state for state in self.states if state.graph == graph)


def parse_manifest(text: str) -> "Manifest | AnyOrderManifest":
    """The manifest of either family from JSON text; raises ADRError with one line."""
    values = read_json(text)
    version = values.get("schema_version") if isinstance(values, dict) else None
    if isinstance(version, int) and version > SCHEMA_VERSION:
        raise ADRError(
            f"manifest.json: schema_version is {version}, this runtime reads up to {SCHEMA_VERSION}; "
            f"upgrade with: {upgrade_hint()}"
        )
    if isinstance(values, dict) and values.get("family") == "ardm":
        from adr_runtime.any_order_manifest import AnyOrderManifest, check_any_order

        found = convert(AnyOrderManifest, values, "")
        check_any_order(found)
        return found
    manifest = convert(Manifest, values, "")
    check(manifest)
    return manifest


# A field, what was found there, whether that is right, and what would be.
Rule = tuple[str, Any, bool, str]


def default_rules(defaults: Defaults, timesteps: int) -> list[Rule]:
    return [
        ("defaults.steps", defaults.steps, 1 <= defaults.steps <= timesteps, f"1 to {timesteps}"),
        ("defaults.sampler", defaults.sampler, defaults.sampler in SAMPLERS, " or ".join(SAMPLERS)),
        ("defaults.guidance", defaults.guidance, 0 <= defaults.guidance <= 100, "0 to 100"),
        ("defaults.temperature", defaults.temperature, 0 <= defaults.temperature <= 10, "0 to 10"),
        ("defaults.seconds", defaults.seconds, 0 < defaults.seconds <= 3600, "more than 0, up to 3600"),
        ("defaults.count", defaults.count, 1 <= defaults.count <= 4096, "1 to 4096"),
    ]


def runtime_rule(least: str) -> Rule:
    written = len(least) <= 32 and ".".join(map(str, release(least))) == least
    return ("onnxruntime", least, written, 'a version as "1.25.1"')


def check_defaults(defaults: Defaults, timesteps: int) -> None:
    enforce(default_rules(defaults, timesteps))


def enforce(rules: list[Rule]) -> None:
    for where, found, good, expected in rules:
        if not good:
            refuse(where, expected, found)


def check(manifest: Manifest) -> None:
    """What the types cannot say: choices, ranges, names confined to the folder, caps, states that the graphs have."""
    schedule, tokens, image, audio = manifest.schedule, manifest.tokens, manifest.image, manifest.audio
    rules: list[Rule] = [
        ("schema_version", manifest.schema_version, manifest.schema_version == SCHEMA_VERSION, str(SCHEMA_VERSION)),
        ("family", manifest.family, manifest.family == "adr", '"adr" or "ardm"'),
        ("kind", manifest.kind, manifest.kind in ("audio", "image"), '"audio" or "image"'),
        ("dialect", manifest.dialect, manifest.dialect in ("linear-attention", "portable"), "a known dialect"),
        ("graphs", sorted(manifest.graphs), sorted(manifest.graphs) == sorted(GRAPHS), ", ".join(sorted(GRAPHS))),
        ("schedule.betas", len(schedule.betas), 1 <= len(schedule.betas) <= MAX_STEPS, f"1 to {MAX_STEPS} numbers"),
        ("schedule.betas", "others", all(0 < b <= 1 for b in schedule.betas), "numbers above 0, up to 1"),
        ("schedule.prediction", schedule.prediction, schedule.prediction in PREDICTIONS, " or ".join(PREDICTIONS)),
        ("schedule.clip", schedule.clip, schedule.clip > 0, "a number above 0"),
        ("tokens.channels", tokens.channels, 1 <= tokens.channels <= 1 << 16, "1 to 65536"),
        ("tokens.condition", tokens.condition, 1 <= tokens.condition <= 1 << 16, "1 to 65536"),
        ("audio", "an object" if audio else None, bool(audio) == (manifest.kind == "audio"), "set for sound only"),
        ("image", "an object" if image else None, bool(image) == (manifest.kind == "image"), "set for pictures only"),
        ("labels", "others", len(set(manifest.labels)) == len(manifest.labels), "no label twice"),
        ("speakers", "others", len(set(manifest.speakers)) == len(manifest.speakers), "no speaker twice"),
        runtime_rule(manifest.onnxruntime),
        *default_rules(manifest.defaults, len(schedule.betas)),
    ]  # fmt: skip
    if audio:
        rules += [
            ("audio.sample_rate", audio.sample_rate, 1 <= audio.sample_rate <= 768_000, "1 to 768000"),
            ("audio.hop", audio.hop, 1 <= audio.hop <= 1 << 16, "1 to 65536"),
            ("audio.delay", audio.delay, 0 <= audio.delay <= 1 << 20, "0 to 1048576"),
        ]
    if image:
        sides = (image.height, image.width, image.channels, image.patch)
        fits = all(1 <= s <= 1 << 14 for s in sides) and not (image.height % image.patch or image.width % image.patch)
        count = image.height * image.width // max(image.patch, 1) ** 2
        rules += [
            ("image", sides, fits, "sizes from 1 that the patch divides"),
            ("tokens.length", tokens.length, tokens.length == count, str(count)),
        ]
    enforce(rules)
    for name, graph in manifest.graphs.items():
        check_graph(f"graphs.{name}", graph)
    size = sum(graph.bytes for graph in manifest.graphs.values())
    enforce([("graphs", size, size <= MAX_FILE_BYTES, f"up to {MAX_FILE_BYTES} bytes in all")])
    for i, state in enumerate(manifest.states):
        check_shape(f"states[{i}]", state.dtype, state.shape)
    check_interfaces(manifest)
