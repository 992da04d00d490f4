"""Which tokens of a picture are known and which are to be predicted, as a masked model meets them.

An order of a picture's tokens and a number of known ones are drawn, as for an ARDM (Hoogeboom et al. 2022, arXiv
2110.02037). Three kinds of order are mixed, so that all that is asked for later has been seen:

- level by level, coarse ones first, the regions of a level at random: how whole pictures are generated;
- the same behind whole regions that are known at every level: how a picture is filled in. They are those nearest to
  some place or farthest from it, more or less scattered: halves, corners, frames, single ones;
- all tokens at random, whatever their level, as in MAR (Li et al. 2024, arXiv 2406.11838).

In an order of levels, tokens of finer levels than the first with an unknown token are not predicted: nobody asks for
details of an unknown thumbnail.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from adr_models.training import RowTensors


@dataclass(frozen=True)
class MaskConfig:
    """`given` is the share of rows with regions that are known beforehand, `random` that of rows whose order passes
    over the levels."""

    given: float = 0.5
    random: float = 0.0

    def __post_init__(self) -> None:
        for name in ("given", "random"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"masks.{name} is a share from 0 to 1, not {getattr(self, name)}")

    @property
    def orders(self) -> tuple[str, ...]:
        """The orders that a model can generate in, the one by default first."""
        return ("levels",) * (self.random < 1) + ("random",) * (self.random > 0)


@dataclass(frozen=True)
class MaskDraws(RowTensors):
    """For each row: what part of the tokens that are not given are known, `time` in [0, 1); how many regions are given,
    int64; whether the order passes over the levels; and what regions (rows, regions) and tokens (rows, length) are
    ranked by."""

    time: Tensor
    given: Tensor
    random: Tensor
    regions: Tensor
    order: Tensor


def draw_masks(
    config: MaskConfig, rows: int, grid: tuple[int, int], levels: int, generator: torch.Generator
) -> MaskDraws:
    """Masks of `rows` pictures, whose tokens are `levels` times the regions of a grid. Times are antithetic: evenly
    spaced from one random offset on (Kingma et al. 2021, arXiv 2107.00630)."""
    device, regions = generator.device, grid[0] * grid[1]

    def uniform(*shape: int) -> Tensor:
        return torch.rand(*shape, generator=generator, device=device)

    count = (uniform(rows) * regions).long().clamp(max=regions - 1)
    y, x = torch.meshgrid(*((torch.arange(n, device=device) + 0.5) / n for n in grid), indexing="ij")
    places = torch.stack([y, x], -1).reshape(1, regions, 2)
    # Seen from outside, the nearest regions are a half or a corner; from within, a hole or what is around one.
    reach = torch.where(uniform(rows, 1, 1) < 0.5, 1.0, 3.0)
    distance = (places - (0.5 + reach * (uniform(rows, 1, 2) - 0.5))).norm(dim=-1)
    side = torch.where(uniform(rows, 1) < 0.5, 1.0, -1.0)
    return MaskDraws(
        time=(uniform(1) + torch.arange(rows, device=device) / rows) % 1,
        given=torch.where(uniform(rows) < config.given, count, 0),
        random=uniform(rows) < config.random,
        regions=side * distance + 2 * uniform(rows, 1) ** 2 * uniform(rows, regions),
        order=uniform(rows, levels * regions),
    )


def masks(draws: MaskDraws, levels: int) -> tuple[Tensor, Tensor]:
    """known bool (rows, length), and predicted bool (rows, length): the unknown tokens that may come next. Both follow
    the order of a pyramid's tokens, level by level; at least one token of a row is predicted."""
    regions, length = draws.regions.shape[1], draws.order.shape[1]
    given = (ranks(draws.regions) < draws.given[:, None]).repeat(1, levels)
    level = torch.arange(length, device=given.device) // regions
    turn = torch.where(draws.random[:, None], 0, level)
    before = given.sum(1)
    reached = before + (draws.time * (length - before)).long().clamp(max=length - before - 1)
    known = ranks(torch.where(given, -1, turn) + draws.order) < reached[:, None]
    first = torch.where(known, levels, turn).amin(1, keepdim=True)
    return known, ~known & (turn == first)


def ranks(keys: Tensor) -> Tensor:
    """The place of each key (rows, n) in its row's rising order, int64."""
    return keys.argsort(1).argsort(1)


def mean_predicted(config: MaskConfig, regions: int, levels: int) -> float:
    """How many tokens of a row are predicted, on average: where n tokens may be next, any number from 1 to n is."""
    missing = (1 - config.given) * regions + config.given * (regions + 1) / 2
    return (1 - config.random) * (missing + 1) / 2 + config.random * (levels * missing + 1) / 2
