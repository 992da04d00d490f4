"""Budgets against brute force."""

import itertools

import numpy as np
import pytest
from adr_runtime.any_order.policy import plan, predicted_loss, shrink, split_budget, step_counts
from hypothesis import given, settings
from hypothesis import strategies as st

LOSSES = st.lists(st.one_of(st.integers(0, 3).map(float), st.floats(-10, 10)), min_size=1, max_size=10)


def brute_force(losses, budget):
    """The least loss over every way to cut D variables into `budget` steps."""
    size, best = len(losses), np.inf
    for cuts in itertools.combinations(range(1, size), budget - 1):
        starts = (0, *cuts)
        ends = (*cuts, size)
        best = min(best, sum((b - a) * losses[a] for a, b in zip(starts, ends, strict=True)))
    return best


@given(LOSSES)
@settings(max_examples=150, deadline=None)
def test_every_budget_equals_brute_force(losses):
    cost, _ = plan(np.array(losses), len(losses))
    for budget in range(1, len(losses) + 1):
        expected = brute_force(losses, budget)
        assert cost[budget, -1] == pytest.approx(expected, abs=1e-9)
        counts = step_counts(tuple(losses), budget)
        assert len(counts) == budget and sum(counts) == len(losses) and min(counts) > 0
        assert predicted_loss(tuple(losses), counts) == pytest.approx(expected, abs=1e-9)


@given(st.lists(st.lists(st.floats(0, 8), min_size=4, max_size=4), min_size=1, max_size=3), st.integers(0, 9))
@settings(max_examples=100, deadline=None)
def test_a_budget_is_shared_among_stages_at_the_least_cost(losses, extra):
    budget = min(len(losses) + extra, 4 * len(losses))
    parts = split_budget(tuple(map(tuple, losses)), budget)
    found = sum(predicted_loss(tuple(loss), counts) for loss, counts in zip(losses, parts, strict=True))
    shares = [s for s in itertools.product(range(1, 5), repeat=len(losses)) if sum(s) == budget]
    expected = min(sum(brute_force(loss, k) for loss, k in zip(losses, share, strict=True)) for share in shares)
    assert sum(map(len, parts)) == budget
    assert found == pytest.approx(expected, abs=1e-9)


def test_a_falling_loss_wants_small_steps_where_it_falls():
    losses = tuple(float(8 if t < 10 else 8 - 0.1 * (t - 10) if t < 50 else 4) for t in range(100))
    counts = step_counts(losses, 8)
    assert counts[0] > max(counts[1:-1]) and counts[-1] > max(counts[1:-1])
    assert predicted_loss(losses, (1,) * 100) < predicted_loss(losses, counts) < predicted_loss(losses, (100,))


def test_full_steps_and_large_problems():
    assert step_counts((3.0, 2.0, 1.0), 3) == step_counts((3.0, 2.0, 1.0), 99) == (1, 1, 1)
    losses = np.sort(np.random.default_rng(0).random(3072))[::-1]
    cost, before = plan(losses, 256)
    # The envelope agrees with the plain recursion wherever that is cheap to redo.
    for k, j in ((1, 3072), (256, 3072), (100, 1500), (37, 38), (256, 256)):
        i = np.arange(k - 1, j)
        assert cost[k, j] == pytest.approx((cost[k - 1, i] + (j - i) * losses[i]).min(), rel=1e-12)
        assert k - 1 <= before[k, j] < j


@given(st.lists(st.integers(1, 9), min_size=1, max_size=9), st.data())
def test_a_policy_shrinks_to_fewer_variables(counts, data):
    wanted = data.draw(st.integers(0, sum(counts)))
    found = shrink(tuple(counts), wanted)
    assert sum(found) == wanted and len(found) <= len(counts) and min(found, default=1) > 0
