"""What one training step sees."""

from collections.abc import Callable
from dataclasses import dataclass, fields

import torch
from torch import Tensor


@dataclass(frozen=True)
class Batch:
    """tokens float32 (rows, length, C); label and speaker int64 (rows,); mask and ended bool (rows, length): the
    tokens that count, and those after a clip's end."""

    tokens: Tensor
    label: Tensor
    speaker: Tensor
    mask: Tensor
    ended: Tensor

    def map(self, change: Callable[[Tensor], Tensor]) -> "Batch":
        return Batch(*(change(getattr(self, f.name)) for f in fields(self)))

    @classmethod
    def join(cls, parts: "list[Batch]") -> "Batch":
        return cls(*(torch.cat([getattr(part, f.name) for part in parts]) for f in fields(cls)))
