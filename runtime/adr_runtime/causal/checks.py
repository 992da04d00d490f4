"""What a causal model's manifest may say, beyond the types of its fields."""

from collections.abc import Mapping
from typing import Any, TypeVar

from adr_runtime.bundles.manifest import MAX_MANIFEST_BYTES, Family, Rule, check_graphs, common_rules, enforce
from adr_runtime.bundles.strict_json import MANIFEST, convert
from adr_runtime.causal.config import MAX_GUIDANCE
from adr_runtime.causal.interfaces import check_interfaces
from adr_runtime.causal.manifest import CausalManifest, Defaults
from adr_runtime.causal.samplers import SAMPLERS
from adr_runtime.limits import MAX_COUNT, MAX_SECONDS, MAX_TEMPERATURE
from adr_runtime.spoken_text.controls import CONTROLS
from adr_runtime.spoken_text.manifest import NESTED

MAX_STEPS = 10_000
MAX_LEVELS = 8
MAX_SPACING = 4
MAX_CONTROLS = 64
MAX_CLASSES = 1 << 16
SomeDefaults = TypeVar("SomeDefaults", bound=Defaults)
PREDICTIONS = ("epsilon", "velocity")
GRAPHS = ("step", "timestep", "head", "decode", "encode")


def graphs_of(kind: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The graphs that a bundle of a kind must have, and those that it may have.

    `parallel` holds the weights of `step` a second time, to take in prompts. Those of sound may be long; the tokens of
    a picture are few, and `step` takes them in one by one where there is no `parallel`. A voice whose tokens no graph
    can make of sound, as those of a vocoder, has neither `encode` nor `parallel` and takes no prompts.
    """
    return (GRAPHS, ("parallel",)) if kind == "image" else (GRAPHS[:-1], ("encode", "parallel"))


def check_causal(manifest: CausalManifest) -> None:
    """Check choices, ranges, names confined to the folder, caps, and that the graphs have the states. Raises ADRError
    that names the field."""
    rules = [*token_rules(manifest), *signal_rules(manifest), *spoken_rules(manifest)]
    enforce([*common_rules(manifest, ("audio", "image"), *graphs_of(manifest.kind)), *rules])
    check_defaults(manifest.defaults, len(manifest.schedule.betas), manifest.tokens.length)
    check_graphs(manifest)
    check_interfaces(manifest)


def token_rules(manifest: CausalManifest) -> list[Rule]:
    schedule, tokens, controls = manifest.schedule, manifest.tokens, manifest.controls
    return [
        ("dialect", manifest.dialect, manifest.dialect in ("linear-attention", "portable"), "a known dialect"),
        ("schedule.betas", len(schedule.betas), 1 <= len(schedule.betas) <= MAX_STEPS, f"1 to {MAX_STEPS} numbers"),
        ("schedule.betas", "others", all(0 < b <= 1 for b in schedule.betas), "numbers above 0, up to 1"),
        ("schedule.prediction", schedule.prediction, schedule.prediction in PREDICTIONS, " or ".join(PREDICTIONS)),
        ("schedule.clip", schedule.clip, schedule.clip > 0, "a number above 0"),
        ("tokens.channels", tokens.channels, 1 <= tokens.channels <= 1 << 16, "1 to 65536"),
        ("tokens.condition", tokens.condition, 1 <= tokens.condition <= 1 << 16, "1 to 65536"),
        ("speakers", "others", len(set(manifest.speakers)) == len(manifest.speakers), "no speaker twice"),
        ("controls", len(controls), len(controls) <= MAX_CONTROLS, f"at most {MAX_CONTROLS}"),
        ("controls", "some", not controls or manifest.kind == "audio", "none for pictures"),
        ("controls", "others", len({control.name for control in controls}) == len(controls), "no control twice"),
        (
            "controls",
            "others",
            all(1 <= control.classes <= MAX_CLASSES for control in controls),
            f"1 to {MAX_CLASSES} classes each",
        ),
    ]


def signal_rules(manifest: CausalManifest) -> list[Rule]:
    audio, image, kind = manifest.audio, manifest.image, manifest.kind
    rules: list[Rule] = [
        ("audio", "an object" if audio else None, bool(audio) == (kind == "audio"), "set for sound only"),
        ("image", "an object" if image else None, bool(image) == (kind == "image"), "set for pictures only"),
    ]
    if audio:
        prompts = {"encode", "parallel"} & set(manifest.graphs)
        rules += [
            ("graphs", sorted(prompts), len(prompts) != 1, "both encode and parallel, or neither"),
            ("audio.sample_rate", audio.sample_rate, 1 <= audio.sample_rate <= 768_000, "1 to 768000"),
            ("audio.hop", audio.hop, 1 <= audio.hop <= 1 << 16, "1 to 65536"),
            ("audio.delay", audio.delay, 0 <= audio.delay <= 1 << 20, "0 to 1048576"),
        ]
    if image:
        sides = (image.height, image.width, image.channels, image.patch)
        fits = all(1 <= s <= 1 << 14 for s in sides) and not (image.height % image.patch or image.width % image.patch)
        count = image.levels * (image.height * image.width // max(image.patch, 1) ** 2)
        rules += [
            ("image", sides, fits, "sizes from 1 that the patch divides"),
            ("image.levels", image.levels, 1 <= image.levels <= MAX_LEVELS, f"1 to {MAX_LEVELS}"),
            ("tokens.length", manifest.tokens.length, manifest.tokens.length == count, str(count)),
        ]
    return rules


def spoken_rules(manifest: CausalManifest) -> list[Rule]:
    spec, told = manifest.spoken_text, [(control.name, control.classes) for control in manifest.controls]
    if spec is None:
        return []
    return [
        ("spoken_text", "one", told == list(CONTROLS.items()), "none without the controls of spoken text"),
        ("spoken_text.file", spec.file, spec.file == NESTED, NESTED),
        ("spoken_text.bytes", spec.bytes, 0 < spec.bytes <= MAX_MANIFEST_BYTES, f"1 to {MAX_MANIFEST_BYTES}"),
    ]


def read_defaults(
    kind: type[SomeDefaults], values: Mapping[str, Any], timesteps: int, length: int | None, file: str = MANIFEST
) -> SomeDefaults:
    """The defaults that a recipe has, lists for parts of a picture among them, as a manifest of the kind has them.
    Raises ADRError as `check_defaults`."""
    listed = {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}
    defaults: SomeDefaults = convert(kind, listed, "defaults", file)
    check_defaults(defaults, timesteps, length, file)
    return defaults


def check_defaults(defaults: Defaults, timesteps: int, length: int | None, file: str = MANIFEST) -> None:
    """Raises ADRError, which names the file, for defaults that no generation could have; `length` is that of a picture
    in tokens."""
    rules: list[Rule] = []
    for name, least, most in (("steps", 1, timesteps), ("guidance", 0, MAX_GUIDANCE),
                              ("temperature", 0, MAX_TEMPERATURE)):  # fmt: skip
        value = getattr(defaults, name)
        parts = value if isinstance(value, tuple) else (value,)
        fits = len(parts) == 1 or (length is not None and len(parts) > 0 and length % len(parts) == 0)
        rules += [
            (f"defaults.{name}", f"{len(parts)} values", fits, "a number, or one for each equal part of a picture"),
            (f"defaults.{name}", value, all(least <= part <= most for part in parts), f"{least} to {most}"),
        ]
    enforce([
        *rules,
        ("defaults.sampler", defaults.sampler, defaults.sampler in SAMPLERS, " or ".join(SAMPLERS)),
        ("defaults.seconds", defaults.seconds, 0 < defaults.seconds <= MAX_SECONDS,
         f"more than 0, up to {MAX_SECONDS:g}"),
        ("defaults.spacing", defaults.spacing, 1 <= defaults.spacing <= MAX_SPACING, f"1 to {MAX_SPACING}"),
        ("defaults.count", defaults.count, 1 <= defaults.count <= MAX_COUNT, f"1 to {MAX_COUNT}"),
    ], file)  # fmt: skip


CAUSAL = Family(CausalManifest, check_causal)
