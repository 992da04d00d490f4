"""The network of an ARDM: what is known of variables -> parameters of the distributions of all of them."""

import math
from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor, nn

from adr_models.any_order.bidirectional import BidirectionalNetwork
from adr_models.any_order.discrete import Upscaling
from adr_models.any_order.interpolation import Interpolation
from adr_models.any_order.unet import UNet
from adr_models.causal.backbone import initialise
from adr_models.config import build
from adr_models.mixers.retention import RetentionConfig
from adr_models.training import TrainableModel


@dataclass(frozen=True)
class ARDMConfig:
    """`shape` is (rows, columns, channels) of the variables, (1, length, 1) for text and sound, in raster order.

    `branching` at least `levels` makes an order-agnostic ARDM, less an Upscale ARDM. `output`: a softmax over what a
    stage reveals, or a mixture of discretised logistics. The retention and softmax networks take tokens of `patch`
    (rows, columns) variables; `widths` and `blocks` shape the U-Net. `scales` are the standard deviations, in
    variables, and `rounds` the rounds of sparse recovery of `adr_models.any_order.interpolation`. `alphabet` spells the
    symbols of text ("" for raw bytes); `colour` names the transform of pixels that `adr_runtime.any_order.variables`
    undoes.
    """

    kind: Literal["image", "text", "sound"] = "image"
    shape: tuple[int, ...] = (8, 8, 1)
    levels: int = 256
    branching: int = 256
    alphabet: str = ""
    colour: Literal["none", "subtract_green"] = "none"
    sample_rate: int = 0
    output: Literal["softmax", "logistics"] = "softmax"
    components: int = 8
    network: Literal["retention", "softmax", "unet"] = "retention"
    patch: tuple[int, ...] = (1, 1)
    layers: int = 6
    stem: int = 0
    feedforward: int = 512
    retention: RetentionConfig = field(default_factory=RetentionConfig)
    widths: tuple[int, ...] = (64, 128)
    blocks: int = 2
    dropout: float = 0.0
    scales: tuple[float, ...] = ()
    rounds: int = 0
    steps: Literal["uniform", "antithetic"] = "antithetic"

    @classmethod
    def from_dict(cls, values: dict[str, object]) -> "ARDMConfig":
        """Strict: an unknown field raises ValueError that names it."""
        return build(cls, values, "model")

    @property
    def dimensions(self) -> int:
        return math.prod(self.shape)


