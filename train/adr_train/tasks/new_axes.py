"""Weights of a model whose vocoder's axes are measured anew, on other recordings than its own."""

from pathlib import Path

import torch
from adr_models import ADRConfig, ADRModel
from adr_models.checkpoint import CheckpointConfig
from adr_models.tokens.vocoder import VocoderTokens
from torch import Tensor

from adr_train.data.datasets import ALIGNED_SPEECH
from adr_train.errors import TrainError
from adr_train.recipes.recipe import Recipe

# What a checkpoint says of a run that began in axes of its own.
FROM_AXES, NEW = "from axes", "new"


def check_new_axes(recipe: Recipe, start: Path | None, saved: CheckpointConfig | None) -> None:
    """Raises TrainError where a run cannot begin from another in axes of its own, or did not begin so."""
    model = recipe.model
    if saved and saved.training.get(FROM_AXES) != NEW:
        raise TrainError("the run to go on with did not begin with --new-axes; leave it out")
    voice = isinstance(model, ADRConfig) and model.vocoder and recipe.dataset == ALIGNED_SPEECH
    if recipe.kind != "adr" or not voice or not (start or saved):
        raise TrainError("--new-axes is for recipes of voices with --from; without it a run measures its own axes")
    assert isinstance(model, ADRConfig)
    if model.head.gaussian or model.schedule.learned_variance or model.backbone.magnitudes:
        raise TrainError(f"{recipe.name}: its gaussian, learned_variance or magnitudes stand in the way of --new-axes")


@torch.no_grad()
def carry_over(model: ADRModel, before: dict[str, Tensor]) -> None:
    """Put into the layers that see tokens, in place, what they knew in the axes `before` (the state of a vocoder of the
    same shape), said in the model's own.

    What both sets of axes hold of a frame is a linear function of either, so that three linear layers take it up: what
    the backbone hears of the token before, what the head sees of a noisy token, and what it says of it. Beside that,
    noise that is white in one set is not in the other, and how far the means are apart reaches the backbone alone: the
    model starts near where it was, and learns the rest. Where axes of one size are turned within their subspace, it is
    exactly where it was."""
    tokens = model.tokens
    assert isinstance(tokens, VocoderTokens)
    mean, basis, scale = (before[name].double() for name in ("mean", "basis", "scale"))
    own_mean, own_basis, own_scale = (x.double() for x in (tokens.mean, tokens.basis, tokens.scale))
    both = own_basis.T @ basis
    # As rows: old = new @ to_old + apart, new = old @ to_new + a constant.
    to_old, to_new = own_scale[:, None] * both / scale, scale[:, None] * both.T / own_scale
    apart = (own_mean - mean) @ basis / scale
    heard, seen, said = model.backbone.token, model.head.input, model.head.output
    assert heard is not None
    heard.bias.copy_(heard.bias.double() + heard.weight.double() @ apart)
    for layer in (heard, seen):
        layer.weight.copy_(layer.weight.double() @ to_old.T)
    said.weight.copy_(to_new.T @ said.weight.double())
    said.bias.copy_(to_new.T @ said.bias.double())
