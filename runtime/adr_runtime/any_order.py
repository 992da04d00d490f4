"""Any-order models at work: one loop reveals variables step by step, whoever chooses their values.

Sampling draws them, scoring and encoding read them off, decoding asks the decoder (ARDM, arXiv 2110.02037,
algorithms 1 and 3, and section 4 for the stages of depth upscaling).
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from adr_runtime.any_order_manifest import AnyOrderManifest
from adr_runtime.bundle import Bundle
from adr_runtime.errors import ADRError
from adr_runtime.limits import check_bytes, check_count
from adr_runtime.philox import checked_seed, philox4x32
from adr_runtime.policy import predicted_loss, shrink, split_budget
from adr_runtime.session import Session
from adr_runtime.variables import from_pixels, from_samples, to_pixels, to_samples
from adr_runtime.windows import fill

# For each stage, how many variables each network call reveals.
Policy = tuple[tuple[int, ...], ...]
# choose(index int64 (rows, count), log-probabilities float32 (rows, count, branching), stage) -> digits (rows, count)
Choose = Callable[[np.ndarray, np.ndarray, int], np.ndarray]
MAX_ROWS = 16
# Keeps the numbers of orders and of choices apart.
ORDER, CHOICE = 1, 2


def random_order(seed: int, row: int, variables: np.ndarray) -> np.ndarray:
    """The variables in an order that follows from the seed and the row alone, on every machine."""
    words = philox4x32((variables, row, 0, ORDER), (seed & 0xFFFFFFFF, seed >> 32))
    return variables[np.argsort(words[:, 0], kind="stable")]


class AnyOrderModel:
    """A loaded bundle of the family "ardm": immutable, and safe to share between threads. `provider` and
    `provider_note` are those of `Model`."""

    def __init__(self, bundle: Bundle, session: Session, threads: int, provider_note: str | None = None):
        manifest = bundle.manifest
        assert isinstance(manifest, AnyOrderManifest)
        self.bundle, self.manifest, self.session, self.threads = bundle, manifest, session, threads
        self.variables, self.provider, self.provider_note = manifest.variables, session.provider, provider_note

    name = property(lambda self: self.manifest.name)
    kind = property(lambda self: self.manifest.kind)
    labels = property(lambda self: self.manifest.labels)

    def policy(self, steps: int | None = None) -> Policy:
        """For each stage, how many variables each network call reveals; `steps` calls in all, the bundle's default
        unless given, at most one a variable and stage. ADRError for a number that is out of range."""
        steps = self.manifest.defaults.steps if steps is None else steps
        most = self.variables.stages * self.variables.dimensions
        if not self.variables.stages <= steps <= most:
            raise ADRError(f"steps must be from {self.variables.stages} (one a stage) to {most}, not {steps}")
        if str(steps) in self.manifest.policies:
            return self.manifest.policies[str(steps)]
        return split_budget(self.manifest.step_loss, steps)

    def predicted_bits(self, steps: int | None = None) -> float:
        """Bits per dimension that a budget should cost by the losses of the manifest."""
        pairs = zip(self.manifest.step_loss, self.policy(steps), strict=True)
        return sum(predicted_loss(loss, counts) for loss, counts in pairs) / self.variables.dimensions

    def predict(self, low: np.ndarray, known: np.ndarray, stage: int, index: np.ndarray) -> np.ndarray:
        """One network call: see `adr_models.ardm.ARDM.forward`. -> float32 (rows, count, branching)."""
        feed = {"low": low, "known": known, "stage": np.full(len(low), stage, np.int64), "index": index}
        return self.session.run(feed)["log_probabilities"]

    def reveal(
        self, values: np.ndarray, given: np.ndarray, order: np.ndarray, policy: Policy, choose: Choose
    ) -> tuple[np.ndarray, int]:  # fmt: skip
        """Reveal the variables of `order` int64 (rows, n), the same number in every row, by the steps of a policy.

        values int64 (rows, D) hold what is `given`, bool (rows, D), and anything elsewhere; a variable that is neither
        given nor in the order stays unknown to the network. -> the values, and the number of network calls.
        """
        found, calls = np.where(given, values, 0), 0
        rows, count = np.arange(len(order))[:, None], order.shape[1]
        for stage, counts in enumerate(policy):
            wide, narrow = self.variables.width(stage), self.variables.width(stage + 1)
            known = given.copy()
            low = np.where(given, found // narrow * narrow, found // wide * wide)
            at = 0
            for size in shrink(counts, count):
                index = order[:, at : at + size]
                digits = choose(index, self.predict(low, known, stage, index), stage)
                low[rows, index] += digits * narrow
                known[rows, index] = True
                at, calls = at + size, calls + 1
            found = np.where(given, found, low)
        return found, calls

    def sample(
        self, values: np.ndarray, given: np.ndarray, wanted: np.ndarray, steps: int | None, seed: int,
        temperature: float = 1.0,
    ) -> np.ndarray:  # fmt: skip
        """Answers int64 (rows, D): `given` bool (D,) keep their values (D,) or (rows, D), `wanted` bool (D,) are drawn.
        Row r depends on the seed and r alone."""
        if not 0 <= temperature <= 10:
            raise ADRError(f"temperature must be from 0 to 10, not {temperature:g}")
        policy, variables, parts = self.policy(steps), np.flatnonzero(wanted), []
        for first in range(0, len(values), MAX_ROWS):
            block = values[first : first + MAX_ROWS]
            numbers = np.arange(first, first + len(block))
            order = np.stack([random_order(seed, int(row), variables) for row in numbers])

            def draw(index: np.ndarray, log_p: np.ndarray, stage: int, numbers: np.ndarray = numbers) -> np.ndarray:
                words = philox4x32((index, numbers[:, None], stage, CHOICE), (seed & 0xFFFFFFFF, seed >> 32))
                return choose_by(log_p, (words[..., 0].astype(np.float64) + 0.5) * 2.0**-32, temperature)

            mask = np.broadcast_to(given, block.shape)
            parts.append(self.reveal(block, mask, order, policy, draw)[0])
        return np.concatenate(parts)

    def bits(
        self, values: np.ndarray, given: np.ndarray, order: np.ndarray, steps: int | None
    ) -> tuple[np.ndarray, int]:
        """What values int64 (rows, D) cost in bits, float64 (rows,), the variables of `order` (rows, n) given the rest,
        and the number of network calls."""
        total = np.zeros(len(values))
        policy, spec = self.policy(steps), self.variables

        def read(index: np.ndarray, log_p: np.ndarray, stage: int) -> np.ndarray:
            digits = np.take_along_axis(values, index, 1) % spec.width(stage) // spec.width(stage + 1)
            total[:] -= np.take_along_axis(log_p, digits[..., None], 2)[..., 0].sum(1, dtype=np.float64) / np.log(2)
            return digits

        found, calls = self.reveal(values, given, order, policy, read)
        assert (found == np.where(given, values, found)).all()
        return total, calls

    def fill(
        self, values: np.ndarray, wanted: np.ndarray, count: int, steps: int | None = None, seed: int | None = 0,
        temperature: float = 1.0,
    ) -> np.ndarray:  # fmt: skip
        """`count` answers int64 (count, rows, columns, channels) of any size, text and sound being one row: `values`
        int64 (rows, columns, channels) with what is `wanted`, bool of that shape, drawn; `steps` calls a window. A seed
        of None is drawn. Raises ADRError."""
        spec, values, wanted = self.variables, np.asarray(values), np.asarray(wanted)
        fits = values.ndim == 3 and values.size and values.shape[2] == spec.shape[2] and values.shape == wanted.shape
        if not fits or (spec.kind != "image" and len(values) != 1) or values.dtype.kind not in "iu":
            rows = "rows" if spec.kind == "image" else "1"
            raise ADRError(
                f"{self.name} fills in integers of shape ({rows}, columns, {spec.shape[2]}) and a mask of that shape, "
                f"not {values.dtype} {values.shape} with a mask {wanted.shape}"
            )
        check_count(count)
        # The answers, and what is copied around them.
        check_bytes(40.0 * (count + 1) * values.size, f"{count} x {values.size} values")
        seed = checked_seed(seed)

        def sample(start: np.ndarray, given: np.ndarray, now: np.ndarray, own: int) -> np.ndarray:
            return self.sample(start, given, now, steps, own, temperature)

        return fill(sample, self.variables.shape, values, wanted != 0, count, seed)

    def generate(
        self, *, count: int | None = None, steps: int | None = None, seed: int | None = 0, temperature: float = 1.0,
        picture: np.ndarray | None = None, mask: np.ndarray | None = None,
    ) -> np.ndarray:  # fmt: skip
        """Pictures uint8 (count, rows, columns, channels). With `picture` uint8 (rows, columns, channels) of any size
        and `mask` (rows, columns), what the mask has 0 comes back exactly as given and the rest is filled in around
        it."""
        spec = self.variables
        if spec.kind != "image":
            raise ADRError(f"{self.name} makes {spec.kind}, not pictures")
        count = self.manifest.defaults.count if count is None else count
        if picture is None:
            nothing = np.zeros(spec.shape, np.int64)
            made = self.fill(nothing, nothing == 0, count, steps, seed, temperature)
            return to_pixels(made, spec.levels, spec.colour, saturate=True)
        picture, mask = np.asarray(picture), None if mask is None else np.asarray(mask)
        fits = picture.ndim == 3 and picture.size and picture.shape[2] == spec.shape[2] and picture.dtype == np.uint8
        if not fits or mask is None or mask.shape != picture.shape[:2]:
            raise ADRError(
                f"{self.name} fills in pictures uint8 (rows, columns, {spec.shape[2]}) with a mask (rows, columns)"
            )
        holes = np.broadcast_to(mask[..., None] != 0, picture.shape)
        values = from_pixels(picture, spec.levels, spec.colour)
        made = self.fill(values, holes, count, steps, seed, temperature)
        return np.where(holes, to_pixels(made, spec.levels, spec.colour, saturate=True), picture)

    def sound(
        self, *, seconds: float, count: int = 1, steps: int | None = None, seed: int | None = 0,
        temperature: float = 1.0, prompt: np.ndarray | None = None,
    ) -> np.ndarray:  # fmt: skip
        """Samples int16 (count, samples): `seconds` of new sound behind a `prompt`, int16 (samples,)."""
        spec = self.variables
        if spec.kind != "sound":
            raise ADRError(f"{self.name} makes {spec.kind}, not sound")
        if not 0 < seconds < float("inf"):
            raise ADRError(f"seconds must be more than 0 and finite, not {seconds:g}")
        check_bytes(40.0 * (count + 1) * seconds * spec.sample_rate, f"{count} sound(s) of {seconds:g} s")
        new = max(round(seconds * spec.sample_rate), 1)
        heard = np.zeros(0, np.int16) if prompt is None else prompt
        if heard.dtype != np.int16 or heard.ndim != 1:
            raise ADRError(f"a prompt is int16 (samples,), not {heard.dtype} {heard.shape}")
        values = np.concatenate([from_samples(heard, spec.levels), np.zeros(new, np.int64)])
        wanted = np.arange(len(values)) >= len(heard)
        made = self.fill(values[None, :, None], wanted[None, :, None], count, steps, seed, temperature)
        samples = to_samples(made[:, 0, :, 0], spec.levels)
        return np.concatenate([np.broadcast_to(heard, (count, len(heard))), samples[:, len(heard) :]], 1)


def choose_by(log_p: np.ndarray, uniform: np.ndarray, temperature: float) -> np.ndarray:
    """Inverse-CDF sampling: log_p (..., choices), uniform (...) in (0, 1) -> int64 (...). At temperature 0 the
    likeliest."""
    if temperature == 0:
        return log_p.argmax(-1)
    scaled: Any = log_p.astype(np.float64) / temperature
    weight = np.exp(scaled - scaled.max(-1, keepdims=True))
    edges = np.cumsum(weight, -1)
    return np.minimum((edges < uniform[..., None] * edges[..., -1:]).sum(-1), log_p.shape[-1] - 1)
