"""manifest.json of a causal model (family "adr"): its graphs, states, tokens, schedule and defaults."""

from dataclasses import dataclass
from typing import Any, ClassVar

from adr_runtime.bundles.manifest import Manifest
from adr_runtime.bundles.specs import FileSpec, Sizes


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
    """`channels` of a token, `condition` width, and `length`, the tokens of one picture (null for endless audio)."""

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
class ControlSpec:
    """What every token is told from outside: one of so many `classes`, or the null one, whose number is `classes`."""

    name: str
    classes: int


@dataclass(frozen=True)
class AudioSpec:
    """`hop` samples a token; the decoder runs `delay` samples late, which a fresh stream drops."""

    sample_rate: int
    hop: int
    delay: int


@dataclass(frozen=True)
class ImageSpec:
    """Pictures of `height` x `width` pixels in square patches, of which each of `levels` has a token: of a pyramid the
    thumbnail's come first."""

    height: int
    width: int
    channels: int
    patch: int
    levels: int = 1


@dataclass(frozen=True)
class Defaults:
    """How a bundle generates where nobody says otherwise. `spacing` is the power by which timesteps crowd towards the
    clean end (see `adr_runtime.causal.samplers.respace`); `steps`, `guidance` and `temperature` of pictures may be one
    for each part of their tokens (see `adr_runtime.causal.parts`)."""

    steps: int | tuple[int, ...]
    sampler: str
    guidance: float | tuple[float, ...]
    temperature: float | tuple[float, ...]
    seconds: float
    count: int
    spacing: float = 1.0


@dataclass(frozen=True, kw_only=True)
class CausalManifest(Manifest):
    """What the token loop needs beside the graphs. Of `audio` and `image` one is set, as `kind` says. `spoken_text` is
    the manifest of the bundle inside that makes a text into controls, of a voice that speaks text."""

    states: tuple[StateSpec, ...]
    tokens: TokenSpec
    schedule: ScheduleSpec
    speakers: tuple[str, ...]
    audio: AudioSpec | None
    image: ImageSpec | None
    defaults: Defaults
    controls: tuple[ControlSpec, ...] = ()
    spoken_text: FileSpec | None = None
    ORDER: ClassVar[tuple[str, ...]] = (
        "schema_version", "family", "kind", "name", "description", "dialect", "graphs", "states", "tokens", "schedule",
        "labels", "speakers", "controls", "spoken_text", "audio", "image", "defaults", "licence", "data", "training",
        "quality", "parity", "onnxruntime",
    )  # fmt: skip

    def values(self) -> dict[str, Any]:
        """All fields as JSON has them; those that came later only where they say something, for older runtimes."""
        values = super().values()
        if self.image and self.image.levels == ImageSpec.levels:
            del values["image"]["levels"]
        if self.defaults.spacing == Defaults.spacing:
            del values["defaults"]["spacing"]
        if not self.controls:
            values.pop("controls", None)
        if self.spoken_text is None:
            values.pop("spoken_text", None)
        return values

    @property
    def ends(self) -> bool:
        """Whether the model says where a clip is over."""
        return any(tensor.name == "end" for tensor in self.graphs["step"].outputs)

    @property
    def jumps(self) -> bool:
        """Whether the head was distilled into jumps from one noise level to another."""
        return any(tensor.name == "arrival" for tensor in self.graphs["timestep"].inputs)

    @property
    def output(self) -> str:
        if self.audio:
            return f"sound at {self.audio.sample_rate} Hz, {self.audio.hop} samples a token"
        assert self.image is not None
        return f"pictures of {self.image.width} x {self.image.height} pixels, {self.image.channels} channel(s)"

    def states_of(self, graph: str) -> tuple[StateSpec, ...]:
        return tuple(state for state in self.states if state.graph == graph)

    def output_sizes(self, graph: str) -> Sizes:
        audio, image = self.audio, self.image
        if graph == "decode" and audio:
            return lambda sizes: {"samples": sizes["length"] * audio.hop}
        if graph == "encode" and audio:
            return lambda sizes: {"length": sizes["samples"] // audio.hop}
        if graph == "encode" and image and image.levels == 1:
            return lambda sizes: {"length": sizes["height"] * image.width // image.patch**2}
        if any("past" in state.shape for state in self.states) and graph in ("step", "parallel"):
            return lambda sizes: {"total": sizes["past"] + sizes.get("length", 1)}
        return super().output_sizes(graph)
