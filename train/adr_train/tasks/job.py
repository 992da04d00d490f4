"""The face that every task shows to the session, and the checkpoint that some build upon."""

from pathlib import Path
from typing import Any, Protocol

from torch import Tensor

from adr_train.checkpoint import CheckpointConfig, latest_checkpoint, read_config
from adr_train.errors import TrainError
from adr_train.loop import Trainer
from adr_train.monitor import Monitor
from adr_train.recipes.recipe import Recipe

# What of the provenance of a codec or a teacher goes on into what is built upon it.
PROVENANCE = ("minutes", "steps", "commit", "device")


class Job(Protocol):
    """`unit` names what the speed counts; `sample_range` bounds the magnitude of a token's values; `sequences` counts
    the training data."""

    trainer: Trainer
    unit: str
    sample_range: float
    sequences: int

    def config(self) -> dict[str, Any]: ...
    def provenance(self) -> dict[str, Any]: ...
    def weights(self) -> dict[str, Tensor]: ...
    def validate(self) -> float: ...
    def show(self, monitor: Monitor, ema_model: Any, step: int) -> None: ...


def read_source(
    recipe: Recipe, required: str | None, folder: Path | None, option: str
) -> tuple[Path, CheckpointConfig]:
    """The checkpoint that a recipe builds upon, which must be of the recipe `required`."""
    if folder is None:
        raise TrainError(
            f"{recipe.name} builds on another model: give {option} DIR, the --out folder of adr-train {required}"
        )
    checkpoint = folder if (folder / "config.json").is_file() else latest_checkpoint(folder)
    if checkpoint is None:
        raise TrainError(f"{folder}: no checkpoint of {required} here; give the --out folder of its training")
    saved = read_config(checkpoint)
    if saved.recipe != required:
        raise TrainError(f"{checkpoint}: a checkpoint of {saved.recipe}, not of {required}")
    return checkpoint, saved
