"""Training any-order models and their causal baseline."""

from abc import abstractmethod
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from adr_models.any_order.ardm import ARDM, ARDMDraws
from adr_models.any_order.baseline import Causal, CausalConfig, NoDraws
from adr_models.any_order.network import ARDMConfig
from torch import Tensor, nn

from adr_train.data.batch import Batch, BatchSource
from adr_train.data.types import Dataset
from adr_train.data.variables import VariableBatches, to_variables
from adr_train.loop import Trainer
from adr_train.monitor import Monitor
from adr_train.processes import Processes
from adr_train.recipes.recipe import Recipe
from adr_train.tasks.job import Job

# Forward passes of a batch that measure the loss of every step.
MEASURED = 48


VariableModel = TypeVar("VariableModel", ARDM, Causal, covariant=True)


class VariableLoss(nn.Module):
    """Bits of a batch, summed over its variables."""

    def __init__(self, model: ARDM | Causal):
        super().__init__()
        self.model = model

    def forward(self, batch: Batch, draws: ARDMDraws | NoDraws) -> Tensor:
        if isinstance(self.model, Causal):
            return self.model.loss(batch.tokens)
        assert isinstance(draws, ARDMDraws)
        return self.model.loss(batch.tokens, draws)


class VariableJob(Job[VariableModel]):
    """The part that any-order and causal models share."""

    unit = "variables"
    sample_range = 1.0

    def __init__(self, recipe: Recipe, data: Dataset, held_out: Dataset, processes: Processes, source: Path | None):
        config, train = recipe.model, recipe.train
        assert isinstance(config, ARDMConfig | CausalConfig)
        variables = to_variables(data, config, recipe.dataset)
        self.sequences = len(variables)
        self.validation = VariableBatches(
            to_variables(held_out, config, recipe.dataset), config.shape, train.batch, train.seed
        )
        batches = VariableBatches(variables, config.shape, train.batch, train.seed, train.flip)
        model = self.build(config).to(processes.device)
        self.trainer = Trainer(model, VariableLoss(model), batches, train, processes)

    @abstractmethod
    def build(self, config: ARDMConfig | CausalConfig) -> VariableModel: ...

    def config(self) -> ARDMConfig | CausalConfig:
        return self.trainer.model.config


class CausalJob(VariableJob[Causal]):
    def build(self, config: ARDMConfig | CausalConfig) -> Causal:
        assert isinstance(config, CausalConfig)
        return Causal(config)


class ARDMJob(VariableJob[ARDM]):
    def build(self, config: ARDMConfig | CausalConfig) -> ARDM:
        assert isinstance(config, ARDMConfig)
        return ARDM(config)

    def weights(self) -> dict[str, Tensor]:
        """The EMA's weights, with the loss of every step measured for them on held-out data."""
        with self.trainer.ema_model() as model, self.trainer.autocast:
            losses = measure_step_loss(model, self.validation, self.trainer.device)
        return self.trainer.ema | {"step_loss": losses}

    @torch.no_grad()
    def show(self, monitor: Monitor, step: int) -> None:
        """How the loss falls as more variables are known."""
        with self.trainer.ema_model() as model:
            losses = measure_step_loss(model, self.validation, self.trainer.device, passes=8)
        for stage, curve in enumerate(losses):
            for part in range(0, len(curve), max(len(curve) // 8, 1)):
                monitor.writer.add_scalar(f"step loss/stage {stage}, {part} known", float(curve[part]), step)


@torch.no_grad()
def measure_step_loss(model: ARDM, batches: BatchSource, device: torch.device, passes: int = MEASURED) -> Tensor:
    """Bits of a variable with t known, float32 (stages, D): means over unknown variables at evenly spread steps, then
    the best fit that never rises (more knowledge cannot hurt on average), by isotonic regression."""
    # Scikit-learn takes seconds to import, and most trainings do without.
    from sklearn.isotonic import IsotonicRegression

    config, stages = model.config, model.upscaling.stages
    steps, bits, weights = [], [], []
    generator = torch.Generator(device).manual_seed(0)
    for i in range(passes):
        values = batches.at(i).tokens.to(device)
        rows = len(values)
        time = (torch.arange(rows, device=device) + (i + 0.5) / passes) / rows
        order = torch.rand(rows, config.dimensions, generator=generator, device=device)
        known, stage, _ = model.masks(ARDMDraws(time, order))
        nll = -model.log_likelihood(values, known, stage).float() / float(np.log(2))
        unknown = (~known).sum(1)
        steps.append((stage * config.dimensions + known.sum(1)).cpu().numpy())
        bits.append((torch.where(known, 0.0, nll).sum(1) / unknown).cpu().numpy())
        weights.append(unknown.cpu().numpy())
    step, loss, weight = (np.concatenate(x) for x in (steps, bits, weights))
    curves = []
    for stage_number in range(stages):
        of_stage = step // config.dimensions == stage_number
        fit = IsotonicRegression(increasing=False, out_of_bounds="clip")
        fit.fit(step[of_stage] % config.dimensions, loss[of_stage], sample_weight=weight[of_stage])
        curves.append(fit.predict(np.arange(config.dimensions)))
    return torch.from_numpy(np.stack(curves)).float()
