"""Multi-scale retention (Sun et al. 2023, RetNet, arXiv 2307.08621, equations 3 to 8).

One set of weights, three forms that compute the same function:

    parallel    O = (Q K^T * D) V,   D[n, m] = gamma^(n-m) for n >= m, else 0      quadratic in length, for training
    recurrent   S_n = gamma S_{n-1} + k_n^T v_n,   o_n = q_n S_n                  constant per token, for generation
    chunkwise   parallel inside a chunk, recurrent across chunks                 linear in length

and a fourth, `operator`, that emits `com.microsoft::LinearAttention` while exporting to ONNX.
Shapes: q, k (batch, heads, length, dk); v (batch, heads, length, dv); gamma (heads,); state (batch, heads, dk, dv).
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from adr_models.mixers.rotary import rotate

Form = Literal["parallel", "chunkwise", "recurrent", "operator"]


@dataclass(frozen=True)
class RetentionConfig:
    """gamma of head h is 1 - 2^-(first_exponent + h), RetNet's choice with first_exponent 5."""

    width: int = 192
    heads: int = 4
    first_exponent: float = 5.0
    chunk: int = 128


def decay_rates(heads: int, first_exponent: float) -> Tensor:
    """gamma, float64 (heads,)."""
    return 1 - 2.0 ** -(first_exponent + torch.arange(heads, dtype=torch.float64))


def decay_mask(length: int, gamma: Tensor) -> Tensor:
    """D (heads, length, length), in gamma's dtype.

    The exponent is masked before the power is taken: gamma^(n-m) above the diagonal overflows at about 2,800
    tokens in float32, and inf * 0 is not 0.
    """
    n = torch.arange(length, device=gamma.device)
    distance = n[:, None] - n[None, :]
    power = gamma[:, None, None] ** distance.clamp(min=0).to(gamma.dtype)
    return torch.where(distance >= 0, power, torch.zeros_like(power))


def retention_parallel(
    q: Tensor, k: Tensor, v: Tensor, gamma: Tensor, state: Tensor | None
) -> tuple[Tensor, Tensor | None]:
    """-> output (batch, heads, length, dv) and the state after the last token (None when none was given)."""
    length = q.shape[2]
    output = (q @ k.transpose(-1, -2) * decay_mask(length, gamma)) @ v
    if state is None:
        return output, None
    n = torch.arange(length, device=q.device).to(gamma.dtype)
    from_start = (gamma[:, None] ** (n + 1))[..., None]
    to_end = (gamma[:, None] ** (length - 1 - n))[..., None]
    output = output + (q * from_start) @ state
    state = from_start[:, -1:] * state + (k * to_end).transpose(-1, -2) @ v
    return output, state


def retention_recurrent(q: Tensor, k: Tensor, v: Tensor, gamma: Tensor, state: Tensor | None) -> tuple[Tensor, Tensor]:
    """The recurrence token by token; the same result as `retention_parallel`."""
    if state is None:
        state = q.new_zeros(q.shape[0], q.shape[1], k.shape[-1], v.shape[-1])
    outputs = []
    for n in range(q.shape[2]):
        state = gamma[:, None, None] * state + k[:, :, n, :, None] * v[:, :, n, None, :]
        outputs.append(q[:, :, n, None, :] @ state)
    return torch.cat(outputs, 2), state


def retention_chunkwise(
    q: Tensor, k: Tensor, v: Tensor, gamma: Tensor, state: Tensor | None, chunk: int
) -> tuple[Tensor, Tensor]:
    """Parallel inside chunks of `chunk` tokens, recurrent across them; the same result again."""
    if state is None:
        state = q.new_zeros(q.shape[0], q.shape[1], k.shape[-1], v.shape[-1])
    outputs = []
    for a in range(0, q.shape[2], chunk):
        part = slice(a, a + chunk)
        output, present = retention_parallel(q[:, :, part], k[:, :, part], v[:, :, part], gamma, state)
        assert present is not None
        outputs.append(output)
        state = present
    return torch.cat(outputs, 2), state


