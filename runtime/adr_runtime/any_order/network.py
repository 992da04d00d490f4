"""The network of an any-order model at work: one loop reveals variables step by step, whoever chooses their values.

Sampling draws them, scoring and encoding read them off, decoding asks the decoder (ARDM, arXiv 2110.02037,
algorithms 1 and 3, and section 4 for the stages of depth upscaling).
"""

from collections.abc import Callable

import numpy as np

from adr_runtime.any_order.config import AnyOrderSettings, policy_of
from adr_runtime.any_order.manifest import AnyOrderManifest
from adr_runtime.any_order.policy import Policy, predicted_loss, shrink
from adr_runtime.any_order.variables import VariablesSpec
from adr_runtime.inference.model import LoadedModel
from adr_runtime.inference.opening import OpenBundle
from adr_runtime.philox import philox4x32

# choose(index int64 (rows, count), log-probabilities float32 (rows, count, branching), stage) -> digits (rows, count)
Choose = Callable[[np.ndarray, np.ndarray, int], np.ndarray]
# Rows that are sampled at a time.
MAX_ROWS = 16
# Keeps the numbers of orders and of choices apart.
ORDER, CHOICE = 1, 2


class AnyOrderNetwork(LoadedModel):
    """A loaded bundle of the family "ardm" as predictions of variables."""

    def __init__(self, opened: OpenBundle):
        manifest = opened.bundle.manifest
        assert isinstance(manifest, AnyOrderManifest)
        super().__init__(opened)
        self.manifest, self.session, self.threads = manifest, opened.sessions["network"], opened.threads

    @property
    def variables(self) -> VariablesSpec:
        """What is generated: shape, levels, and how pixels, text or samples become them."""
        return self.manifest.variables

    def policy(self, steps: int | None = None) -> Policy:
        """For each stage, how many variables each of `steps` network calls reveals. Raises InputError."""
        return policy_of(self.manifest, steps)

    def predicted_bits(self, steps: int | None = None) -> float:
        """Bits per dimension that a budget should cost by the losses of the manifest."""
        pairs = zip(self.manifest.step_loss, self.policy(steps), strict=True)
        return sum(predicted_loss(loss, counts) for loss, counts in pairs) / self.variables.dimensions

    def predict(self, low: np.ndarray, known: np.ndarray, stage: int, index: np.ndarray) -> np.ndarray:
        """One network call on `low` int64 and `known` bool, both (rows, D), for the variables of `index` int64 (rows,
        count) -> log-probabilities float32 (rows, count, branching). See `adr_models.any_order.ardm.ARDM.forward`."""
        feed = {"low": low, "known": known, "stage": np.full(len(low), stage, np.int64), "index": index}
        log_p: np.ndarray = self.session.run(feed)["log_probabilities"]
        return log_p

    def reveal(
        self, values: np.ndarray, observed: np.ndarray, order: np.ndarray, policy: Policy, choose: Choose
    ) -> tuple[np.ndarray, int]:
        """Reveal the variables of `order` int64 (rows, n), the same number in every row, by the steps of a policy.

        values int64 (rows, D) hold what is `observed`, bool (rows, D), and anything elsewhere; a variable that is
        neither observed nor in the order stays unknown to the network. -> the values, and the number of network calls.
        """
        revealed, calls = np.where(observed, values, 0), 0
        rows, count = np.arange(len(order))[:, None], order.shape[1]
        for stage, counts in enumerate(policy):
            narrow = self.variables.width(stage + 1)
            known = observed.copy()
            low = np.where(observed, self.variables.block_start(revealed, stage + 1),
                           self.variables.block_start(revealed, stage))  # fmt: skip
            start = 0
            for size in shrink(counts, count):
                index = order[:, start : start + size]
                digits = choose(index, self.predict(low, known, stage, index), stage)
                low[rows, index] += digits * narrow
                known[rows, index] = True
                start, calls = start + size, calls + 1
            revealed = np.where(observed, revealed, low)
        return revealed, calls

    def sample(
        self, values: np.ndarray, observed: np.ndarray, target: np.ndarray, settings: AnyOrderSettings, seed: int
    ) -> np.ndarray:
        """Answers int64 (rows, D): `observed` bool (D,) keep their values, (D,) or (rows, D), the `target` bool (D,) is
        drawn. Row r depends on the seed and r alone."""
        variables, parts = np.flatnonzero(target), []
        for first in range(0, len(values), MAX_ROWS):
            block = values[first : first + MAX_ROWS]
            numbers = np.arange(first, first + len(block))

            def draw(index: np.ndarray, log_p: np.ndarray, stage: int, numbers: np.ndarray = numbers) -> np.ndarray:
                words = philox4x32((index, numbers[:, None], stage, CHOICE), (seed & 0xFFFFFFFF, seed >> 32))
                uniform = (words[..., 0].astype(np.float64) + 0.5) * 2.0**-32
                return choose_by(log_p, uniform, settings.temperature)

            mask = np.broadcast_to(observed, block.shape)
            order = random_orders(seed, numbers, variables)
            parts.append(self.reveal(block, mask, order, settings.policy, draw)[0])
        return np.concatenate(parts)

    def bits(
        self, values: np.ndarray, observed: np.ndarray, order: np.ndarray, policy: Policy
    ) -> tuple[np.ndarray, int]:
        """What values int64 (rows, D) cost in bits, float64 (rows,), the variables of `order` (rows, n) given those
        that are `observed`, and the number of network calls."""
        total = np.zeros(len(values))

        def read(index: np.ndarray, log_p: np.ndarray, stage: int) -> np.ndarray:
            digits = self.variables.digits(np.take_along_axis(values, index, 1), stage)
            total[:] -= np.take_along_axis(log_p, digits[..., None], 2)[..., 0].sum(1, dtype=np.float64) / np.log(2)
            return digits

        revealed, calls = self.reveal(values, observed, order, policy, read)
        assert (revealed == np.where(observed, values, revealed)).all()
        return total, calls


def random_orders(seed: int, rows: np.ndarray, variables: np.ndarray) -> np.ndarray:
    """For each row's number int64 (rows,), the variables int64 (n,) in an order that follows from the seed and that
    number alone, on every machine: int64 (rows, n)."""
    words = philox4x32((variables, rows[:, None], 0, ORDER), (seed & 0xFFFFFFFF, seed >> 32))
    return variables[np.argsort(words[..., 0], axis=1, kind="stable")]


def choose_by(log_p: np.ndarray, uniform: np.ndarray, temperature: float) -> np.ndarray:
    """Inverse-CDF sampling: log_p (..., choices), uniform (...) in (0, 1) -> int64 (...). At temperature 0 the
    likeliest."""
    if temperature == 0:
        likeliest: np.ndarray = log_p.argmax(-1)
        return likeliest
    scaled = log_p.astype(np.float64) / temperature
    weight = np.exp(scaled - scaled.max(-1, keepdims=True))
    edges = np.cumsum(weight, -1)
    chosen: np.ndarray = (edges < uniform[..., None] * edges[..., -1:]).sum(-1)
    last: np.ndarray = np.minimum(chosen, log_p.shape[-1] - 1)
    return last
