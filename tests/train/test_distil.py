"""Distillation to jumps against the flow of a Gaussian, which is known exactly."""

import copy
from dataclasses import replace

import pytest
import torch
from adr_models import ADRConfig
from adr_train.data.batch import Batch
from adr_train.errors import TrainError
from adr_train.recipes.configs import DistilConfig
from adr_train.tasks.distil_loss import DistilLoss, Student
from adr_train.tasks.jump_rules import RULES, rotate
from random_models import PYRAMID
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


def loss_of(factor, rule="halves", timesteps=200):
    """The loss a token of a student whose velocities are `factor` times the true ones, and its gradient on that."""
    torch.manual_seed(0)
    student = Student(replace(CONFIG, schedule=replace(CONFIG.schedule, timesteps=timesteps)))
    teacher = copy.deepcopy(student)
    loss = DistilLoss(student, teacher, DistilConfig(guidance=2.0, rule=rule))
    student.head, teacher.head = ExactHead(loss.phase, factor), ExactHead(loss.phase)
    tokens = SPREAD * torch.randn(4, 10, 6)
    mask = torch.ones(4, 10, dtype=torch.bool)
    batch = Batch(tokens, torch.tensor([0, 1, 0, 1]), torch.zeros(4, dtype=torch.int64), mask, ~mask)
    value = loss(batch, student.draw(4, 10, torch.Generator().manual_seed(1))) / mask.sum()
    value.backward()
    return value.item(), student.head.factor.grad.item()


def test_the_true_flow_has_no_loss_by_halves():
    assert loss_of(1.0)[0] < 1e-8


@pytest.mark.parametrize("rule", ["lagrangian", "mean-flow"])
def test_by_a_derivative_it_has_that_of_a_difference_alone(rule):
    """An error of one level's length, whose square falls by 25 where levels are five times as many."""
    few, many = (loss_of(1.0, rule, timesteps)[0] for timesteps in (200, 1000))
    assert many < 1e-5 and few / many == pytest.approx(25, rel=0.2)


@pytest.mark.parametrize("rule", RULES)
def test_any_other_flow_is_pulled_to_the_true_one(rule):
    for factor, sign in ((0.8, -1), (1.2, 1)):
        value, gradient = loss_of(factor, rule)
        assert value > 1e-3 and sign * gradient > 0


@pytest.mark.parametrize("rule", ["lagrangian", "mean-flow"])
def test_differences_of_one_level_are_not_rounded(rule):
    torch.manual_seed(0)
    student = Student(CONFIG)
    for parameter in student.head.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    loss = DistilLoss(student, copy.deepcopy(student), DistilConfig(rule=rule))
    mask = torch.ones(2, 10, dtype=torch.bool)
    batch = Batch(SPREAD * torch.randn(2, 10, 6), torch.arange(2), torch.zeros(2, dtype=torch.int64), mask, ~mask)
    draws = student.draw(2, 10, torch.Generator().manual_seed(1))
    exact = loss(batch, draws)
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(loss(batch, draws), exact, rtol=0.05, atol=0)


def test_an_unknown_rule_is_refused():
    with pytest.raises(TrainError, match=r"distil\.rule is one of halves, lagrangian, mean-flow, not newton"):
        loss_of(1.0, "newton")


def test_a_rotation_by_the_exact_velocity_follows_the_flow():
    phase = torch.linspace(0.1, 1.5, 5)[:, None]
    x, head = torch.randn(5, 6), ExactHead(torch.zeros(1))
    landed = rotate(x, head(x, torch.cat([phase, phase / 2], -1), torch.zeros(5, 1)), phase - phase / 2)
    torch.testing.assert_close(landed, x * deviation(phase / 2) / deviation(phase))


def test_channels_that_a_token_has_not_cost_nothing():
    """Of a pyramid: noise there changes no loss, and a token's loss is the mean over its own channels."""
    torch.manual_seed(0)
    config = ADRConfig.from_dict({**PYRAMID, "head": {"width": 24, "blocks": 2, "frequencies": 8, "jump": True}})
    student = Student(config)
    for parameter in student.head.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    loss = DistilLoss(student, copy.deepcopy(student), DistilConfig(guidance=2.0))
    own = student.tokens.mask
    mask = torch.ones(2, 12, dtype=torch.bool)
    tokens, nobody = torch.randn(2, 12, own.shape[1]) * own, torch.zeros(2, dtype=torch.int64)
    batch, draws = Batch(tokens, nobody, nobody, mask, ~mask), student.draw(2, 12, torch.Generator().manual_seed(1))
    noisy = replace(draws, epsilon=draws.epsilon + 7 * (1 - own[:, None]))
    value = loss(batch, draws)
    torch.testing.assert_close(loss(batch, noisy), value, rtol=0, atol=0)
    # One level alone: the head's output there is 0 outside its channels, so leaving the share out divides the loss.
    first = torch.zeros_like(mask)
    first[:, :4] = True
    part = loss(replace(batch, mask=first), draws)
    student.own_channels = lambda tokens: torch.ones(*tokens.shape[:2], 1, 1)
    padded = loss(replace(batch, mask=first), replace(draws, epsilon=draws.epsilon * own[:, None]))
    torch.testing.assert_close(part, padded * own.shape[1] / own[0].sum())


def test_stratified_draws_learn_slopes_of_all_levels():
    """The first draws learn the slope; sorted by their levels, they would never see a noisy one."""
    config = replace(CONFIG, loss=replace(CONFIG.loss, draws=4, stratified=True))
    t = Student(config).draw(50, 20, torch.Generator().manual_seed(2)).t / config.schedule.timesteps
    for draw in t.unbind(-1):
        histogram = torch.histc(draw, 4, 0, 1) / draw.numel()
        torch.testing.assert_close(histogram, torch.full((4,), 0.25), rtol=0, atol=0.06)
    assert ((4 * t).long().sort(-1).values == torch.arange(4)).all()


def test_without_guidance_a_token_is_told_nothing():
    torch.manual_seed(0)
    config = replace(CONFIG, labels=(), speakers=("ann", "bob"), controls={"phone": 3, "place": 2})
    student = Student(config)
    teacher = copy.deepcopy(student).eval()
    tokens, mask = torch.randn(2, 5, 6), torch.tensor([[True] * 5, [True] * 3 + [False] * 2])
    controls, speaker = torch.randint(2, (2, 5, 2)), torch.tensor([0, 1])
    batch = Batch(tokens, torch.zeros_like(speaker), speaker, mask, ~mask, controls=controls)
    draws = replace(student.draw(2, 5, torch.Generator().manual_seed(1)), drop_speaker=torch.ones(2))
    told, untold = DistilLoss(student, teacher, DistilConfig(guidance=2.0)).conditions(teacher, batch, draws)
    context, null = teacher.context(tokens, draws), torch.full_like(speaker, 2)
    nothing = torch.tensor([3, 2]).expand(2, 5, 2)
    for found, who, what in ((told, speaker, controls), (untold, null, nothing)):
        expected, _ = teacher.backbone(context, None, None, "parallel", who, what)
        assert (found - expected[mask]).abs().max() < 1e-5
    assert (told - untold).abs().max() > 1e-3
