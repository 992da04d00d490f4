"""Distillation to jumps against the flow of a Gaussian, which is known exactly."""

import copy

import torch
from adr_models import ADRConfig
from adr_train.data.batch import Batch
from adr_train.recipes.configs import DistilConfig
from adr_train.tasks.distil_loss import DistilLoss, Student, rotate
from torch import nn

CONFIG = ADRConfig.from_dict(
    {
        "labels": ["a", "b"],
        "wave": {"sample_rate": 800, "hop": 6},
        "backbone": {"layers": 1, "feedforward": 16, "retention": {"width": 16, "heads": 2}},
        "head": {"width": 12, "blocks": 1, "frequencies": 8, "jump": True},
        "schedule": {"timesteps": 200},
        "loss": {"draws": 8},
    }
)
SPREAD = 0.3


def deviation(phase):
    """Of x_t where x_0 ~ N(0, SPREAD^2)."""
    return (phase.cos() ** 2 * SPREAD**2 + phase.sin() ** 2).sqrt()


class ExactHead(nn.Module):
    """The true mean velocity of that Gaussian's flow, x_s = x_t deviation(s) / deviation(t), scaled by `factor`."""

    def __init__(self, phase, factor=1.0):
        super().__init__()
        self.phase, self.factor = phase, nn.Parameter(torch.tensor(factor))

    def waves(self, t):
        return t

    def time(self, t):
        return torch.stack([self.phase[(t + 1).clamp(min=0)], torch.zeros(len(t))], -1)

    def end_timestep(self, t):
        return torch.stack([torch.zeros(len(t)), self.phase[t]], -1)

    def time_modulation(self, t):
        return self.time(t) + self.end_timestep(t + 1)

    def condition_modulation(self, z):
        return z[..., :1] * 0

    def forward(self, x, time, condition):
        start, end = time[..., :1], time[..., 1:]
        length = start - end
        slope = x * (start.cos() * start.sin() * (1 - SPREAD**2) / deviation(start) ** 2)
        jump = (length.cos() * x - x * deviation(end) / deviation(start)) / length.sin().clamp(min=1e-9)
        return torch.where(length.abs() < 1e-7, slope, jump) * self.factor


def loss_of(factor):
    """The loss a token of a student whose velocities are `factor` times the true ones, and its gradient on that."""
    torch.manual_seed(0)
    student = Student(CONFIG)
    teacher = copy.deepcopy(student)
    loss = DistilLoss(student, teacher, DistilConfig(guidance=2.0))
    student.head, teacher.head = ExactHead(loss.phase, factor), ExactHead(loss.phase)
    tokens = SPREAD * torch.randn(4, 10, 6)
    mask = torch.ones(4, 10, dtype=torch.bool)
    batch = Batch(tokens, torch.tensor([0, 1, 0, 1]), torch.zeros(4, dtype=torch.int64), mask, ~mask)
    value = loss(batch, student.draw(4, 10, torch.Generator().manual_seed(1))) / mask.sum()
    value.backward()
    return value.item(), student.head.factor.grad.item()


def test_the_true_flow_has_no_loss_and_any_other_is_pulled_to_it():
    assert loss_of(1.0)[0] < 1e-8
    for factor, sign in ((0.8, -1), (1.2, 1)):
        value, gradient = loss_of(factor)
        assert value > 1e-3 and sign * gradient > 0


def test_a_rotation_by_the_exact_velocity_follows_the_flow():
    phase = torch.linspace(0.1, 1.5, 5)[:, None]
    x, head = torch.randn(5, 6), ExactHead(torch.zeros(1))
    landed = rotate(x, head(x, torch.cat([phase, phase / 2], -1), torch.zeros(5, 1)), phase - phase / 2)
    torch.testing.assert_close(landed, x * deviation(phase / 2) / deviation(phase))
