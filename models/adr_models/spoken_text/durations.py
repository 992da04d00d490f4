"""Phones to how long they take: the logarithm of seconds, so that no frame rate is built in."""

from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from adr_runtime.spoken_text.phones import PLACES, SYMBOLS
from torch import Tensor, nn

from adr_models.any_order.baseline import NoDraws
from adr_models.config import build
from adr_models.spoken_text.encoder import Encoder, EncoderConfig
from adr_models.training import TrainableModel

PADDING = len(SYMBOLS)
# What an untrained network says of every phone.
TYPICAL_LOG_SECONDS = -2.6


@dataclass(frozen=True)
class DurationsConfig:
    """With `speakers`, each of them has a pace of its own. A second by which a phone ends early or late costs `starts`
    times as much as a duration that is wrong by a factor of e, and one phone makes all that follow it late."""

    encoder: EncoderConfig = field(default_factory=EncoderConfig)
    speakers: tuple[str, ...] = ()
    starts: float = 0.0

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "DurationsConfig":
        return build(cls, values, "model")

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


class DurationsModel(TrainableModel):
    """Log-seconds of every phone of a sentence, by the phones around it, their stress, where it stands in its word, and
    how far the pauses are at both ends of the sentence; and of whoever speaks, or of no one in particular."""

    def __init__(self, config: DurationsConfig):
        super().__init__()
        self.config, width = config, config.encoder.retention.width
        self.symbol = nn.Embedding(len(SYMBOLS) + 1, width)
        self.place = nn.Embedding(PLACES, width)
        self.speaker = nn.Embedding(len(config.speakers) + 1, width) if config.speakers else None
        self.encoder = Encoder(config.encoder)
        self.out = nn.Linear(width, 1)

    def forward(self, symbols: Tensor, places: Tensor, speaker: Tensor | None = None) -> Tensor:
        """symbols and places int64 (rows, length), speaker int64 (rows,), of which one more than there are is no one in
        particular -> float (rows, length)."""
        told = self.symbol(symbols) + self.place(places)
        if self.speaker is not None:
            assert speaker is not None
            told = told + self.speaker(speaker)[:, None]
        hidden = self.encoder(told, symbols != PADDING)
        log_seconds: Tensor = self.out(hidden)[..., 0] + TYPICAL_LOG_SECONDS
        return log_seconds

    def loss(self, symbols: Tensor, places: Tensor, log_seconds: Tensor, speaker: Tensor | None = None) -> Tensor:
        """Absolute differences of log-seconds, summed over the phones: the median is learned, which long outliers move
        less than the mean. Medians are short of the mean, and what every phone is short of adds up along a sentence:
        so with `starts` absolute differences of where phones end count too, in seconds from the end of the first pause
        on."""
        there = symbols != PADDING
        differences = (self(symbols, places, speaker).float() - log_seconds) * there
        late = ((log_seconds + differences).exp() - log_seconds.exp())[:, 1:].cumsum(1) * there[:, 1:]
        total: Tensor = differences.abs().sum() + self.config.starts * late.abs().sum()
        return total

    def draw(self, rows: int, length: int, generator: torch.Generator) -> NoDraws:
        return NoDraws()
