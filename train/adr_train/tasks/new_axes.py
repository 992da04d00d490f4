"""Weights of a model whose vocoder's axes are measured anew, on other recordings than its own."""

import torch
from adr_models import ADRModel
from adr_models.tokens.vocoder import VocoderTokens
from torch import Tensor

from adr_train.errors import TrainError


@torch.no_grad()
def carry_over(model: ADRModel, before: dict[str, Tensor]) -> None:
    """Put into the layers that see tokens, in place, what they knew in the axes `before` (the state of a vocoder of the
    same shape), said in the model's own.

    What both sets of axes hold of a frame is a linear function of either, so that three linear layers take it up: what
    the backbone hears of the token before, what the head sees of a noisy token, and what it says of it. Beside that,
    noise that is white in one set is not in the other, and how far the means are apart reaches the backbone alone: the
    model starts near where it was, and learns the rest. With the same subspace, scales and means it is exactly where
    it was. Raises TrainError for heads that say more of an axis than its value."""
    tokens = model.tokens
    assert isinstance(tokens, VocoderTokens)
    if model.head.config.gaussian or model.config.schedule.learned_variance:
        raise TrainError("there are no new axes for a head with gaussian or learned_variance; leave --new-axes out")
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
