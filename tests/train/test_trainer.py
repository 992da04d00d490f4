"""The trainer itself: its steps, averages, rates and batches, and their shares among processes."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from adr_models import ADRModel
from adr_runtime.errors import ADRError
from adr_train.data.datasets import load_dataset
from adr_train.errors import TrainError
from adr_train.loop import Trainer, decay, learning_rate
from adr_train.processes import Processes
from adr_train.recipes.configs import TrainConfig
from adr_train.recipes.recipe import read_recipe
from adr_train.tasks.adr import ADRLoss, fit_tokens
from adr_train.tasks.batches import Batches, epoch_order
from hypothesis import given
from hypothesis import strategies as st


def make_trainer(recipe, processes=Processes(0, 1, torch.device("cpu")), **changes):
    chosen = read_recipe(str(recipe), "cpu")
    config = replace(chosen.train, **changes)
    data = load_dataset("digits", None, "train")
    torch.manual_seed(0)
    model = ADRModel(replace(chosen.model, labels=data.names))
    fit_tokens(model.tokens, data)
    batches = Batches(data, model.tokens, config.batch, config.seed)
    return Trainer(model, ADRLoss(model), batches, config, processes)


def test_shards_are_divided_evenly_or_not_at_all(recipe, monkeypatch):
    device = torch.device("cpu")
    for count in (1, 2, 4):
        shares = [Processes(rank, count, device).share(4) for rank in range(count)]
        assert {len(share) for share in shares} == {4 // count}
        assert sorted(shard for share in shares for shard in share) == [0, 1, 2, 3]
    for count in (3, 5, 8):
        says = (
            f"{count} processes cannot share the 4 shards of a batch evenly: give torchrun --nproc-per-node 1 or 2 or 4"
        )
        with pytest.raises(TrainError, match=says):
            make_trainer(recipe, Processes(count - 1, count, device))
        # Before the processes join, that none waits for another.
        monkeypatch.setenv("WORLD_SIZE", str(count))
        with pytest.raises(TrainError, match=says):
            Processes.start("cpu", 4)


def test_a_loss_that_is_not_finite_stops_and_changes_nothing(recipe):
    trainer = make_trainer(recipe)
    trainer.train_step()
    with torch.no_grad():
        trainer.model.backbone.start[0] = float("nan")
    before = {k: v.clone() for k, v in trainer.model.state_dict().items()}
    with pytest.raises(ADRError, match="the loss is nan at step 1: stopped"):
        trainer.train_step()
    for name, value in trainer.model.state_dict().items():
        torch.testing.assert_close(value, before[name], equal_nan=True, rtol=0, atol=0)


def test_training_learns(recipe):
    """The loss of a fixed validation batch falls well below that of predicting nothing."""
    trainer = make_trainer(recipe, steps=120)
    before = trainer.validate(trainer.batches)
    for _ in range(120):
        trainer.train_step()
    assert trainer.validate(trainer.batches) < 0.75 * before


def test_muon_takes_the_matrices_of_the_blocks_and_learns(recipe):
    trainer = make_trainer(recipe, steps=120, optimizer="muon")
    (_, rest), (muon, matrices) = trainer.optimizers.parts
    assert sorted([*rest, *matrices]) == sorted(trainer.named) and isinstance(muon, torch.optim.Muon)
    assert all(".blocks." in name and trainer.named[name].ndim == 2 for name in matrices)
    assert not any(".blocks." in name and trainer.named[name].ndim == 2 for name in rest)
    before = trainer.validate(trainer.batches)
    for _ in range(120):
        trainer.train_step()
    assert trainer.validate(trainer.batches) < 0.75 * before


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_what_is_saved_goes_on_with_the_very_same_losses(recipe, optimizer):
    whole, first, second = (make_trainer(recipe, steps=9, optimizer=optimizer) for _ in range(3))
    losses = [whole.train_step().loss for _ in range(6)]
    for _ in range(3):
        first.train_step()
    saved = {k: v.clone() for k, v in first.state().items()}
    second.restore(saved, {k: v.clone() for k, v in first.ema.items()}, first.step, first.seconds)
    assert [second.train_step().loss for _ in range(3)] == losses[3:]
    assert all(torch.equal(average, whole.short[name]) for name, average in second.short.items())
    names = {name.removeprefix("optimizer.").rsplit(".", 1)[0] for name in saved if name.startswith("optimizer.")}
    assert names == set(first.named)


def test_an_unknown_optimizer_is_refused():
    with pytest.raises(ValueError, match="adamw or muon, not 'sgd'"):
        TrainConfig(optimizer="sgd")
    with pytest.raises(ValueError, match="shares that add up to 1"):
        TrainConfig(prefixes=(0.5, 0.4))


def test_validation_leaves_the_run_as_it_was(recipe):
    trainer, other = make_trainer(recipe), make_trainer(recipe)
    for _ in range(3):
        trainer.validate(trainer.batches)
        assert trainer.train_step().loss == other.train_step().loss


def test_the_averages_are_what_their_formula_says(recipe):
    trainer = make_trainer(recipe, ema=0.7)
    name, parameter = next(iter(trainer.named.items()))
    long = short = parameter.detach().clone().double()
    for step in range(1, 30):
        trainer.train_step()
        long = long.lerp(parameter.detach().double(), 1 - min(0.7, (1 + step) / (10 + step)))
        short = short.lerp(parameter.detach().double(), 1 - min(0.4, (1 + step) / (19 + step)))
    torch.testing.assert_close(trainer.ema[name].double(), long, rtol=1e-5, atol=1e-7)
    torch.testing.assert_close(trainer.short[name].double(), short, rtol=1e-5, atol=1e-7)


def test_an_average_spans_a_fixed_part_of_what_was_seen():
    """Weights of n steps, the k-th counts (k / n)^9 and (k / n)^18 of the last, roughly."""
    for shorter, power in ((1, 9), (2, 18)):
        for count in (1000, 4000):
            kept = np.cumprod([decay(1.0, step, shorter) for step in range(count, count // 2, -1)])
            expected = (np.arange(count, count // 2, -1) / count) ** power
            np.testing.assert_allclose(kept, expected, rtol=0, atol=20 / count)


def test_a_run_of_before_there_were_two_averages_goes_on(recipe):
    first, second = make_trainer(recipe, steps=9), make_trainer(recipe, steps=9)
    first.train_step()
    saved = {k: v for k, v in first.state().items() if not k.startswith("short.")}
    second.restore(saved, first.ema, first.step, first.seconds)
    assert all(torch.equal(second.short[name], first.ema[name]) for name in first.named)


def test_learning_rate(recipe):
    config = replace(read_recipe(str(recipe), "cpu").train, learning_rate=2.0, warmup=0.1)
    for progress, rate in ((0, 0), (0.05, 1), (0.1, 2), (0.55, 1), (1, 0), (1.2, 0)):
        assert learning_rate(config, progress) == pytest.approx(rate, abs=1e-12)


@given(st.integers(1, 300), st.integers(1, 40), st.integers(0, 5), st.integers(0, 5))
def test_an_epoch_uses_no_sample_twice(count, batch, seed, epoch):
    lengths = np.random.default_rng(seed).integers(1, 50, count)
    order = epoch_order(lengths, batch, seed, epoch)
    assert order.shape[1] == min(batch, count) and order.size > count - batch
    assert len(set(order.ravel().tolist())) == order.size


def test_batches_depend_on_the_step_alone(recipe):
    first, second = make_trainer(recipe).batches, make_trainer(recipe).batches
    second.at(400)
    for step in (0, 3, 200, 5):
        torch.testing.assert_close(first.at(step).tokens, second.at(step).tokens, rtol=0, atol=0)
