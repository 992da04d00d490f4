"""Training a masked model of pictures."""

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from adr_models.checkpoint import CheckpointConfig
from adr_models.masked.generate import fill
from adr_models.masked.model import MaskedADR, MaskedADRConfig, MaskedDraws
from adr_runtime.causal.samplers import coefficients
from adr_runtime.masked.order import reveal_counts
from torch import Tensor, nn

from adr_train.data.batch import Batch
from adr_train.data.types import Dataset, Images
from adr_train.errors import TrainError
from adr_train.loop import Trainer
from adr_train.monitor import Monitor
from adr_train.processes import Processes
from adr_train.recipes.recipe import Recipe
from adr_train.tasks.adr import first_guidance, fit_tokens
from adr_train.tasks.batches import Batches
from adr_train.tasks.job import Job

# Denoising steps of the samples that are shown.
SHOWN_STEPS = 20


class MaskedLoss(nn.Module):
    """The model's loss summed over a batch, as a forward that DistributedDataParallel can wrap."""

    def __init__(self, model: MaskedADR):
        super().__init__()
        self.model = model

    def forward(self, batch: Batch, draws: MaskedDraws) -> Tensor:
        return self.model.loss(batch.tokens, batch.label if self.model.config.labels else None, draws)


class MaskedJob(Job[MaskedADR]):
    unit = "tokens"

    def __init__(self, recipe: Recipe, data: Dataset, held_out: Dataset, processes: Processes, source: Path | None):
        config, train = recipe.model, recipe.train
        assert isinstance(config, MaskedADRConfig)
        data, held_out = pictures(recipe, config, data), pictures(recipe, config, held_out)
        self.recipe, self.sequences = recipe, len(data.labels)
        model = MaskedADR(replace(config, labels=data.names))
        self.sample_range = 1.1 * fit_tokens(model.tokens, data)
        model.to(processes.device)
        tokens, rows = copy.deepcopy(model.tokens), min(train.batch, len(held_out.labels))
        batches = Batches(data, tokens, train.batch, train.seed, flip=train.flip, device=processes.device)
        self.validation = Batches(held_out, tokens, rows, train.seed, device=processes.device)
        self.trainer = Trainer(model, MaskedLoss(model), batches, train, processes)

    def config(self) -> MaskedADRConfig:
        return self.trainer.model.config

    def resumed(self, saved: CheckpointConfig) -> None:
        self.sample_range = saved.clip

    @torch.no_grad()
    def show(self, monitor: Monitor, step: int) -> None:
        """A picture of each label, or four without, by DDIM in the recipe's number of network calls."""
        with self.trainer.ema_model() as model:
            pixels = sample(model, self.recipe.defaults, self.sample_range)
        monitor.writer.add_images("samples", pixels.clamp(0, 1).cpu().numpy(), step, dataformats="NHWC")


def sample(model: MaskedADR, defaults: dict[str, Any], sample_range: float) -> Tensor:
    """Pixels float (rows, height, width, channels), always with the same noise, in the model's first order."""
    device, names, schedule = model.unknown.device, model.config.labels, model.config.schedule
    rows, tokens = len(names) or 4, model.tokens
    groups = model.config.pyramid.levels if model.config.masks.orders[0] == "levels" else 1
    generator = torch.Generator(device).manual_seed(0)
    timestep, table = coefficients(
        model.schedule.betas.numpy(), schedule.prediction, schedule.learned_variance, "ddim",
        min(SHOWN_STEPS, schedule.timesteps), 1.0, float(defaults.get("spacing", 1)),
    )  # fmt: skip
    group = torch.arange(tokens.length, device=device) // (tokens.length // groups)
    order = (group + torch.rand(rows, tokens.length, generator=generator, device=device)).argsort(1)
    initial = torch.randn(rows, tokens.length, tokens.channels, generator=generator, device=device)
    made = fill(
        model, torch.zeros_like(initial), torch.zeros(rows, tokens.length, dtype=torch.bool, device=device),
        torch.arange(rows, device=device) if names else None, order,
        reveal_counts(int(defaults["calls"]), groups, tokens.length // groups),
        torch.from_numpy(timestep).to(device), torch.from_numpy(table).to(device), first_guidance(defaults),
        sample_range, initial,
    )  # fmt: skip
    return tokens.decode(made, {})[0]


def pictures(recipe: Recipe, config: MaskedADRConfig, data: Dataset) -> Images:
    """The data, which must have the shape that the recipe's tokens are made for."""
    wanted = (config.pyramid.height, config.pyramid.width, config.pyramid.channels)
    if not isinstance(data, Images):
        raise TrainError(f"{recipe.dataset} and the tokens of recipe {recipe.name} are of different kinds")
    if data.pixels.shape[1:] != wanted:
        raise TrainError(f"{recipe.dataset} has pictures of {data.pixels.shape[1:]}, the recipe wants {wanted}")
    return data
