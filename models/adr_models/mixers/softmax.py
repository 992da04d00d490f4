"""Standard causal softmax attention, softmax(Q K^T / sqrt(d) + M) V over several heads: the baseline mixer.

The product is that of the ADR paper's printed equation, not the rest of its layer: the group norm and the W_k that it
prints beside it are left out, and the rotary positions are our own, the same as retention's. The explicit state is a
key/value cache, which grows by one row a token; retention's does not.
"""

import torch
from torch import Tensor, nn

from adr_models.mixers.retention import Form, RetentionConfig
from adr_models.mixers.rotary import rotate


class SoftmaxAttention(nn.Module):
    """The same projections and rotary positions as retention; state {"key", "value"}: (batch, heads, past, dim)."""

    def __init__(self, config: RetentionConfig):
        super().__init__()
        self.heads, self.dim = config.heads, config.width // config.heads
        self.query_key_value = nn.Linear(config.width, 3 * config.width, bias=False)
        self.output = nn.Linear(config.width, config.width, bias=False)

    def state_shapes(self) -> dict[str, tuple[int, int, int]]:
        return {"key": (self.heads, 0, self.dim), "value": (self.heads, 0, self.dim)}

    def forward(
        self, x: Tensor, angles: Tensor, state: dict[str, Tensor] | None, form: Form
    ) -> tuple[Tensor, dict[str, Tensor] | None]:
        """x (batch, length, width), angles (batch, length, dim) -> the same shape as x, and the longer cache."""
        batch, length, width = x.shape
        q, k, v = (y.reshape(batch, length, self.heads, self.dim) for y in self.query_key_value(x).chunk(3, -1))
        q, k, v = rotate(q, angles).transpose(1, 2), rotate(k, angles).transpose(1, 2), v.transpose(1, 2)
        present = None
        if state is not None:
            k, v = torch.cat([state["key"], k], 2), torch.cat([state["value"], v], 2)
            present = {"key": k, "value": v}
        total = k.shape[2]
        n = torch.arange(length, device=x.device)[:, None] + (total - length)
        visible = n >= torch.arange(total, device=x.device)[None, :]
        scores = (q @ k.transpose(-1, -2)) * self.dim**-0.5
        scores = scores.masked_fill(~visible, torch.finfo(scores.dtype).min)
        mixed = (scores.softmax(-1) @ v).transpose(1, 2).reshape(batch, length, width)
        return self.output(mixed), present
