"""The objective against exact enumeration, and predictions that add up to one and see nothing of what is hidden."""

import itertools
import math

import numpy as np
import pytest
import torch
from adr_models.any_order.ardm import ARDM, ARDMDraws
from adr_models.any_order.network import ARDMConfig

SMALL = {"layers": 1, "feedforward": 16, "retention": {"width": 16, "heads": 2, "first_exponent": 1}}
COLOUR = {
    "shape": [8, 8, 3], "output": "logistics", "components": 3, "network": "unet", "widths": [8, 16], "blocks": 1,
    "scales": [0.6, 1.5], "rounds": 2,
}  # fmt: skip
VARIANTS = {
    "softmax": {"shape": [1, 5, 1], "kind": "text", "levels": 3, "branching": 3, "stem": 3, **SMALL},
    "attention": {"shape": [1, 6, 1], "kind": "text", "levels": 4, "branching": 4, **SMALL, "network": "softmax"},
    "upscale": {"shape": [4, 4, 1], "levels": 11, "branching": 2, "patch": [2, 2], **SMALL},
    "logistics": {**COLOUR, "branching": 256},
    "logistics upscale": {**COLOUR, "branching": 4},
}


def build(name, **changes):
    torch.manual_seed(1)
    model = ARDM(ARDMConfig.from_dict({**VARIANTS[name], **changes})).double().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.1)
    return model


def place(model, stage, t):
    """The number in [0, 1) that makes `masks` choose a stage and a step."""
    dimensions = model.config.dimensions
    return (stage * dimensions + t + 0.5) / (model.upscaling.stages * dimensions)


def exact(model, values, order):
    """Bits of values in one order, revealed one by one, stage after stage: what the bound averages over orders."""
    total, dimensions = 0.0, model.config.dimensions
    for stage in range(model.upscaling.stages):
        for t in range(dimensions):
            known = torch.zeros(1, dimensions, dtype=torch.bool)
            known[0, list(order[:t])] = True
            found = model.log_likelihood(values[None], known, torch.tensor([stage]))
            total -= float(found[0, order[t]]) / math.log(2)
    return total


@pytest.mark.parametrize("steps", ["uniform", "antithetic"])
@pytest.mark.parametrize(("levels", "branching"), [(3, 3), (4, 2)])
def test_the_loss_is_the_expectation_over_orders_and_a_bound(steps, levels, branching):
    model = build("softmax", shape=[1, 3, 1], levels=levels, branching=branching, steps=steps)
    values = torch.tensor([1, 0, levels - 1])
    with torch.no_grad():
        orders = [exact(model, values, order) for order in itertools.permutations(range(3))]
        expected = sum(orders) / len(orders)
        # -log2 of the mixture over orders, which the expectation bounds from above.
        mixture = -math.log2(sum(2**-bits for bits in orders) / len(orders))
        generator, rows = torch.Generator().manual_seed(0), 512
        draws = [model.draw(rows, 3, generator) for _ in range(40)]
        found = np.array([float(model.loss(values.expand(rows, -1), d)) / rows for d in draws])
    assert expected > mixture
    assert abs(found.mean() - expected) < 4 * found.std() / len(found) ** 0.5 + 1e-9
    assert found.std() > 0


def test_antithetic_steps_cover_all_of_them_in_every_batch():
    """64 rows over 2 stages of 16 variables: every stage and step comes twice; uniform draws do not."""
    counts = {}
    for steps in ("uniform", "antithetic"):
        model = build("upscale", levels=4, steps=steps)
        _, stage, weight = model.masks(model.draw(64, 16, torch.Generator().manual_seed(3)))
        t = (16 - 2 * 16 / weight).round().long()
        counts[steps] = torch.bincount(stage * 16 + t, minlength=32)
    assert counts["antithetic"].tolist() == [2] * 32
    assert counts["uniform"].max() > 3


