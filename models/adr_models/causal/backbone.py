"""The causal backbone of ADR (Albers 2024): tokens so far -> the condition z for the next token.

Input n is token n - 1; at position 0 a learned start embedding takes its place, chosen by the position itself, so
that a caller starts a sequence by feeding zeros. Output n is the condition for token n.
"""

from dataclasses import dataclass, field
from typing import Literal, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from adr_models.causal.controls import ControlEmbedding
from adr_models.mixers.retention import Form, MultiScaleRetention, RetentionConfig
from adr_models.mixers.rotary import RotaryAngles
from adr_models.mixers.softmax import SoftmaxAttention
from adr_models.tokens.neighbours import NeighbourInputs

State = dict[str, Tensor]


@dataclass(frozen=True)
class BackboneConfig:
    """`grid` (rows, columns) adds 2-D position features for images; () for endless one-dimensional sequences.
    Where the tokens have neighbours (`adr_models.tokens.neighbours`), these are the input, which knows its place.
    `magnitudes` feeds |token| beside the token: where signs are near random, as in MDCT frames, no linear layer could
    see the envelope otherwise. `ends` adds the output that says where a clip is over. `controls` counts the classes of
    each control that comes with a token."""

    channels: int = 128
    labels: int = 0
    speakers: int = 0
    controls: tuple[int, ...] = ()
    layers: int = 5
    mixer: Literal["retention", "softmax"] = "retention"
    retention: RetentionConfig = field(default_factory=RetentionConfig)
    feedforward: int = 512
    grid: tuple[int, ...] = ()
    magnitudes: bool = False
    ends: bool = False
    dropout: float = 0.0


