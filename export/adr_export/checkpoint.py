"""A model from a checkpoint of adr-train."""

from pathlib import Path
from typing import Any, TypeVar

from adr_models import ADRConfig, ADRModel
from adr_models.any_order.ardm import ARDM
from adr_models.any_order.network import ARDMConfig
from adr_models.checkpoint import CheckpointConfig, find_checkpoint, read_config, read_tensors
from adr_models.masked.model import MaskedADR, MaskedADRConfig
from adr_models.spoken_text.aligner import AlignerConfig, AlignerModel
from adr_models.spoken_text.durations import DurationsConfig, DurationsModel
from adr_models.spoken_text.letters import LettersConfig, LettersModel
from torch import Tensor

from adr_export.errors import ExportError

Exported = ADRModel | ARDM | MaskedADR | LettersModel | DurationsModel | AlignerModel
Part = TypeVar("Part", DurationsModel, AlignerModel)


def load_checkpoint(path: Path, short: bool = False) -> tuple[Exported, CheckpointConfig]:
    """The model in evaluation mode, with the long or the short average of its weights, and config.json. Missing and
    left-over tensors are both errors."""
    config = read_config(path)
    model: Exported
    try:
        if config.kind == "ardm":
            model = ARDM(ARDMConfig.from_dict(config.model))
        elif config.kind == "masked":
            model = MaskedADR(MaskedADRConfig.from_dict(config.model))
        elif config.kind in ("adr", "distil"):
            model = ADRModel(ADRConfig.from_dict(config.model))
        elif config.kind == "letters":
            model = LettersModel(LettersConfig.from_dict(config.model))
        elif config.kind == "durations":
            model = DurationsModel(DurationsConfig.from_dict(config.model))
        elif config.kind == "aligner":
            model = AlignerModel(AlignerConfig.from_dict(config.model))
        else:
            raise ValueError(f"models of the kind {config.kind!r} make no bundle")
    except (TypeError, ValueError) as error:
        raise ExportError(f"{path / 'config.json'}: not a checkpoint's config: {error}") from error
    weights = path / "model.safetensors"
    tensors = read_tensors(weights)
    if short:
        tensors |= read_short(path / "state.safetensors")
    try:
        model.load_state_dict(tensors, strict=True)
    except RuntimeError as error:
        line = " ".join(str(error).split())
        raise ExportError(f"{weights}: not the weights of the model in config.json: {line}") from error
    return model.eval(), config


def read_short(file: Path) -> dict[str, Tensor]:
    """The short average of the weights, by name."""
    tensors = {k.removeprefix("short."): v for k, v in read_tensors(file).items() if k.startswith("short.")}
    if not tensors:
        raise ExportError(f"{file}: no short average of the weights; this run kept one average only")
    return tensors


def load_part(folder: Path, short: bool, kind: type[Part], what: str) -> tuple[Part, dict[str, Any]]:
    """The model of a run of `what`, as `load_checkpoint` has it, and its provenance."""
    model, config = load_checkpoint(find_checkpoint(folder), short)
    if not isinstance(model, kind):
        raise ExportError(f"{folder}: a run of {config.recipe}, not of {what}")
    return model, config.training
