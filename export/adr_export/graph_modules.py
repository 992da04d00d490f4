"""The graphs of a bundle as PyTorch modules: a model's parts with every state an explicit tensor."""

import torch
from adr_models import ADRModel
from adr_models.causal.backbone import State
from adr_models.causal.generate import denoise_step
from adr_models.masked.model import MaskedADR
from adr_models.mixers.retention import Form
from torch import Tensor, nn
from torch._higher_order_ops.scan import scan


class StepGraph(nn.Module):
    def __init__(self, model: ADRModel, form: Form):
        super().__init__()
        self.backbone, self.form = model.backbone, form
        has = {"label": model.config.labels, "speaker": model.config.speakers, "controls": model.config.controls}
        self.conditioning = [what for what, names in has.items() if names]

    def split(self, rest: tuple[Tensor, ...]) -> tuple[dict[str, Tensor], State]:
        """Label, speaker and controls, as far as the model has them, and the states by name."""
        count = len(self.conditioning)
        conditioning = dict(zip(self.conditioning, rest[:count], strict=True))
        return conditioning, dict(zip(self.backbone.initial_state(1), rest[count:], strict=True))

    def forward(self, token: Tensor, *rest: Tensor) -> tuple[Tensor, ...]:
        told, past = self.split(rest)
        label, speaker, controls = told.get("label"), told.get("speaker"), told.get("controls")
        condition, present = self.backbone.step(token, label, past, self.form, speaker, controls)
        end = () if self.backbone.end is None else (self.backbone.ended(condition),)
        return condition, *end, *present.values()


class ParallelGraph(StepGraph):
    def forward(self, tokens: Tensor, *rest: Tensor) -> tuple[Tensor, ...]:
        told, past = self.split(rest)
        label, speaker, controls = told.get("label"), told.get("speaker"), told.get("controls")
        conditions, present = self.backbone(tokens, label, past, self.form, speaker, controls)
        assert present is not None
        return conditions, *present.values()


class TimestepGraph(nn.Module):
    def __init__(self, model: ADRModel | MaskedADR):
        super().__init__()
        self.head = model.head

    def forward(self, timestep: Tensor, *end_timestep: Tensor) -> Tensor:
        return self.head.time_modulation(timestep, *end_timestep)


class HeadGraph(nn.Module):
    """`adr_models.causal.generate.denoise` with its loop as an ONNX Scan."""

    def __init__(self, model: ADRModel | MaskedADR):
        super().__init__()
        self.head = model.head

    def forward(
        self, condition: Tensor, mix: Tensor, modulation: Tensor, coefficients: Tensor, initial: Tensor,
        noise: Tensor, sample_range: Tensor,
    ) -> Tensor:  # fmt: skip
        of_condition = self.head.condition_modulation(condition)

        def body(
            carry: tuple[Tensor, Tensor], row: tuple[Tensor, Tensor, Tensor]
        ) -> tuple[tuple[Tensor, Tensor], Tensor]:
            x, before = denoise_step(self.head, *carry, row[0], row[2], row[1], of_condition, mix, sample_range)
            # Scan wants an output for every step; nothing reads this one.
            return (x, before), x[:, :1].clone()

        carry, _ = scan(body, (initial, torch.zeros_like(initial)), (coefficients, modulation, noise))
        token: Tensor = carry[0]
        return token


class DecodeGraph(nn.Module):
    def __init__(self, model: ADRModel | MaskedADR):
        super().__init__()
        self.tokens = model.tokens

    def forward(self, tokens: Tensor, *past: Tensor) -> tuple[Tensor, ...]:
        state = dict(zip(self.tokens.initial_state(1), past, strict=True))
        signal, present = self.tokens.decode(tokens, state)
        return signal, *present.values()


class EncodeGraph(nn.Module):
    def __init__(self, model: ADRModel | MaskedADR):
        super().__init__()
        self.tokens = model.tokens

    def forward(self, signal: Tensor) -> Tensor:
        return self.tokens.encode(signal)