class TrueModel(ARDM):
    """An ARDM whose conditionals are those of a given joint distribution over three variables."""

    def set(self, joint):
        self.joint = joint

    def log_likelihood(self, values, known, stage):
        made = torch.zeros(values.shape, dtype=torch.float64)
        up = self.upscaling
        grid = np.indices(self.joint.shape)
        for row, value in enumerate(values.numpy()):
            wide, narrow = up.width(int(stage[row])), up.width(int(stage[row]) + 1)
            fits = np.ones(self.joint.shape, bool)
            for i in range(3):
                size = narrow if known[row, i] else wide
                fits &= grid[i] // size == value[i] // size
            for i in range(3):
                inside = fits & (grid[i] // narrow == value[i] // narrow)
                made[row, i] = math.log(self.joint[inside].sum() / self.joint[fits].sum())
        return made


@pytest.mark.parametrize(("levels", "branching"), [(3, 3), (4, 2), (5, 2)])
def test_the_true_distribution_reaches_its_entropy(levels, branching):
    joint = np.random.default_rng(0).random((levels,) * 3) ** 3
    joint /= joint.sum()
    entropy = float(-(joint * np.log2(joint)).sum())
    config = ARDMConfig.from_dict({**VARIANTS["softmax"], "shape": [1, 3, 1], "levels": levels, "branching": branching})
    model = TrueModel(config)
    model.set(joint)
    everything = torch.tensor(list(np.ndindex(joint.shape)))
    weight = torch.from_numpy(joint.reshape(-1))
    total, orders = 0.0, list(itertools.permutations(range(3)))
    for stage in range(model.upscaling.stages):
        for t in range(3):
            for order in orders:
                rank = torch.tensor([order.index(i) for i in range(3)], dtype=torch.float32)
                rows = len(everything)
                draws = ARDMDraws(torch.full((rows,), place(model, stage, t)), rank.expand(rows, -1))
                known, at, share = model.masks(draws)
                assert known.sum(1).eq(t).all() and at.eq(stage).all()
                bits = -model.log_likelihood(everything, known, at) / math.log(2)
                per_row = torch.where(known, 0.0, bits).sum(1) * share
                total += float((per_row * weight).sum()) / (len(orders) * 3 * model.upscaling.stages)
    assert total == pytest.approx(entropy, rel=1e-6)


@pytest.mark.parametrize("name", VARIANTS)
def test_what_is_predicted_adds_up_to_one_and_is_what_is_charged(name):
    model = build(name)
    levels, dimensions = model.config.levels, model.config.dimensions
    generator = torch.Generator().manual_seed(0)
    values = torch.randint(levels, (2, dimensions), generator=generator)
    for stage in range(model.upscaling.stages):
        known = torch.rand(2, dimensions, generator=generator) < 0.4
        wide, narrow = model.upscaling.width(stage), model.upscaling.width(stage + 1)
        low = torch.where(known, values // narrow * narrow, values // wide * wide)
        every, at = torch.arange(dimensions).expand(2, -1), torch.full((2,), stage)
        with torch.no_grad():
            log_p = model(low, known, at, every)
            charged = model.log_likelihood(values, known, at)
        assert torch.allclose(log_p.exp().sum(-1), torch.ones(2, dimensions, dtype=torch.float64), atol=1e-5)
        digit = (values % wide // narrow)[..., None]
        picked = torch.gather(log_p, 2, digit)[..., 0]
        # The graph for all bins stops counting at 1e-12, which no coder can tell from its smallest frequency.
        seen = ~known & (charged > -25)
        assert seen.any() and torch.allclose(picked[seen], charged[seen], atol=1e-4)
        assert (picked[~known & ~seen] < -20).all()
        first = low[..., None] // wide * wide + narrow * torch.arange(model.config.branching)
        assert (log_p[(first >= levels) & ~known[..., None]] < -50).all()


@pytest.mark.parametrize("name", VARIANTS)
def test_unknown_values_leak_nothing_and_known_ones_matter(name):
    """The same predictions whatever hides behind the mask; others once a known value changes."""
    model = build(name)
    levels, dimensions = model.config.levels, model.config.dimensions
    known = torch.zeros(1, dimensions, dtype=torch.bool)
    known[0, : dimensions // 2] = True
    wide = model.upscaling.width(0)
    narrow = model.upscaling.width(1)
    a = torch.zeros(1, dimensions, dtype=torch.int64)
    hidden = torch.where(known, a, levels - 1)
    told = a.clone()
    told[0, 1] = (levels - 1) // narrow * narrow
    stage, every = torch.zeros(1, dtype=torch.int64), torch.arange(dimensions)[None]

    def predict(values):
        low = torch.where(known, values // narrow * narrow, values // wide * wide)
        with torch.no_grad():
            return model(low, known, stage, every)[:, dimensions // 2 :]

    assert torch.equal(predict(a), predict(hidden))
    assert not torch.allclose(predict(a), predict(told), atol=1e-6)


def test_a_variable_outside_a_patch_finds_its_own_place():
    """Variables are in raster order whatever the patches: an output bias at one place of a token shows there alone."""
    model = build("upscale")
    with torch.no_grad():
        model.out.weight.zero_()
        model.out.bias.zero_()
        model.out.bias.view(-1, 4, 2)[:, 3, 1] = 5.0
        low = torch.zeros(1, 16, dtype=torch.int64)
        log_p = model(low, low.bool(), low[:, 0], torch.arange(16)[None])[0, :, 1].reshape(4, 4)
    assert (log_p > math.log(0.9)).equal(torch.tensor([[0, 0], [0, 1]], dtype=torch.bool).repeat(2, 2))


def test_no_scale_makes_a_stage_free():
    """Digits given their block add up to one at every scale; a clamp once let the model claim certainty at huge
    ones."""
    model = build("logistics upscale")
    generator = torch.Generator().manual_seed(0)
    values = torch.randint(256, (1, 192), generator=generator)
    known = torch.zeros(1, 192, dtype=torch.bool)
    for bias in (-50.0, -3.0, 0.0, 3.0, 50.0):
        with torch.no_grad():
            model.out.bias.view(-1, model.each)[:, 6:9] = bias
            for stage in (1, 3):
                wide, narrow = model.upscaling.width(stage), model.upscaling.width(stage + 1)
                total = 0.0
                for digit in range(4):
                    every = values // wide * wide + digit * narrow
                    total = total + model.log_likelihood(every, known, torch.tensor([stage])).exp()
            assert torch.allclose(total, torch.ones_like(total), atol=1e-4)


def test_bad_shapes_are_refused_by_name():
    for changes, says in (
        ({"patch": [2, 1]}, "patches"), ({"network": "lstm"}, "neither"), ({"levels": 1}, "levels"),
        ({"shape": [4, 4, 1], "retention": {"width": 12, "heads": 2}}, "axes"), ({"depth": 3}, "depth"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=says):
            ARDM(ARDMConfig.from_dict({**VARIANTS["softmax"], **changes}))
