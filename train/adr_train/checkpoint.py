"""Writing checkpoints (see `adr_models.checkpoint`): a folder that is either complete or not there.

It is written under a temporary name, flushed, and renamed; older checkpoints go only afterwards. A process killed
at any moment thus leaves a complete checkpoint behind, the last one or the one before.
"""

import json
import os
import re
import shutil
from dataclasses import asdict
from pathlib import Path

import torch
from adr_models.checkpoint import NAME, CheckpointConfig
from adr_runtime.errors import ADRError
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor


def save_checkpoint(folder: Path, config: CheckpointConfig, model: dict[str, Tensor], state: dict[str, Tensor]) -> Path:
    """Writes folder/checkpoint-<step> and removes the older ones; errors of the disk leave those in place."""
    final = folder / f"checkpoint-{config.step:06d}"
    temporary = folder / f".{final.name}.{os.getpid()}.part"
    try:
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
        save_file({k: v.detach().cpu().contiguous() for k, v in model.items()}, temporary / "model.safetensors")
        save_file({k: v.detach().cpu().contiguous() for k, v in state.items()}, temporary / "state.safetensors")
        (temporary / "config.json").write_text(json.dumps(asdict(config), indent=1) + "\n")
        for path in temporary.iterdir():
            with path.open("rb") as file:
                os.fsync(file.fileno())
        if final.exists():
            shutil.rmtree(final)
        os.replace(temporary, final)
    except (OSError, SafetensorError) as error:
        raise ADRError(f"{final}: cannot write the checkpoint: {error}") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    for other in folder.iterdir():
        if other != final and (NAME.fullmatch(other.name) or re.fullmatch(r"\.checkpoint-.*\.part", other.name)):
            shutil.rmtree(other, ignore_errors=True)
    return final


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
