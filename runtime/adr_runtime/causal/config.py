"""How tokens are generated: what a caller may choose, and what that comes to with a bundle."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypedDict, cast

import numpy as np

from adr_runtime.bundles.specs import ITEM_BYTES
from adr_runtime.causal.manifest import CausalManifest
from adr_runtime.causal.parts import Denoising, largest, of_part, parted
from adr_runtime.causal.samplers import SAMPLERS
from adr_runtime.errors import InputError
from adr_runtime.limits import check_bytes, check_count, checked_temperature, real_number, whole_number
from adr_runtime.philox import checked_seed

MAX_GUIDANCE = 100

# A label or speaker by name or number; None is no label, and a voice that the seed chooses.
Label = str | int | None


class GenerationOptions(TypedDict, total=False):
    """The fields of `GenerationConfig` as keyword arguments of a call."""

    steps: int | Sequence[int] | None
    sampler: str | None
    guidance: float | Sequence[float] | None
    temperature: float | Sequence[float] | None
    seed: int | None
    speaker: Label


@dataclass(frozen=True)
class Settings:
    """A resolved `GenerationConfig`. `labels` and `speakers` have one index a row; those of no label and of no speaker
    are len(manifest.labels) and len(manifest.speakers)."""

    labels: tuple[int, ...]
    speakers: tuple[int, ...]
    steps: int | tuple[int, ...]
    sampler: str
    guidance: float | tuple[float, ...]
    temperature: float | tuple[float, ...]
    seed: int

    def denoising(self, position: int, length: int | None) -> Denoising:
        """What denoises the token at a position; `length` is that of a picture in tokens."""
        return Denoising(
            of_part(self.steps, position, length), of_part(self.guidance, position, length),
            of_part(self.temperature, position, length),
        )  # fmt: skip

    def guidance_rows(self, manifest: CausalManifest) -> int:
        """How many rows of the backbone make one row of tokens: with classifier-free guidance a second one, which knows
        no label and no controls."""
        named = any(i != len(manifest.labels) for i in self.labels)
        named |= any(i != len(manifest.speakers) for i in self.speakers)
        return 2 if (named or manifest.controls) and self.guidance != 1 else 1


@dataclass(frozen=True)
class GenerationConfig:
    """What may be chosen of a generation; None takes the bundle's default, and draws the seed.

    steps is the number of denoising steps a token, sampler "ddpm", "ddim" or "dpm++", guidance the scale of
    classifier-free guidance (1 is none), temperature the scale of the noise (1 is the model's own). Of pictures, steps,
    guidance and temperature may be sequences: one value for each of several equal parts of the tokens, as the levels of
    a pyramid. Equal seeds, from 0 to 2^64 - 1, give equal results.
    """

    steps: int | Sequence[int] | None = None
    sampler: str | None = None
    guidance: float | Sequence[float] | None = None
    temperature: float | Sequence[float] | None = None
    seed: int | None = None
    speaker: Label = None

    def options(self) -> GenerationOptions:
        """The same as keyword arguments."""
        return cast(GenerationOptions, asdict(self))

    def resolve(self, manifest: CausalManifest, labels: Sequence[Label] = (None,)) -> Settings:
        """Checked settings for one row a label. Raises InputError."""
        defaults, length = manifest.defaults, manifest.tokens.length
        check_count(len(labels))
        timesteps = len(manifest.schedule.betas)
        wanted = defaults.steps if self.steps is None else self.steps
        steps = parted(wanted, "steps", length, lambda value: checked_steps(value, timesteps))
        sampler = self.sampler or defaults.sampler
        if sampler not in SAMPLERS:
            raise InputError(f"unknown sampler {sampler!r}; there are {', '.join(SAMPLERS)}")
        scale = defaults.guidance if self.guidance is None else self.guidance
        guidance = parted(scale, "guidance", length, checked_guidance)
        warmth = defaults.temperature if self.temperature is None else self.temperature
        temperature = parted(warmth, "temperature", length, lambda value: checked_temperature(value, 1.0))
        seed = checked_seed(self.seed)
        check_rows(manifest, len(labels), largest(steps))
        indices = tuple(label_index(manifest, label) for label in labels)
        speakers = (speaker_index(manifest, self.speaker),) * len(labels)
        return Settings(indices, speakers, steps, sampler, guidance, temperature, seed)


def checked_steps(value: Any, timesteps: int) -> int:
    steps = whole_number(value, "steps")
    if not 1 <= steps <= timesteps:
        raise InputError(f"steps must be from 1 to {timesteps}, not {steps}")
    return steps


def checked_guidance(value: Any) -> float:
    guidance = real_number(value, "guidance")
    if not 0 <= guidance <= MAX_GUIDANCE:
        raise InputError(f"guidance must be from 0 to {MAX_GUIDANCE} (1 is none), not {guidance:g}")
    return guidance


def label_rows(label: Label | Sequence[Label], count: int | None, default: int = 1) -> list[Label]:
    """One label a row: those of a sequence, or the same for each of `count` rows, `default` unless given. Raises
    InputError."""
    if isinstance(label, np.ndarray):
        label = label.tolist()
    if isinstance(label, Sequence) and not isinstance(label, str):
        check_count(len(label))
        if count not in (None, len(label)):
            raise InputError(f"{len(label)} labels but a count of {count}; give one label a row, or one for all")
        return list(label)
    count = default if count is None else count
    check_count(count)
    return [label] * count


def label_index(manifest: CausalManifest, label: Label) -> int:
    """The index of a label by name or number; None is the one of no label. Raises InputError for an unknown one."""
    return index_of(label, "label", manifest.labels, manifest.name)


def speaker_index(manifest: CausalManifest, speaker: Label) -> int:
    """The same for a speaker."""
    return index_of(speaker, "speaker", manifest.speakers, manifest.name)


def index_of(name: Label, what: str, names: tuple[str, ...], model: str) -> int:
    if name is None:
        return len(names)
    if not names:
        raise InputError(f"{model} has no {what}s; leave the {what} out")
    if isinstance(name, str) and name in names:
        return names.index(name)
    if not isinstance(name, str) and 0 <= whole_number(name, what) < len(names):
        return whole_number(name, what)
    raise InputError(f"unknown {what} {name!r}; {model} knows {', '.join(names)}")


def check_rows(manifest: CausalManifest, count: int, steps: int) -> None:
    """Raises InputError where the states of `count` rows, old and new and for two guidance rows, and a token's noise
    for all steps need too much memory."""
    states = sum(ITEM_BYTES[s.dtype] * math.prod(n for n in s.shape if isinstance(n, int)) for s in manifest.states)
    noise = 40 * (steps + 1) * manifest.tokens.channels
    check_bytes(count * (4.0 * states + noise), f"a count of {count} at {steps} steps")
