"""How masked tokens are filled in: what a caller may choose, and what that comes to with a bundle."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import cast

from adr_runtime.causal.config import GenerationConfig, GenerationOptions, Label, Settings
from adr_runtime.causal.manifest import CausalManifest
from adr_runtime.errors import InputError
from adr_runtime.limits import whole_number
from adr_runtime.masked.manifest import MaskedManifest
from adr_runtime.masked.order import least_calls


class MaskedOptions(GenerationOptions, total=False):
    """The fields of `MaskedConfig` as keyword arguments of a call."""

    calls: int | None
    order: str | None


@dataclass(frozen=True)
class MaskedSettings(Settings):
    """A resolved `MaskedConfig`."""

    calls: int
    order: str


@dataclass(frozen=True)
class MaskedConfig(GenerationConfig):
    """What may be chosen of a generation; None takes the bundle's default, and draws the seed.

    calls is the number of network calls a picture, or a window of one, at most one a token; order "levels", coarse
    tokens before fine ones, or "random", as far as the model was trained for it. The rest is as of `GenerationConfig`.
    """

    calls: int | None = None
    order: str | None = None

    def options(self) -> MaskedOptions:
        """The same as keyword arguments."""
        return cast(MaskedOptions, asdict(self))

    def resolve(self, manifest: CausalManifest, labels: Sequence[Label] = (None,)) -> MaskedSettings:
        """Checked settings for one row a label. Raises InputError."""
        assert isinstance(manifest, MaskedManifest)
        settings = super().resolve(manifest, labels)
        order = self.order or manifest.orders[0]
        if order not in manifest.orders:
            raise InputError(f"order must be {' or '.join(manifest.orders)} for {manifest.name}, not {order!r}")
        calls = whole_number(manifest.defaults.calls if self.calls is None else self.calls, "calls")
        least, most = least_calls(order, manifest.image.levels), manifest.length
        if not least <= calls <= most:
            why = " (one a level)" if least > 1 else ""
            raise InputError(f"calls must be from {least}{why} to {most}, not {calls}")
        return MaskedSettings(**vars(settings), calls=calls, order=order)
