"""What one training step sees."""

from dataclasses import dataclass, field
from typing import Protocol

from adr_models.training import RowTensors
from torch import Tensor


@dataclass(frozen=True)
class Batch(RowTensors):
    """tokens float32 (rows, length, C); label and speaker int64 (rows,); mask and ended bool (rows, length): the
    tokens that count, and those after a clip's end; controls int64 (rows, length, K) of data that has some."""

    tokens: Tensor
    label: Tensor
    speaker: Tensor
    mask: Tensor
    ended: Tensor
    controls: Tensor | None = field(default=None, kw_only=True)


class BatchSource(Protocol):
    """The batch of any step, in an order that depends on nothing but a seed and the step."""

    def at(self, step: int) -> Batch: ...
