"""Training the durations of phones on aligned speech."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from adr_models.any_order.baseline import NoDraws
from adr_models.spoken_text.durations import PADDING, DurationsConfig, DurationsModel
from adr_runtime.spoken_text.phones import INDEX
from torch import Tensor, nn

from adr_train.data.batch import Batch
from adr_train.data.types import AlignedSpeech, Dataset
from adr_train.errors import TrainError
from adr_train.loop import Trainer
from adr_train.processes import Processes
from adr_train.recipes.recipe import Recipe
from adr_train.tasks.batches import EpochBatches, padded
from adr_train.tasks.job import Job

# The part of the sentences whose speaker is not told.
NOBODY = 0.1


@dataclass(frozen=True)
class SentenceBatch(Batch):
    """`tokens` are symbols int64 (rows, length); places int64 and log_seconds float32 of the same shape."""

    places: Tensor
    log_seconds: Tensor


class SentenceBatches:
    """Sentences of much the same length in a batch; some of them are by no one in particular."""

    def __init__(self, data: AlignedSpeech, batch: int, seed: int, speakers: tuple[str, ...]):
        self.data, self.seed, self.nobody = data, seed, len(speakers)
        self.speakers = np.array([speakers.index(s) if s in speakers else self.nobody for s in data.speakers])
        self.batches = EpochBatches(np.array([len(symbols) for symbols in data.symbols]), batch, seed)

    def at(self, step: int) -> SentenceBatch:
        data, chosen = self.data, self.batches.at(step)
        symbols = padded([torch.tensor([INDEX[s] for s in data.symbols[i]]) for i in chosen], PADDING)
        places = padded([torch.tensor(data.places[i]) for i in chosen], 0)
        seconds = [np.diff(data.ends[i], prepend=0) / data.sample_rate for i in chosen]
        log_seconds = padded([torch.from_numpy(np.log(s).astype(np.float32)) for s in seconds], 0)
        hidden = np.random.default_rng((self.seed, 4, step)).random(len(chosen)) < NOBODY
        speaker = torch.from_numpy(np.where(hidden, self.nobody, self.speakers[chosen]))
        mask, zeros = symbols != PADDING, torch.zeros(len(chosen), dtype=torch.int64)
        return SentenceBatch(symbols, zeros, speaker, mask, ~mask, places, log_seconds)


class DurationsLoss(nn.Module):
    """That of `DurationsModel`, summed over a batch."""

    def __init__(self, model: DurationsModel):
        super().__init__()
        self.model = model

    def forward(self, batch: SentenceBatch, draws: NoDraws) -> Tensor:
        speaker = batch.speaker if self.model.config.speakers else None
        return self.model.loss(batch.tokens, batch.places, batch.log_seconds, speaker)


class DurationsJob(Job[DurationsModel]):
    unit = "phones"
    sample_range = 1.0

    def __init__(self, recipe: Recipe, data: Dataset, held_out: Dataset, processes: Processes, source: Path | None):
        config, train = recipe.model, recipe.train
        assert isinstance(config, DurationsConfig)
        if not isinstance(data, AlignedSpeech) or not isinstance(held_out, AlignedSpeech):
            raise TrainError(f"{recipe.dataset}: recipes of durations are for aligned speech")
        self.sequences = len(data.symbols)
        speakers = tuple(sorted(set(data.speakers))) if train.speakers else ()
        self.validation = SentenceBatches(held_out, train.batch, train.seed, speakers)
        model = DurationsModel(replace(config, speakers=speakers)).to(processes.device)
        batches = SentenceBatches(data, train.batch, train.seed, speakers)
        self.trainer = Trainer(model, DurationsLoss(model), batches, train, processes)

    def config(self) -> DurationsConfig:
        return self.trainer.model.config
