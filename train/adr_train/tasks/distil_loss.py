"""Distilling a head to few steps: it learns to jump from any noise level to any lower one.

With velocity prediction, a DDIM step is a rotation: where sqrt(alpha_bar) = cos phi and sqrt(1 - alpha_bar) = sin phi,

    x_s = cos(phi_t - phi_s) x_t - sin(phi_t - phi_s) v

is exact for a step of no length with the teacher's velocity v(x_t, t), and for a jump of any length with the right mean
velocity F(x_t, t, s), which the student learns (flow maps: Boffi, Albergo, Vanden-Eijnden 2024, arXiv 2406.07507; the
rotation is that of sCM, Lu and Song 2024, arXiv 2410.11081):

    s = t    F is the teacher's velocity, with classifier-free guidance (as Meng et al. 2023, arXiv 2210.03142), so
             that the student needs no second, unconditional pass
    s < t    F makes the jump t -> s land where two jumps t -> m -> s land (shortcut models: Frans et al. 2024,
             arXiv 2410.12557), the latter without gradient; or by another of `jump_rules`

The backbone stays as it is. Samplers other than ddim see F(x_t, t, t) and work as before.
"""

from dataclasses import dataclass, replace

import torch
from adr_models import ADRModel
from adr_models.causal.model import Draws
from adr_models.causal.token_loss import time_modulation
from adr_models.tokens.geometry import PictureTokens
from torch import Tensor, nn
from torch.nn import functional as F

from adr_train.data.batch import Batch
from adr_train.errors import TrainError
from adr_train.recipes.configs import DistilConfig
from adr_train.tasks.jump_rules import DIFFERENCES, RULES, Jump


@dataclass(frozen=True)
class DistilDraws(Draws):
    """And for every token and draw where a jump ends, and where it is halved (both uniform)."""

    end: Tensor
    middle: Tensor


class Student(ADRModel):
    """A model whose head learns jumps, with what its training draws."""

    def draw(self, rows: int, length: int, generator: torch.Generator) -> DistilDraws:
        drawn, shape = super().draw(rows, length, generator), (rows, length, self.config.loss.draws)
        end, middle, order = (torch.rand(shape, generator=generator, device=generator.device) for _ in range(3))
        # Stratified draws come in the order of their levels, and the first ones learn the slope: of all levels.
        shuffled = replace(drawn, t=drawn.t.gather(-1, order.argsort(-1)))
        return DistilDraws(**vars(shuffled), end=end, middle=middle)


