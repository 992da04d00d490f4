"""Letters to phones without an alignment: each letter gets some slots, and the connectionist temporal classification of
Graves et al. 2006 (CTC) sums over all ways to lay a word's phones into its slots."""

from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from adr_runtime.spoken_text.letters import CLASSES, LETTERS, SLOTS
from torch import Tensor, nn
from torch.nn import functional as F

from adr_models.any_order.baseline import NoDraws
from adr_models.config import build
from adr_models.spoken_text.encoder import Encoder, EncoderConfig
from adr_models.training import TrainableModel

# Behind a word that is shorter than others of its batch.
PADDING = len(LETTERS)


@dataclass(frozen=True)
class LettersConfig:
    encoder: EncoderConfig = field(default_factory=EncoderConfig)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "LettersConfig":
        return build(cls, values, "model")

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


class LettersModel(TrainableModel):
    """Log-probabilities of what each slot of a word holds: number 0 is nothing, number n the phone PHONES[n - 1]."""

    def __init__(self, config: LettersConfig):
        super().__init__()
        self.config, width = config, config.encoder.retention.width
        self.embedding = nn.Embedding(len(LETTERS) + 1, width)
        self.encoder = Encoder(config.encoder)
        self.out = nn.Linear(width, SLOTS * CLASSES)

    def forward(self, letters: Tensor) -> Tensor:
        """letters int64 (rows, length) -> float (rows, length x SLOTS, CLASSES)."""
        hidden = self.encoder(self.embedding(letters), letters != PADDING)
        slots = self.out(hidden).unflatten(-1, (SLOTS, CLASSES)).flatten(1, 2)
        return F.log_softmax(slots, -1)

    def loss(self, letters: Tensor, phones: Tensor, counts: Tensor) -> Tensor:
        """Nats, summed over the words: phones int64 (rows, most), numbered from 1, of which `counts` (rows,) count."""
        slots = SLOTS * (letters != PADDING).sum(1)
        log_p = self(letters).float().transpose(0, 1)
        return F.ctc_loss(log_p, phones, slots, counts, reduction="sum", zero_infinity=True)

    def draw(self, rows: int, length: int, generator: torch.Generator) -> NoDraws:
        return NoDraws()
