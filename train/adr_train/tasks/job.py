"""What every task shows to the session, and the checkpoint that some tasks build upon."""

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, Generic

from adr_models.checkpoint import CheckpointConfig, find_checkpoint, read_config
from torch import Tensor

from adr_train.data.batch import BatchSource
from adr_train.errors import TrainError
from adr_train.loop import Model, Trainer
from adr_train.monitor import Monitor
from adr_train.recipes.recipe import ModelConfig, Recipe

# What of the provenance of a codec or a teacher goes on into what is built upon it.
PROVENANCE = ("minutes", "steps", "commit", "device")


class Job(ABC, Generic[Model]):
    """`unit` names what the speed counts; `sample_range` bounds the magnitude of a token's values; `sequences` counts
    the training data."""

    trainer: Trainer[Model]
    validation: BatchSource
    unit: str
    sample_range: float
    sequences: int

    @abstractmethod
    def config(self) -> ModelConfig:
        """What config.json holds of the model."""

    def provenance(self) -> dict[str, Any]:
        """What config.json says of what the model was built upon."""
        return {}

    def resumed(self, saved: CheckpointConfig) -> None:
        """Called once a saved run's tensors are back in the trainer."""

    def prepare(self) -> None:
        """Called before the first step, once the tokens are those of a saved run or of a start: work of minutes. Raises
        ADRError."""

    def weights(self) -> dict[str, Tensor]:
        """The tensors of model.safetensors."""
        return self.trainer.ema

    def show(self, monitor: Monitor, step: int) -> None:
        """Logs what the model makes with the EMA's weights."""


def read_source(
    recipe: Recipe, required: str | None, folder: Path | None, option: str
) -> tuple[Path, CheckpointConfig]:
    """The checkpoint that a recipe builds upon, which must be of the recipe `required`."""
    if folder is None:
        raise TrainError(
            f"{recipe.name} builds on another model: give {option} DIR, the --out folder of adr-train {required}"
        )
    checkpoint = find_checkpoint(folder, required)
    saved = read_config(checkpoint)
    if saved.recipe != required:
        raise TrainError(f"{checkpoint}: a checkpoint of {saved.recipe}, not of {required}")
    return checkpoint, saved
