"""Training any-order models and their causal baseline."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from adr_models.any_order.ardm import ARDM, ARDMConfig, ARDMDraws
from adr_models.any_order.baseline import Causal, CausalConfig
from sklearn.isotonic import IsotonicRegression
from torch import Tensor, nn

from adr_train.data.batch import Batch
from adr_train.data.types import Dataset
from adr_train.data.variables import VariableBatches, to_variables
from adr_train.loop import Trainer
from adr_train.monitor import Monitor
from adr_train.processes import Processes
from adr_train.recipes.recipe import Recipe

# Forward passes of a batch that measure the loss of every step.
MEASURED = 48


class VariableLoss(nn.Module):
    """Bits of a batch, summed over its variables."""

    def __init__(self, model: ARDM | Causal):
        super().__init__()
        self.model = model

    def forward(self, batch: Batch, draws: Any) -> Tensor:
        return self.model.loss(batch.tokens, draws)


class VariableTrainer(Trainer):
    def make_loss(self) -> nn.Module:
        return VariableLoss(self.model)


class VariableJob:
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
        self.trainer: Trainer = VariableTrainer(model, batches, train, processes)

    def build(self, config: Any) -> nn.Module:
        return Causal(config)

    def config(self) -> dict[str, Any]:
        return self.trainer.model.config.to_dict()

    def provenance(self) -> dict[str, Any]:
        return {}

    def weights(self) -> dict[str, Tensor]:
        return self.trainer.ema

    def validate(self) -> float:
        return self.trainer.validate(self.validation)

    def show(self, monitor: Monitor, ema_model: Any, step: int) -> None:
        pass


class ARDMJob(VariableJob):
    def build(self, config: Any) -> nn.Module:
        return ARDM(config)

    def weights(self) -> dict[str, Tensor]:
        """The EMA's weights, with the loss of every step measured for them on held-out data."""
        with self.trainer.ema_model() as model, self.trainer.autocast:
            losses = measure_step_loss(model, self.validation, self.trainer.device)
        return self.trainer.ema | {"step_loss": losses}

    @torch.no_grad()
    def show(self, monitor: Monitor, ema_model: ARDM, step: int) -> None:
        """How the loss falls as more variables are known."""
        losses = measure_step_loss(ema_model, self.validation, self.trainer.device, passes=8)
        for stage, curve in enumerate(losses):
            for part in range(0, len(curve), max(len(curve) // 8, 1)):
                monitor.writer.add_scalar(f"step loss/stage {stage}, {part} known", float(curve[part]), step)


@torch.no_grad()
def measure_step_loss(model: ARDM, batches: VariableBatches, device: torch.device, passes: int = MEASURED) -> Tensor:
    """Bits of a variable with t known, float32 (stages, D): means over unknown variables at evenly spread steps, then
    the best fit that never rises (more knowledge cannot hurt on average), by isotonic regression."""
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