def retention_operator(q: Tensor, k: Tensor, v: Tensor, gamma: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
    """`com.microsoft::LinearAttention` (ONNX Runtime 1.25.1 or newer); only meaningful while exporting.

    q, k, v here are (batch, length, heads * d), as the operator wants them.
    """
    heads, (batch, length) = gamma.shape[0], q.shape[:2]
    decay = gamma.log().expand(batch, length, heads)
    mixed, present = torch.onnx.ops.symbolic_multi_out(
        "com.microsoft::LinearAttention",
        (q, k, v, state, decay),
        attrs={"update_rule": "gated", "scale": 1.0, "q_num_heads": heads, "kv_num_heads": heads},
        dtypes=(v.dtype, state.dtype),
        shapes=(v.shape, state.shape),
        version=1,
    )
    return mixed, present


class RetentionLayer(nn.Module):
    """What is around the sum over tokens: rotary q and k, one gamma a head, per-head group norm, swish gate and output
    projection."""

    gamma: Tensor

    def __init__(self, config: RetentionConfig):
        super().__init__()
        if config.width % (2 * config.heads):
            raise ValueError(f"width {config.width} is not a multiple of 2 x {config.heads} heads")
        self.config, self.heads, self.dim = config, config.heads, config.width // config.heads
        self.query_key_value_gate = nn.Linear(config.width, 4 * config.width, bias=False)
        self.output = nn.Linear(config.width, config.width, bias=False)
        self.register_buffer("gamma", decay_rates(config.heads, config.first_exponent).float(), persistent=False)

    def project(self, x: Tensor, angles: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Rotated q and k, and v, each (batch, length, heads, dim), and the gate (batch, length, width)."""
        q, k, v, gate = self.query_key_value_gate(x).chunk(4, -1)
        shape = (*x.shape[:2], self.heads, self.dim)
        q = rotate(q.reshape(shape) * self.dim**-0.5, angles)
        return q, rotate(k.reshape(shape), angles), v.reshape(shape), gate

    def finish(self, mixed: Tensor, gate: Tensor) -> Tensor:
        """Group norm with one group a head, gate and output projection. The forms hand over the same numbers, so eps
        moves none of them."""
        mixed = F.layer_norm(mixed, (self.dim,), eps=1e-6).reshape(gate.shape)
        output: Tensor = self.output(F.silu(gate) * mixed)
        return output


class MultiScaleRetention(RetentionLayer):
    """Causal retention in any of its forms.

    The state is {"retention": (batch, heads, dk, dv)}. It is bounded only by 1 / (1 - gamma) times the size of
    k^T v, so it stays in float32 or wider.
    """

    def state_shapes(self) -> dict[str, tuple[int, int, int]]:
        return {"retention": (self.heads, self.dim, self.dim)}

    def forward(
        self, x: Tensor, angles: Tensor, state: dict[str, Tensor] | None, form: Form
    ) -> tuple[Tensor, dict[str, Tensor] | None]:
        """x (batch, length, width), angles (batch, length, dim) -> the same shape as x, and the new state."""
        batch, length, width = x.shape
        q, k, v, gate = self.project(x, angles)
        past = None if state is None else state["retention"]
        gamma = self.gamma
        present: Tensor | None
        if form == "operator":
            assert past is not None
            flat = (batch, length, width)
            mixed, present = retention_operator(q.reshape(flat), k.reshape(flat), v.reshape(flat), gamma, past)
            mixed = mixed.reshape(batch, length, self.heads, self.dim)
        else:
            # Decay sums over thousands of tokens: autocast's bfloat16 has too few digits for them.
            with torch.autocast(x.device.type, enabled=False):
                wide = torch.promote_types(q.dtype, torch.float32)
                q, k, v = (y.transpose(1, 2).to(wide) for y in (q, k, v))
                if form == "parallel":
                    mixed, present = retention_parallel(q, k, v, gamma, past)
                elif form == "recurrent":
                    mixed, present = retention_recurrent(q, k, v, gamma, past)
                else:
                    mixed, present = retention_chunkwise(q, k, v, gamma, past, self.config.chunk)
            mixed = mixed.transpose(1, 2)
        return self.finish(mixed, gate), None if present is None else {"retention": present}
