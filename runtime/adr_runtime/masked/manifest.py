"""manifest.json of a masked model (family "masked"): as a causal model's of pictures, with other graphs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from adr_runtime.bundles.interfaces import check_tensors, floats
from adr_runtime.bundles.manifest import Family, Rule, check_graphs, common_rules, enforce
from adr_runtime.bundles.specs import Tensors
from adr_runtime.bundles.strict_json import MANIFEST
from adr_runtime.causal.checks import check_defaults, read_defaults, signal_rules, token_rules
from adr_runtime.causal.interfaces import check_codec, check_head
from adr_runtime.causal.manifest import AudioSpec, CausalManifest, ControlSpec, Defaults, ImageSpec, StateSpec
from adr_runtime.masked.order import ORDERS, least_calls

GRAPHS = ("network", "timestep", "head", "decode", "encode")


@dataclass(frozen=True)
class MaskedDefaults(Defaults):
    """`calls` of the network for a picture; the rest as of causal models."""

    calls: int = field(kw_only=True)
    # Pictures last no time.
    seconds: float = field(default=1.0, init=False)


@dataclass(frozen=True, kw_only=True)
class MaskedManifest(CausalManifest):
    """What filling in needs beside the graphs. `orders` are those that the model was trained to generate in, the one by
    default first. Nothing goes from one call to the next, and there are neither speakers nor sound."""

    orders: tuple[str, ...]
    image: ImageSpec
    defaults: MaskedDefaults
    states: tuple[StateSpec, ...] = field(default=(), init=False)
    speakers: tuple[str, ...] = field(default=(), init=False)
    audio: AudioSpec | None = field(default=None, init=False)
    controls: tuple[ControlSpec, ...] = field(default=(), init=False)
    ORDER = (
        "schema_version", "family", "kind", "name", "description", "dialect", "graphs", "tokens", "schedule", "orders",
        "labels", "image", "defaults", "licence", "data", "training", "quality", "parity", "onnxruntime",
    )  # fmt: skip

    def values(self) -> dict[str, Any]:
        """All fields as JSON has them."""
        values = super().values()
        del values["defaults"]["seconds"]
        return values

    @property
    def length(self) -> int:
        """Tokens of a picture."""
        assert self.tokens.length is not None
        return self.tokens.length

    @property
    def output(self) -> str:
        return f"{super().output}; {self.length} tokens in any order"


def check_masked(manifest: MaskedManifest) -> None:
    """Check what the types cannot say. Raises ADRError that names the field."""
    enforce([
        *common_rules(manifest, ("image",), GRAPHS), *token_rules(manifest), *signal_rules(manifest),
        *order_rules(manifest),
    ])  # fmt: skip
    check_defaults(manifest.defaults, len(manifest.schedule.betas), manifest.length)
    check_calls(manifest.defaults, manifest.length, least_calls(manifest.orders[0], manifest.image.levels))
    check_graphs(manifest)
    channels = manifest.tokens.channels
    label: Tensors = {"label": ("int64", ("rows",))} if manifest.labels else {}
    tokens, known = floats("rows", manifest.length, channels), ("bool", ("rows", manifest.length))
    check_tensors(manifest.graphs, "network", {"tokens": tokens, "known": known, **label},
                  {"conditions": floats("rows", manifest.length, manifest.tokens.condition)})  # fmt: skip
    enforce([("graphs.timestep.inputs", "arrival", not manifest.jumps, "timestep alone")])
    check_head(manifest)
    check_codec(manifest)


def order_rules(manifest: MaskedManifest) -> list[Rule]:
    orders, levels = manifest.orders, manifest.image.levels
    good = bool(orders) and len(set(orders)) == len(orders) and set(orders) <= set(ORDERS)
    return [
        ("image.levels", levels, levels > 1, "those of a pyramid"),
        ("orders", list(orders), good, f"one or more of {', '.join(ORDERS)}, none twice"),
    ]


def read_masked_defaults(
    values: Mapping[str, Any], timesteps: int, length: int, least: int, file: str = MANIFEST
) -> MaskedDefaults:
    """The defaults that a recipe has, as a manifest has them. Raises ADRError as `check_calls` and `check_defaults`."""
    defaults = read_defaults(MaskedDefaults, values, timesteps, length, file)
    check_calls(defaults, length, least, file)
    return defaults


def check_calls(defaults: MaskedDefaults, length: int, least: int, file: str = MANIFEST) -> None:
    """Raises ADRError for network calls in which no picture of `length` tokens, of at least `least`, could be made."""
    calls = defaults.calls
    enforce([("defaults.calls", calls, least <= calls <= length, f"{least} to {length}")], file)


MASKED = Family(MaskedManifest, check_masked)
