"""How variables are generated: what a caller may choose, and what that comes to with a bundle."""

from dataclasses import dataclass
from typing import TypedDict

from adr_runtime.any_order.manifest import AnyOrderManifest
from adr_runtime.any_order.policy import Policy, split_budget
from adr_runtime.errors import InputError
from adr_runtime.limits import checked_temperature, whole_number
from adr_runtime.philox import checked_seed


class AnyOrderOptions(TypedDict, total=False):
    """The fields of `AnyOrderConfig` as keyword arguments of a call."""

    steps: int | None
    temperature: float | None
    seed: int | None


@dataclass(frozen=True)
class AnyOrderSettings:
    """A resolved `AnyOrderConfig`: for each stage, how many variables each network call reveals (`policy`)."""

    policy: Policy
    temperature: float
    seed: int

    @property
    def calls(self) -> int:
        """Network calls of a window."""
        return sum(map(len, self.policy))


@dataclass(frozen=True)
class AnyOrderConfig:
    """What may be chosen of a generation; None takes the bundle's default, and draws the seed.

    steps is the number of network calls a window, at most one a variable and stage; a temperature below 1 plays safe,
    at 0 the likeliest is taken. Equal seeds, from 0 to 2^64 - 1, give equal results.
    """

    steps: int | None = None
    temperature: float | None = None
    seed: int | None = None

    def options(self) -> AnyOrderOptions:
        """The same as keyword arguments."""
        return AnyOrderOptions(steps=self.steps, temperature=self.temperature, seed=self.seed)

    def resolve(self, manifest: AnyOrderManifest) -> AnyOrderSettings:
        """Checked settings. Raises InputError."""
        temperature = checked_temperature(self.temperature, 1.0)
        return AnyOrderSettings(policy_of(manifest, self.steps), temperature, checked_seed(self.seed))


def policy_of(manifest: AnyOrderManifest, steps: int | None = None) -> Policy:
    """The policy of `steps` network calls in all, the bundle's default unless given. Raises InputError for a number
    that is out of range."""
    steps = whole_number(manifest.defaults.steps if steps is None else steps, "steps")
    least, most = manifest.variables.stages, manifest.variables.stages * manifest.variables.dimensions
    if not least <= steps <= most:
        raise InputError(f"steps must be from {least} (one a stage) to {most}, not {steps}")
    if str(steps) in manifest.policies:
        return manifest.policies[str(steps)]
    return split_budget(manifest.step_loss, steps)
