"""The optimiser of a run: AdamW, or Muon for the matrices of the blocks beside AdamW for all the rest.

Muon makes the update of a matrix orthogonal, so that no direction is learned much faster than another; its updates are
scaled to the size of AdamW's, and both take the same learning rate. Embeddings, the first and the last layer and
vectors are AdamW's in any case.
"""

from typing import Any

import torch
from torch import Tensor, nn

from adr_train.checkpoint import pack_optimizer, unpack_optimizer
from adr_train.muon import Muon
from adr_train.precision import bfloat16_pays
from adr_train.recipes.configs import TrainConfig


class Optimizers:
    """One or two optimisers of a model's parameters by name, which step and are saved together."""

    def __init__(self, named: dict[str, nn.Parameter], config: TrainConfig):
        muon = {n: p for n, p in named.items() if config.optimizer == "muon" and ".blocks." in n and p.ndim == 2}
        rest = {n: p for n, p in named.items() if n not in muon}
        decayed, plain = ({n: p for n, p in rest.items() if (p.ndim > 1) == wide} for wide in (True, False))
        groups: list[dict[str, Any]] = [
            {"params": list(decayed.values())}, {"params": list(plain.values()), "weight_decay": 0.0},
        ]  # fmt: skip
        betas = (config.betas[0], config.betas[1])
        adamw = torch.optim.AdamW(
            groups, lr=config.learning_rate, betas=betas, weight_decay=config.weight_decay, fused=True
        )
        self.parts: list[tuple[torch.optim.Optimizer, list[str]]] = [(adamw, [*decayed, *plain])]
        if muon:
            dtype = torch.bfloat16 if bfloat16_pays(next(iter(muon.values())).device) else torch.float32
            matrices = Muon(muon.values(), config.learning_rate, config.weight_decay, dtype)
            self.parts.append((matrices, list(muon)))

    def step(self, rate: float) -> None:
        """One step at a learning rate, after which the gradients are gone."""
        for optimizer, _ in self.parts:
            for group in optimizer.param_groups:
                group["lr"] = rate
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)

    def state(self) -> dict[str, Tensor]:
        """Moments and step counts by the parameters' names."""
        return {k: v for part in self.parts for k, v in pack_optimizer(*part).items()}

    def restore(self, tensors: dict[str, Tensor]) -> None:
        for optimizer, names in self.parts:
            own = {k: v for k, v in tensors.items() if k.removeprefix("optimizer.").rsplit(".", 1)[0] in names}
            unpack_optimizer(optimizer, names, own)
