"""Reading what adr-train wrote: the averaged weights and the config beside them. Nothing is unpickled."""

import json
import re
from pathlib import Path
from typing import Any

from adr_models import ADRConfig, ADRModel
from adr_models.any_order.ardm import ARDM, ARDMConfig
from safetensors import SafetensorError
from safetensors.torch import load_file

from adr_export.errors import ExportError


def find_checkpoint(path: Path) -> Path:
    """A checkpoint by its own folder, or the newest complete one of a training run's folder."""
    if (path / "config.json").is_file():
        return path
    numbered = [(re.fullmatch(r"checkpoint-(\d+)", p.name), p) for p in path.iterdir()] if path.is_dir() else []
    steps = [(int(match[1]), p) for match, p in numbered if match]
    if not steps:
        raise ExportError(f"{path}: no checkpoint here; give the --out folder of adr-train")
    return max(steps)[1]


def load_checkpoint(path: Path) -> tuple[ADRModel | ARDM, dict[str, Any]]:
    """The model in evaluation mode, and config.json. Missing and left-over tensors are both errors."""
    file = path / "config.json"
    try:
        config = json.loads(file.read_text())
        model: ADRModel | ARDM
        kind = config.get("kind", "adr")
        if kind == "ardm":
            model = ARDM(ARDMConfig.from_dict(config["model"]))
        elif kind in ("adr", "distil"):
            model = ADRModel(ADRConfig.from_dict(config["model"]))
        else:
            raise ValueError(f"models of the kind {kind!r} make no bundle")
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise ExportError(f"{file}: not a checkpoint's config: {error}") from error
    weights = path / "model.safetensors"
    try:
        model.load_state_dict(load_file(weights), strict=True)
    except (OSError, SafetensorError) as error:
        raise ExportError(f"{weights}: cannot read the weights: {error}") from error
    except RuntimeError as error:
        line = " ".join(str(error).split())
        raise ExportError(f"{weights}: not the weights of the model in config.json: {line}") from error
    return model.eval(), config