class DistilLoss(nn.Module):
    """Batch and draws -> the student's loss, summed over tokens. Levels run from 0, clean data, to T."""

    phase: Tensor
    guidance: Tensor

    def __init__(self, student: Student, teacher: ADRModel, config: DistilConfig):
        super().__init__()
        if student.config.schedule.prediction != "velocity" or student.config.schedule.learned_variance:
            raise ValueError("only a head that predicts the velocity, without its variance, can learn jumps")
        if config.rule not in RULES:
            raise TrainError(f"distil.rule is one of {', '.join(RULES)}, not {config.rule}")
        self.student, self.config = student, config
        guidance, length = config.guidance, student.tokens.length if isinstance(student.tokens, PictureTokens) else 1
        parts = guidance if isinstance(guidance, tuple) else (guidance,)
        if not parts or length % len(parts):
            raise TrainError(f"distil.guidance is a number, or one for each equal part of a picture, not {guidance}")
        # The guidance of each token of a picture, or of all tokens.
        scales = torch.tensor(parts).repeat_interleave(length // len(parts))
        self.register_buffer("guidance", scales, persistent=False)
        # In a list, so that the teacher's weights are none of this module's.
        self.teacher = [teacher.eval().requires_grad_(False)]
        schedule = student.schedule
        levels = torch.atan2(schedule.noise.double(), schedule.signal.double())
        self.register_buffer("phase", torch.cat([levels.new_zeros(1), levels]).float(), persistent=False)

    def forward(self, batch: Batch, draws: DistilDraws) -> Tensor:
        with torch.no_grad():
            conditional, unconditional = self.conditions(self.teacher[0], batch, draws)
        device = batch.tokens.device.type
        # Velocities one level apart differ by less than bfloat16 rounds.
        rounded = torch.is_autocast_enabled(device) and self.config.rule not in DIFFERENCES
        with torch.autocast(device, torch.get_autocast_dtype(device), enabled=rounded):
            return self.loss(batch, draws, conditional.float(), unconditional.float())

    def loss(self, batch: Batch, draws: DistilDraws, conditional: Tensor, unconditional: Tensor) -> Tensor:
        """Of the tokens with these z."""
        teacher, mask = self.teacher[0], batch.mask
        own = self.student.own_channels(batch.tokens)[mask]
        x0, epsilon, level = batch.tokens[mask][:, None], draws.epsilon[mask] * own, draws.t[mask] + 1
        slopes = max(round(self.student.config.loss.draws * self.config.slope), 1)
        head, every = self.student.head, torch.arange(len(self.phase), device=level.device)
        tables = head.time(head.waves(every - 1)), head.end_timestep(head.waves(every))
        condition = head.condition_modulation(conditional)[:, None]

        def velocity(x: Tensor, start: Tensor, end: Tensor, learn: bool) -> Tensor:
            time = [F.embedding(i, t if learn else t.detach()) for i, t in zip((start, end), tables, strict=True)]
            output: Tensor = head(x, time[0] + time[1], condition if learn else condition.detach())
            return output.float()

        # A jump of two levels at least, or there would be no half of it.
        level = torch.cat([level[:, :slopes], level[:, slopes:].clamp(min=2)], 1)
        end_level = torch.minimum((level * draws.end[mask]).long(), level - 2)
        end_level[:, :slopes] = level[:, :slopes]
        phase = self.phase[level][..., None]
        x = phase.cos() * x0 + phase.sin() * epsilon
        with torch.no_grad():
            places = torch.arange(mask.shape[1], device=mask.device) % len(self.guidance)
            scale = self.guidance[places].expand(mask.shape)[mask][:, None, None]
            guided = self.guided(teacher, x[:, :slopes], level[:, :slopes], conditional, unconditional, scale)
        prediction = velocity(x, level, end_level, True)
        x, level, end_level, predicted, middle = (
            t[:, slopes:] for t in (x, level, end_level, prediction, draws.middle[mask])
        )
        jump = Jump(x, level, end_level, predicted, middle, self.phase)
        off = torch.cat([prediction[:, :slopes] - guided, RULES[self.config.rule](jump, velocity)], 1)
        return (off.square().mean(-1) / own.mean(-1)).mean(-1).sum()

    def conditions(self, teacher: ADRModel, batch: Batch, draws: Draws) -> tuple[Tensor, Tensor]:
        """z of the tokens that count, with label, speaker (a part of the speakers unnamed) and controls, and with none
        of them."""
        config, rows = teacher.config, len(batch.tokens)
        context = teacher.context(batch.tokens, draws)
        unnamed = draws.drop_speaker < config.loss.speaker_dropout
        speaker = torch.where(unnamed, len(config.speakers), batch.speaker)
        null_label = torch.full_like(batch.label, len(config.labels))
        null_speaker = torch.full_like(speaker, len(config.speakers))
        controls = batch.controls
        if controls is not None:
            controls = torch.cat([controls, teacher.null_controls().expand_as(controls)])
        conditions, _ = teacher.backbone(
            context.repeat(2, 1, 1), torch.cat([batch.label, null_label]) if config.labels else None, None, "chunkwise",
            torch.cat([speaker, null_speaker]) if config.speakers else None, controls,
        )  # fmt: skip
        return conditions[:rows][batch.mask], conditions[rows:][batch.mask]

    def guided(
        self, teacher: ADRModel, x: Tensor, level: Tensor, conditional: Tensor, unconditional: Tensor, scale: Tensor
    ) -> Tensor:  # fmt: skip
        """The teacher's velocity at x (tokens, draws, C), with guidance of a scale (tokens, 1, 1)."""
        head = teacher.head
        time = time_modulation(head, teacher.config.schedule.timesteps, level - 1)
        with_label, without = (
            head(x, time, head.condition_modulation(z)[:, None]).float() for z in (conditional, unconditional)
        )
        guided: Tensor = without + scale * (with_label - without)
        return guided
