"""Checkpoints of training runs: finding the newest complete one, and reading it. Nothing is unpickled.

    checkpoint-000123/
      model.safetensors    the (long) exponential moving average of the weights: what is exported
      config.json          recipe, model, training settings, provenance
      state.safetensors    weights, their short average and optimiser moments, for --resume

`adr_train.checkpoint` writes them.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adr_runtime.errors import ADRError
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

NAME = re.compile(r"checkpoint-(\d+)")


class CheckpointError(ADRError):
    """A checkpoint is missing, damaged, or of another kind than is asked for."""


@dataclass(frozen=True)
class CheckpointConfig:
    """What config.json holds. `clip` is the sample range under the name that bundles have for it; `training` is the
    provenance: recipe, size, commit, minutes, device, data, steps."""

    recipe: str
    size: str
    model: dict[str, Any]
    train: dict[str, Any]
    about: dict[str, str]
    defaults: dict[str, Any]
    clip: float
    step: int
    seconds: float
    training: dict[str, Any]
    kind: str = "adr"


def latest_checkpoint(folder: Path) -> Path | None:
    """The newest complete checkpoint of a run's folder."""
    matches = [(NAME.fullmatch(path.name), path) for path in folder.iterdir()] if folder.is_dir() else []
    return max(((int(match[1]), path) for match, path in matches if match), default=(0, None))[1]


def find_checkpoint(path: Path, recipe: str | None = None) -> Path:
    """A checkpoint by its own folder, or the newest complete one of a run's folder. `recipe` names in the error what
    was to be there."""
    checkpoint = path if (path / "config.json").is_file() else latest_checkpoint(path)
    if checkpoint is None:
        kind, command = (f" of {recipe}", f"adr-train {recipe}") if recipe else ("", "adr-train")
        raise CheckpointError(f"{path}: no checkpoint{kind} here; give the --out folder of {command}")
    return checkpoint


def read_config(checkpoint: Path) -> CheckpointConfig:
    file = checkpoint / "config.json"
    try:
        return CheckpointConfig(**json.loads(file.read_text()))
    except (OSError, ValueError, TypeError) as error:
        raise CheckpointError(f"{file}: not a checkpoint's config: {error}") from error


def read_tensors(path: Path, device: str = "cpu") -> dict[str, Tensor]:
    try:
        tensors: dict[str, Tensor] = load_file(path, device)
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"{path}: cannot read the checkpoint: {error}") from error
    return tensors
