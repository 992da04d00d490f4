"""Training letters to phones on a pronouncing dictionary."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from adr_models.any_order.baseline import NoDraws
from adr_models.spoken_text.letters import PADDING, LettersConfig, LettersModel
from adr_runtime.spoken_text.letters import SLOTS, letter_numbers, read_greedily
from adr_runtime.spoken_text.phones import PHONES
from torch import Tensor, nn

from adr_train.data.batch import Batch
from adr_train.data.types import Dataset, Pronunciations
from adr_train.errors import TrainError
from adr_train.loop import Trainer
from adr_train.monitor import Monitor
from adr_train.processes import Processes
from adr_train.recipes.recipe import Recipe
from adr_train.tasks.batches import EpochBatches, padded
from adr_train.tasks.job import Job
from adr_train.tasks.phone_errors import error_rates

NUMBER = {phone: number for number, phone in enumerate(PHONES, 1)}
# Held-out words that a look into the run measures.
LOOKED_AT = 500


@dataclass(frozen=True)
class WordBatch(Batch):
    """`tokens` are letters int64 (rows, length); phones int64 (rows, most), numbered from 1, and how many count."""

    phones: Tensor
    counts: Tensor


class WordBatches:
    """Words with one of their pronunciations, of much the same length in a batch; those whose phones do not fit into
    their slots, spelled abbreviations mostly, are left out."""

    def __init__(self, data: Pronunciations, batch: int, seed: int):
        pairs = [
            (torch.from_numpy(letter_numbers(word)), torch.tensor([NUMBER[p] for p in phones]))
            for word, ways in zip(data.words, data.phones, strict=True)
            for phones in ways
        ]
        self.pairs = [(letters, phones) for letters, phones in pairs if fits(letters, phones)]
        if not self.pairs:
            raise TrainError("the dictionary has no words to train on")
        self.batches = EpochBatches(np.array([len(letters) for letters, _ in self.pairs]), batch, seed)

    def at(self, step: int) -> WordBatch:
        chosen = [self.pairs[i] for i in self.batches.at(step)]
        letters, phones = padded([pair[0] for pair in chosen], PADDING), padded([pair[1] for pair in chosen], 0)
        mask, zeros = letters != PADDING, torch.zeros(len(chosen), dtype=torch.int64)
        counts = torch.tensor([len(phones) for _, phones in chosen])
        return WordBatch(letters, zeros, zeros, mask, ~mask, phones, counts)


def fits(letters: Tensor, phones: Tensor) -> bool:
    """Whether CTC can lay the phones into the slots, where equal neighbours need a blank between them."""
    return bool(len(phones) + (phones[1:] == phones[:-1]).sum() <= SLOTS * len(letters))


class LettersLoss(nn.Module):
    """Nats of a batch, summed over its words."""

    def __init__(self, model: LettersModel):
        super().__init__()
        self.model = model

    def forward(self, batch: WordBatch, draws: NoDraws) -> Tensor:
        return self.model.loss(batch.tokens, batch.phones, batch.counts)


class LettersJob(Job[LettersModel]):
    unit = "letters"
    sample_range = 1.0

    def __init__(self, recipe: Recipe, data: Dataset, held_out: Dataset, processes: Processes, source: Path | None):
        config, train = recipe.model, recipe.train
        assert isinstance(config, LettersConfig)
        if not isinstance(data, Pronunciations) or not isinstance(held_out, Pronunciations):
            raise TrainError(f"{recipe.dataset}: recipes of letters are for dictionaries")
        batches = WordBatches(data, train.batch, train.seed)
        self.validation, self.held_out = WordBatches(held_out, train.batch, train.seed), held_out
        self.sequences = len(batches.pairs)
        model = LettersModel(config).to(processes.device)
        self.trainer = Trainer(model, LettersLoss(model), batches, train, processes)

    def config(self) -> LettersConfig:
        return self.trainer.model.config

    def show(self, monitor: Monitor, step: int) -> None:
        """Errors on held-out words."""
        with self.trainer.ema_model() as model:
            said = [pronounce(model, word) for word in self.held_out.words[:LOOKED_AT]]
        phones, whole = error_rates(said, self.held_out.phones[:LOOKED_AT])
        monitor.writer.add_scalar("validation/phone_error", phones, step)
        monitor.writer.add_scalar("validation/word_error", whole, step)


@torch.no_grad()
def pronounce(model: LettersModel, word: str) -> tuple[str, ...]:
    letters = torch.from_numpy(letter_numbers(word))[None].to(model.out.weight.device)
    return read_greedily(model(letters)[0].float().cpu().numpy())