class ARDMNetwork(TrainableModel):
    """Tokens of `patch` variables each, a network over them, and an output layer for every stage."""

    inverse_permutation: Tensor
    widths: Tensor
    offsets: Tensor

    def __init__(self, config: ARDMConfig):
        super().__init__()
        rows, columns, _ = config.shape
        self.config, self.upscaling = config, Upscaling(config.levels, config.branching)
        tall, wide = (1, 1) if config.network == "unet" else config.patch
        if rows % tall or columns % wide:
            raise ValueError(f"patches of {config.patch} do not divide {config.shape}")
        self.patch, self.grid = (tall, wide), (rows // tall, columns // wide)
        width = config.widths[0] if config.network == "unet" else config.retention.width
        # At each variable its index where tokens are listed in raster order and variables inside each token.
        token_order = self.to_tokens(torch.arange(config.dimensions).reshape(1, *config.shape)).flatten()
        self.register_buffer("inverse_permutation", token_order.argsort(), persistent=False)
        self.register_buffer("widths", self.upscaling.widths(), persistent=False)
        self.make_inputs(width)
        self.network = self.make_network(width)
        self.make_outputs(width)

    def make_inputs(self, width: int) -> None:
        """The layers between variables and the network."""
        config, stages = self.config, self.upscaling.stages
        variables, positions = math.prod(self.patch) * config.shape[2], math.prod(self.patch)
        self.interpolation: Interpolation | None = None
        if config.scales:
            self.interpolation = Interpolation(config.shape, config.scales, config.rounds, stages)
        features = self.interpolation.features if self.interpolation else 0
        self.token = nn.Linear(2 * variables + positions * features, width)
        self.embedding: nn.Embedding | None = None
        if config.output == "softmax":
            # One row for every block of every stage: what is known of a variable.
            counts = [config.branching**stage for stage in range(stages + 1)]
            self.blocks = sum(counts)
            self.embedding = nn.Embedding(variables * self.blocks, width)
            offsets = torch.tensor([sum(counts[:stage]) for stage in range(stages + 1)])
            self.register_buffer("offsets", offsets, persistent=False)
        self.stage = nn.Embedding(stages, width)

    def make_network(self, width: int) -> BidirectionalNetwork | UNet:
        config = self.config
        if config.network == "unet":
            return UNet(width, config.widths, config.blocks, config.dropout)
        grid = self.grid[1:] if self.grid[0] == 1 else self.grid
        return BidirectionalNetwork(
            config.retention, config.network, config.layers, config.feedforward, config.dropout, config.stem, grid
        )

    def make_outputs(self, width: int) -> None:
        """The layer between the network and the parameters, and the initial weights of everything."""
        config, stages, variables = self.config, self.upscaling.stages, math.prod(self.patch) * self.config.shape[2]
        # Means are sought around guesses; where a variable's block is known, its middle is one.
        candidates = self.interpolation.candidates if self.interpolation else int(stages > 1)
        self.each = config.branching if config.output == "softmax" else 3 * config.components + candidates
        # Every stage has an output layer of its own: the first moves means by many levels, the last by parts of one.
        self.out = nn.Linear(width, stages * variables * self.each)
        if config.network != "unet":
            self.apply(initialise)
        if config.output == "logistics":
            nn.init.normal_(self.out.weight, std=0.01)
            mean_range = (self.widths[:-1, None, None] / config.levels).clamp(max=0.05 if self.interpolation else 1.0)
            with torch.no_grad():
                bias, m = self.out.bias.view(stages, -1, self.each), config.components
                bias.zero_()
                bias[..., m : 2 * m] = mean_range * torch.linspace(-1, 1, m)
                bias[..., 2 * m : 3 * m] = -3.0

    def to_tokens(self, x: Tensor) -> Tensor:
        """(batch, rows, columns, features) -> (batch, tokens, features of all the variables of a token)."""
        batch, (tall, wide), (down, across) = x.shape[0], self.patch, self.grid
        x = x.reshape(batch, down, tall, across, wide, -1).permute(0, 1, 3, 2, 4, 5)
        return x.reshape(batch, down * across, -1)

    def hidden(self, low: Tensor, known: Tensor, stage: Tensor) -> tuple[Tensor, Tensor | None]:
        """Parameters of every variable's distribution (batch, D, each), and the interpolation's candidates.

        low int64 (batch, D): the first value of the block that each variable is known to lie in; known bool (batch, D):
        whether this stage has revealed it; stage int64 (batch,).
        """
        config = self.config
        batch, picture = low.shape[0], (low.shape[0], *config.shape)
        wide, narrow = self.widths[stage][:, None], self.widths[stage + 1][:, None]
        size = torch.where(known, narrow, wide)
        high = (low + size - 1).clamp(max=config.levels - 1)
        dtype = self.out.weight.dtype
        # The least and the greatest value that a variable may have, on the scale from -1 to 1.
        start, end = ((2 * x.to(dtype) / (config.levels - 1) - 1).reshape(picture) for x in (low, high))
        mask = known.to(dtype).reshape(picture)
        inputs, candidates = [(start + end) / 2, mask], None
        if self.interpolation is not None:
            # Sums over the picture keep float32's digits under autocast.
            with torch.autocast(low.device.type, enabled=False):
                candidates, features = self.interpolation(start, end, mask, stage)
            inputs += [features.to(dtype)]
        elif config.output == "logistics" and self.upscaling.stages > 1:
            candidates = ((start + end) / 2).reshape(batch, -1, 1)
        x = self.token(self.to_tokens(torch.cat(inputs, -1)))
        if self.embedding is not None:
            row = self.offsets[stage[:, None] + known.long()] + torch.div(low, size, rounding_mode="floor")
            row = self.to_tokens(row.reshape(picture))
            x = x + self.embedding(row + torch.arange(row.shape[-1], device=row.device) * self.blocks).sum(-2)
        x = x + self.stage(stage)[:, None]
        if isinstance(self.network, UNet):
            x = x.transpose(1, 2).reshape(batch, -1, *self.grid)
            x = self.network(x).flatten(2).transpose(1, 2)
        else:
            x = self.network(x)
        out = self.read_out(x, stage).reshape(batch, config.dimensions, self.each)
        out = out[:, self.inverse_permutation]
        return out.float() if dtype == torch.float32 else out, candidates

    def read_out(self, x: Tensor, stage: Tensor) -> Tensor:
        """(batch, tokens, width) -> (batch, tokens, parameters of all the variables of a token)."""
        stages = self.upscaling.stages
        if stages == 1:
            parameters: Tensor = self.out(x)
            return parameters
        weight, bias = (torch.unflatten(p, 0, (stages, -1))[stage] for p in (self.out.weight, self.out.bias))
        return x @ weight.transpose(1, 2) + bias[:, None]
