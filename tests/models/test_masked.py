"""Masked models: masks as generation and filling in meet them, conditions that see what is known and nothing else, the
loss token by token."""

import numpy as np
import pytest
import torch
from adr_models.causal.generate import denoise
from adr_models.masked.generate import fill
from adr_models.masked.masks import MaskConfig, draw_masks, masks, mean_predicted
from adr_models.masked.model import MaskedADRConfig
from adr_runtime.causal.samplers import coefficients
from random_models import MASKED, MASKED_PLAIN, random_masked

GRID, LEVELS = (4, 4), 3
REGIONS, LENGTH = 16, 48


def drawn(rows, seed=0, **config):
    draws = draw_masks(MaskConfig(**config), rows, GRID, LEVELS, torch.Generator().manual_seed(seed))
    return draws, *masks(draws, LEVELS)


def by_hand(draws, row):
    """known and predicted of one row, token by token."""
    given = {int(i) for i in np.argsort(draws.regions[row].numpy(), kind="stable")[: int(draws.given[row])]}
    free = [t for t in range(LENGTH) if t % REGIONS not in given]
    turn = {t: 0 if draws.random[row] else t // REGIONS for t in free}
    free.sort(key=lambda t: (turn[t], float(draws.order[row, t])))
    unknown = free[int(float(draws.time[row]) * len(free)) :]
    return set(range(LENGTH)) - set(unknown), {t for t in unknown if turn[t] == turn[unknown[0]]}


@pytest.mark.parametrize("config", [{}, {"given": 0, "random": 1}, {"given": 1}, {"given": 0.7, "random": 0.5}])
def test_masks_are_those_of_orders_row_by_row(config):
    draws, known, predicted = drawn(200, **config)
    for row in range(200):
        expected = by_hand(draws, row)
        assert set(known[row].nonzero()[:, 0].tolist()) == expected[0]
        assert set(predicted[row].nonzero()[:, 0].tolist()) == expected[1] and expected[1]


def test_every_number_of_known_tokens_comes_once_in_antithetic_draws():
    """48 rows and 48 numbers; drawn one by one, some would come several times."""
    _, known, _ = drawn(LENGTH, given=0)
    assert sorted(known.sum(1).tolist()) == list(range(LENGTH))
    draws = drawn(32, seed=1, given=0)[0]
    gaps = np.diff(np.sort(draws.time.numpy()))
    np.testing.assert_allclose(gaps, 1 / 32, atol=1e-6)


@pytest.mark.parametrize("config", [{"given": 0}, {"given": 1}, {"given": 0.4, "random": 0.3}])
def test_the_mean_number_of_predicted_tokens(config):
    counts = torch.cat([drawn(LENGTH * 10, seed, **config)[2].sum(1) for seed in range(20)]).double()
    error = float(counts.std()) / len(counts) ** 0.5
    assert abs(float(counts.mean()) - mean_predicted(MaskConfig(**config), REGIONS, LEVELS)) < 4 * error


def test_given_regions_are_halves_holes_and_scattered_ones():
    """Whole regions at every level; among 20,000 draws every half of the grid, its middle and its rim."""
    draws = draw_masks(MaskConfig(given=1), 20_000, GRID, LEVELS, torch.Generator().manual_seed(0))
    found = set()
    for keys, count in zip(draws.regions.numpy(), draws.given.tolist(), strict=True):
        given = np.zeros(REGIONS, bool)
        given[np.argsort(keys)[:count]] = True
        found.add(given.tobytes())
    rows, columns = np.mgrid[:4, :4]
    middle = (rows % 3 > 0) & (columns % 3 > 0)
    for shape in (rows < 2, rows >= 2, columns < 2, columns >= 2, middle, ~middle):
        assert shape.tobytes() in found
    assert len(found) > 5000
    level = torch.zeros(1, LENGTH)
    late = type(draws)(torch.zeros(1), torch.tensor([5]), torch.zeros(1, dtype=torch.bool), draws.regions[:1], level)
    known = masks(late, LEVELS)[0].reshape(LEVELS, REGIONS)
    assert (known == known[0]).all() and int(known[0].sum()) == 5


def test_shares_and_heads_that_cannot_be_are_refused():
    for wrong in ({"given": 1.1}, {"random": -0.1}):
        with pytest.raises(ValueError, match="is a share from 0 to 1"):
            MaskConfig(**wrong)
    with pytest.raises(ValueError, match="makes no jumps"):
        random_masked(MASKED, head={"jump": True})
    with pytest.raises(ValueError, match="colour"):
        MaskedADRConfig.from_dict({"colour": 1})
    assert [MaskConfig(random=share).orders for share in (0, 0.5, 1)] == [
        ("levels",), ("levels", "random"), ("random",)
    ]  # fmt: skip


@pytest.mark.parametrize("config", [MASKED, MASKED_PLAIN])
def test_conditions_see_what_is_known_and_nothing_else(config):
    model, generator = random_masked(config).double(), torch.Generator().manual_seed(0)
    length, channels = model.tokens.length, model.tokens.channels
    tokens = torch.randn(2, length, channels, generator=generator, dtype=torch.float64)
    known = torch.rand(2, length, generator=generator) < 0.5
    label = torch.tensor([0, 2]) if model.config.labels else None
    with torch.no_grad():
        first = model(tokens, known, label)
        hidden = model(torch.where(known[..., None], tokens, torch.full_like(tokens, 1e9)), known, label)
        assert torch.equal(first, hidden)
        for token in known[0].nonzero()[:3, 0]:
            changed = tokens.clone()
            changed[0, token, 0] += 1
            other = model(changed, known, label)
            assert not torch.allclose(other[0], first[0]) and torch.equal(other[1], first[1])
        told = known.clone()
        told[0, int((~known[0]).nonzero()[0])] = True
        assert not torch.allclose(model(tokens, told, label)[0], first[0])
        if label is not None:
            assert not torch.allclose(model(tokens, known, torch.tensor([1, 2]))[0], first[0])


@pytest.mark.parametrize("config", [MASKED, MASKED_PLAIN])
def test_the_loss_is_that_of_the_predicted_tokens_one_by_one(config):
    loss = {"draws": 3, "label_dropout": 0.5, "context_noise": 0.3}
    model = random_masked(config, loss=loss).double()
    length, channels, levels = model.tokens.length, model.tokens.channels, model.config.pyramid.levels
    tokens = torch.randn(6, length, channels, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    if model.mask is not None:
        tokens = tokens * model.mask
    draws = model.draw(6, length, torch.Generator().manual_seed(4))
    label = torch.tensor([0, 1, 0, 1, 0, 1]) if model.config.labels else None
    with torch.no_grad():
        found = float(model.loss(tokens, label, draws))
        known, predicted = masks(draws, levels)
        total = 0.0
        for row in range(6):
            power = float(draws.power[row]) ** 3 * 0.3
            seen = (1 - power) ** 0.5 * tokens[row] + power**0.5 * draws.context[row]
            own_label = None
            if label is not None:
                own_label = torch.tensor([2]) if float(draws.drop[row]) < 0.5 else label[row : row + 1]
            conditions = model(seen[None], known[row : row + 1], own_label)[0]
            for token in predicted[row].nonzero()[:, 0]:
                width = model.tokens.widths[int(token) // model.tokens.regions]
                own = (torch.arange(channels) < width).double()
                for draw in range(3):
                    t, x0 = draws.t[row, token, draw], tokens[row, token]
                    noise = draws.epsilon[row, token, draw].double() * own
                    xt = model.schedule.signal[t] * x0 + model.schedule.noise[t] * noise
                    time = model.head.time_modulation(t[None])[0]
                    output = model.head(xt, time, model.head.condition_modulation(conditions[token]))
                    each = model.schedule.loss(output.float(), x0, xt, t, noise)
                    total += float(each) * channels / width / 3
    share = mean_predicted(model.config.masks, model.tokens.regions, levels) / length
    assert found == pytest.approx(total / share, rel=1e-4)


def test_timesteps_are_one_in_each_stratum():
    model = random_masked(MASKED, loss={"draws": 5})
    t = model.draw(50, 18, torch.Generator().manual_seed(0)).t
    assert (t // 10 == torch.arange(5)).all() and len(t.unique()) == 50


def test_guided_filling_makes_what_is_missing_from_what_is_known():
    """Two tokens in two calls by hand: the second call sees the token of the first."""
    model = random_masked(MASKED)
    length, channels = model.tokens.length, model.tokens.channels
    generator = torch.Generator().manual_seed(1)
    tokens, initial = (torch.randn(2, length, channels, generator=generator) for _ in range(2))
    order, label = torch.tensor([[4, 9], [9, 4]]), torch.tensor([1, 0])
    known = torch.ones(2, length, dtype=torch.bool).scatter(1, order, False)
    betas = model.schedule.betas.numpy()
    timestep, table = map(torch.from_numpy, coefficients(betas, "velocity", False, "dpm++", 4, 1.0))
    made = fill(model, tokens, known, label, order, [1, 1], timestep, table, 2.5, 4.0, initial)
    assert torch.equal(made[known], tokens[known])
    with torch.no_grad():
        for row in range(2):
            x, seen = tokens[row].clone(), known[row].clone()
            for token in order[row].tolist():
                z = torch.stack([model(x[None], seen[None], torch.tensor([n]))[0, token] for n in (int(label[row]), 2)])
                x[token] = denoise(
                    model.head, z[:, None], torch.tensor([[2.5], [-1.5]]), model.head.time_modulation(timestep), table,
                    initial[row, token][None], torch.zeros(4, 1, channels), torch.tensor(4.0),
                )[0]  # fmt: skip
                seen[token] = True
            torch.testing.assert_close(made[row], x, rtol=1e-4, atol=1e-4)
