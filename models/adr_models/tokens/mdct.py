"""Sound as MDCT frames: a critically sampled, perfectly reconstructing transform (Princen, Johnson, Bradley 1987).

Frame i covers segments i - 1 and i of `hop` samples, so encoding looks at no later segment, and decoding frame i
completes segment i - 1: the decoder emits one hop late. The spectrum's range is compressed by sign(X) |X|^power and
every bin is divided by its standard deviation over the training data; both are stored with the model.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class MDCTConfig:
    """`hop` samples a token; a token has `hop` channels. `power` 1 leaves the range as it is."""

    sample_rate: int = 8000
    hop: int = 128
    power: float = 0.5


def mdct_basis(hop: int) -> Tensor:
    """Windowed cosines, float64 (2 * hop, hop): sqrt(2/N) w[n] cos(pi/N (n + 1/2 + N/2)(k + 1/2)), sine window w."""
    n = torch.arange(2 * hop, dtype=torch.float64)[:, None]
    k = torch.arange(hop, dtype=torch.float64)
    window = torch.sin(math.pi / (2 * hop) * (n + 0.5))
    return math.sqrt(2 / hop) * window * torch.cos(math.pi / hop * (n + 0.5 + hop / 2) * (k + 0.5))


class MDCTTokens(nn.Module):
    """samples <-> tokens; the decoder's state is {"overlap": (rows, hop)}."""

    basis: Tensor
    std: Tensor

    geometry = "mdct"

    def __init__(self, config: MDCTConfig):
        super().__init__()
        self.config, self.channels, self.hop, self.delay = config, config.hop, config.hop, config.hop
        self.register_buffer("basis", mdct_basis(config.hop).float(), persistent=False)
        self.register_buffer("std", torch.ones(config.hop))

    def fit(self, clips: list[Tensor]) -> None:
        """Measures every bin's standard deviation over training clips (samples,)."""
        self.std.fill_(1.0)
        tokens = torch.cat([self.encode(pad_to(clip, self.config.hop)[None])[0] for clip in clips])
        # A bin that is silent in all the data would be divided by nothing and blow rounding noise up.
        std = tokens.square().mean(0).sqrt()
        self.std.copy_(std.clamp(min=float(std.max()) * 1e-3))

    def encode(self, samples: Tensor) -> Tensor:
        """samples (rows, n * hop) in [-1, 1] -> tokens (rows, n, hop); causal."""
        rows, hop = samples.shape[0], self.config.hop
        segments = samples.reshape(rows, -1, hop)
        before = torch.cat([torch.zeros_like(segments[:, :1]), segments[:, :-1]], 1)
        spectrum = torch.cat([before, segments], -1) @ self.basis
        return spectrum.sign() * spectrum.abs() ** self.config.power / self.std

    def initial_state(self, rows: int) -> dict[str, Tensor]:
        return {"overlap": self.basis.new_zeros(rows, self.config.hop)}

    def decode(self, tokens: Tensor, state: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """tokens (rows, length, hop) -> samples (rows, length * hop), one hop late, and the new overlap."""
        rows, hop = tokens.shape[0], self.config.hop
        tokens = tokens * self.std
        spectrum = tokens.sign() * tokens.abs() ** (1 / self.config.power)
        frames = spectrum @ self.basis.T
        tails = torch.cat([state["overlap"][:, None], frames[..., hop:]], 1)
        samples = frames[..., :hop] + tails[:, :-1]
        return samples.reshape(rows, -1), {"overlap": tails[:, -1]}


def pad_to(samples: Tensor, multiple: int) -> Tensor:
    """Zeros behind samples (length,) up to a multiple of `multiple`, and one more `multiple` for the last overlap."""
    return nn.functional.pad(samples, (0, -samples.shape[-1] % multiple + multiple))
