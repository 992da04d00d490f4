"""Where a checkpoint comes from: the commit, the machine, the data."""

import platform
import subprocess
from pathlib import Path
from typing import Any

import torch
from torch import nn

from adr_train.loop import Model
from adr_train.recipes.recipe import Recipe
from adr_train.tasks.job import Job


def describe_training(recipe: Recipe, job: Job[Model], commit: str) -> dict[str, Any]:
    """The `training` of a checkpoint's config, which bundles take over."""
    trainer = job.trainer
    return {
        "recipe": recipe.name, "size": recipe.size, "steps": trainer.step, "commit": commit,
        "minutes": round(trainer.seconds / 60, 2), "device": device_name(trainer.device),
        "processes": trainer.processes.count, "data": recipe.source, "sequences": job.sequences,
        "weights": count_weights(trainer.model), "torch": torch.__version__, **job.provenance(),
    }  # fmt: skip


def count_weights(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


def source_commit() -> str:
    """The commit of the source tree; "unknown" outside a checkout."""
    folder = Path(__file__).parent
    try:
        described = subprocess.run(
            ["git", "-C", str(folder), "describe", "--always", "--dirty", "--abbrev=12"],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        return described.stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def device_name(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{platform.machine()} CPU, {torch.get_num_threads()} threads"
