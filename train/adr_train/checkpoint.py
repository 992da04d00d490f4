"""Checkpoints: a folder of safetensors and JSON that is either complete or not there.

    checkpoint-000123/
      model.safetensors    the exponential moving average of the weights: what is exported
      config.json          recipe, model, training settings, provenance
      state.safetensors    weights and optimiser moments, for --resume

It is written under a temporary name, flushed, and renamed; older checkpoints go only afterwards. A process killed
at any moment thus leaves a complete checkpoint behind, the last one or the one before.
"""

import json
import os
import re
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from adr_train.errors import TrainError

NAME = re.compile(r"checkpoint-(\d+)")


@dataclass(frozen=True)
class CheckpointConfig:
    """What config.json holds. `clip` is the sample range under the name that bundles have for it;
    `training` is the provenance: recipe, size, commit, minutes, device, data, steps."""

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


def save_checkpoint(
    folder: Path, config: CheckpointConfig, model: dict[str, Tensor], state: dict[str, Tensor] | None
) -> Path:
    """Write folder/checkpoint-<step> and remove the older ones; errors of the disk leave those in place."""
    final = folder / f"checkpoint-{config.step:06d}"
    temporary = folder / f".{final.name}.{os.getpid()}.part"
    try:
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
        save_file({k: v.detach().cpu().contiguous() for k, v in model.items()}, temporary / "model.safetensors")
        if state is not None:
            save_file({k: v.detach().cpu().contiguous() for k, v in state.items()}, temporary / "state.safetensors")
        (temporary / "config.json").write_text(json.dumps(asdict(config), indent=1) + "\n")
        for path in temporary.iterdir():
            with path.open("rb") as file:
                os.fsync(file.fileno())
        if final.exists():
            shutil.rmtree(final)
        os.replace(temporary, final)
    except (OSError, SafetensorError) as error:
        raise TrainError(f"{final}: cannot write the checkpoint: {error}", exit_status=1) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    for other in folder.iterdir():
        if other != final and (NAME.fullmatch(other.name) or re.fullmatch(r"\.checkpoint-.*\.part", other.name)):
            shutil.rmtree(other, ignore_errors=True)
    return final


def latest_checkpoint(folder: Path) -> Path | None:
    """The newest complete checkpoint of a run's folder."""
    checkpoints = [p for p in folder.iterdir() if NAME.fullmatch(p.name)] if folder.is_dir() else []
    return max(checkpoints, key=lambda p: int(p.name.split("-")[1]), default=None)


def read_config(folder: Path) -> CheckpointConfig:
    try:
        return CheckpointConfig(**json.loads((folder / "config.json").read_text()))
    except (OSError, ValueError, TypeError) as error:
        raise TrainError(f"{folder / 'config.json'}: not a checkpoint's config: {error}") from error


def read_tensors(path: Path, device: str = "cpu") -> dict[str, Tensor]:
    try:
        return load_file(path, device)
    except (OSError, SafetensorError) as error:
        raise TrainError(f"{path}: cannot read the checkpoint: {error}") from error


def pack_optimizer(optimizer: torch.optim.Optimizer, names: list[str]) -> dict[str, Tensor]:
    """AdamW's moments and step counts by parameter name."""
    state = optimizer.state_dict()["state"]
    return {f"optimizer.{names[i]}.{k}": v for i, values in state.items() for k, v in values.items()}


def unpack_optimizer(optimizer: torch.optim.Optimizer, names: list[str], tensors: dict[str, Tensor]) -> None:
    state: dict[int, dict[str, Tensor]] = {}
    index = {name: i for i, name in enumerate(names)}
    for key, tensor in tensors.items():
        name, what = key.removeprefix("optimizer.").rsplit(".", 1)
        state.setdefault(index[name], {})[what] = tensor
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