class SwiGLU(nn.Module):
    """Gated feed-forward (Shazeer 2020, arXiv 2002.05202)."""

    def __init__(self, width: int, hidden: int):
        super().__init__()
        self.gate_up = nn.Linear(width, 2 * hidden, bias=False)
        self.down = nn.Linear(hidden, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        gate, up = self.gate_up(x).chunk(2, -1)
        output: Tensor = self.down(F.silu(gate) * up)
        return output


class Block(nn.Module):
    """Pre-norm mixer and feed-forward, each with a residual connection."""

    def __init__(self, config: BackboneConfig):
        super().__init__()
        width = config.retention.width
        self.mixer_norm, self.feedforward_norm = nn.RMSNorm(width, eps=1e-6), nn.RMSNorm(width, eps=1e-6)
        mixers: dict[str, type[MultiScaleRetention] | type[SoftmaxAttention]]
        mixers = {"retention": MultiScaleRetention, "softmax": SoftmaxAttention}
        if config.mixer not in mixers:
            raise ValueError(f"mixer {config.mixer!r} is neither retention nor softmax")
        self.mixer: MultiScaleRetention | SoftmaxAttention = mixers[config.mixer](config.retention)
        self.feedforward = SwiGLU(width, config.feedforward)
        self.dropout = nn.Dropout(config.dropout)

    def forward(
        self, x: Tensor, angles: Tensor, state: State | None, form: Form
    ) -> tuple[Tensor, State | None]:  # fmt: skip
        mixed, state = self.mixer(self.mixer_norm(x), angles, state, form)
        x = x + self.dropout(mixed)
        return x + self.dropout(self.feedforward(self.feedforward_norm(x))), state


class Backbone(nn.Module):
    """Stack of blocks with label and position inputs. Its state lives outside, in a dict of tensors."""

    grid_features: Tensor
    mask: Tensor | None

    def __init__(self, config: BackboneConfig, neighbours: Tensor | None = None, mask: Tensor | None = None):
        """neighbours int64 (length, K); mask float (length, channels), 1 for the channels that a token has."""
        super().__init__()
        self.config, width = config, config.retention.width
        self.neighbours = None if neighbours is None else NeighbourInputs(neighbours, config.channels, width)
        channels = config.channels * (2 if config.magnitudes else 1)
        self.token = nn.Linear(channels, width) if neighbours is None else None
        self.register_buffer("mask", mask, persistent=False)
        self.start = nn.Parameter(torch.randn(width) * 0.02)
        # One row more than there are labels: the null label of classifier-free guidance.
        self.label = nn.Embedding(config.labels + 1, width) if config.labels else None
        self.label_out = nn.Embedding(config.labels + 1, width) if config.labels else None
        self.speaker = nn.Embedding(config.speakers + 1, width) if config.speakers else None
        self.controls = ControlEmbedding(config.controls, width) if config.controls else None
        self.controls_out = ControlEmbedding(config.controls, width) if config.controls else None
        self.end = nn.Linear(width, 1) if config.ends else None
        if config.grid:
            self.register_buffer("grid_features", grid_features(*config.grid), persistent=False)
            self.grid = nn.Linear(self.grid_features.shape[1], width, bias=False)
        self.rotary = RotaryAngles(width // config.retention.heads)
        blocks = [Block(config) for _ in range(config.layers)]
        self.blocks = nn.ModuleList(blocks)
        self.norm = nn.RMSNorm(width, eps=1e-6)
        self.apply(initialise)
        for block in blocks:
            for linear in (block.mixer.output, block.feedforward.down):
                nn.init.normal_(linear.weight, std=0.02 / (2 * config.layers) ** 0.5)

    @property
    def stack(self) -> list[Block]:
        return cast("list[Block]", list(self.blocks))

    def initial_state(self, rows: int) -> State:
        """Zeros: {"position": int64 (rows,), "{layer}.{what}": float (rows, ...)}, before the first token."""
        state = {"position": torch.zeros(rows, dtype=torch.int64, device=self.start.device)}
        if self.neighbours:
            state["tokens"] = self.start.new_zeros(rows, self.neighbours.length, self.config.channels)
        for i, block in enumerate(self.stack):
            for what, shape in block.mixer.state_shapes().items():
                state[f"{i}.{what}"] = self.start.new_zeros(rows, *shape)
        return state

    def forward(
        self, tokens: Tensor, label: Tensor | None = None, state: State | None = None, form: Form = "parallel",
        speaker: Tensor | None = None, controls: Tensor | None = None,
    ) -> tuple[Tensor, State | None]:  # fmt: skip
        """tokens (rows, length, channels) -> conditions (rows, length, width), and the state when one was given. Where
        there is a mask, the condition ends with the channels that the token to come has.

        label and speaker int64 (rows,), the null ones being config.labels and config.speakers; controls int64 (rows,
        length, K), those of the tokens to come. Without a state the sequence starts at position 0.
        """
        rows, length = tokens.shape[:2]
        start = tokens.new_zeros(rows, dtype=torch.int64) if state is None else state["position"]
        position = start[:, None] + torch.arange(length, device=tokens.device)
        x, seen = self.inputs(tokens, position, state)
        x = torch.where((position == 0)[..., None], self.start, x)
        if self.label is not None:
            x = x + self.label(label)[:, None]
        if self.speaker is not None:
            x = x + self.speaker(speaker)[:, None]
        if self.controls is not None:
            x = x + self.controls(controls)
        if self.config.grid:
            x = x + self.grid(self.grid_features[position % self.grid_features.shape[0]])
        angles = self.rotary(position)
        present: State = {"position": start + length, **seen}
        for i, block in enumerate(self.stack):
            past = None
            if state is not None:
                past = {what: state[f"{i}.{what}"] for what in block.mixer.state_shapes()}
            x, new = block(x, angles, past, form)
            present.update({f"{i}.{what}": tensor for what, tensor in (new or {}).items()})
        x = self.norm(x)
        if self.label_out is not None:
            x = x + self.label_out(label)[:, None]
        if self.controls_out is not None:
            x = x + self.controls_out(controls)
        if self.mask is not None:
            x = torch.cat([x, self.mask.to(x.dtype)[position % len(self.mask)]], -1)
        return x, None if state is None else present

    def inputs(self, tokens: Tensor, position: Tensor, state: State | None) -> tuple[Tensor, State]:
        """The embedded tokens, or neighbours of those to come, and the state of what has been seen."""
        if self.neighbours:
            if self.mask is not None:
                # What is behind a token's own channels is noise that has not been taken away.
                tokens = tokens * self.mask[(position - 1) % len(self.mask)]
            past = None if state is None else state["tokens"]
            embedded: tuple[Tensor, State] = self.neighbours(tokens, position, past)
            return embedded
        assert self.token is not None
        if self.config.magnitudes:
            tokens = torch.cat([tokens, tokens.abs()], -1)
        return self.token(tokens), {}

    def ended(self, conditions: Tensor) -> Tensor:
        """conditions (..., width) -> logits (...) of the clip being over before the token that each is for."""
        assert self.end is not None
        logits: Tensor = self.end(conditions)[..., 0]
        return logits

    def step(
        self, token: Tensor, label: Tensor | None, state: State, form: Form = "recurrent",
        speaker: Tensor | None = None, controls: Tensor | None = None,
    ) -> tuple[Tensor, State]:  # fmt: skip
        """One token (rows, channels) -> its successor's condition (rows, width), and the new state; controls int64
        (rows, K) are the successor's."""
        of_one = None if controls is None else controls[:, None]
        condition, state_after = self(token[:, None], label, state, form, speaker, of_one)
        return condition[:, 0], state_after


def grid_features(rows: int, columns: int, frequencies: int = 4) -> Tensor:
    """Sines and cosines of the row and column of each raster position: float32 (rows * columns, 4 * frequencies)."""
    octave = torch.pi * 2.0 ** torch.arange(frequencies, dtype=torch.float64) / 2
    row = (torch.arange(rows, dtype=torch.float64) + 0.5)[:, None] / rows * octave
    column = (torch.arange(columns, dtype=torch.float64) + 0.5)[:, None] / columns * octave
    row = torch.cat([row.sin(), row.cos()], -1)[:, None].expand(-1, columns, -1)
    column = torch.cat([column.sin(), column.cos()], -1)[None].expand(rows, -1, -1)
    return torch.cat([row, column], -1).reshape(rows * columns, -1).float()


def initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Linear):
        nn.init.normal_(module.weight, std=0.02 if module.in_features > 64 else module.in_features**-0.5)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.Embedding):
        nn.init.normal_(module.weight, std=0.02)
