"""Controls: what each token is told from outside, beside what the whole sequence is told by label and speaker.

A phone that is being said and the place in it, a note, a part of a song: they come with every token, aligned in time,
and are never made out of the model's own past, so that nothing grows with the length of the sequence. Each control is
one of a few classes; a number is given as the class of its interval. Like a label, each has one more class, the null
one of classifier-free guidance.
"""

import torch
from torch import Tensor, nn


class ControlEmbedding(nn.Module):
    """The sum of an embedding of each control."""

    offsets: Tensor

    def __init__(self, classes: tuple[int, ...], width: int):
        """`classes` counts those of each control, the null one left out."""
        super().__init__()
        if min(classes) < 1:
            raise ValueError(f"controls have 1 class or more, not {classes}")
        sizes = torch.tensor(classes) + 1
        self.table = nn.Embedding(int(sizes.sum()), width)
        self.register_buffer("offsets", sizes.cumsum(0) - sizes, persistent=False)

    def forward(self, controls: Tensor) -> Tensor:
        """int64 (..., controls) -> (..., width)."""
        embedded: Tensor = self.table(controls + self.offsets)
        return embedded.sum(-2)
