"""Real runs of the installed adr-train: killed, interrupted, divided among processes, and stopped."""

import json
import random
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from adr_models import ADRModel
from adr_models.any_order.ardm import ARDM
from adr_models.any_order.baseline import Causal
from adr_models.tokens.codec import CodecTokens
from adr_runtime.errors import ADRError
from adr_train.data.datasets import load_dataset
from adr_train.errors import TrainError
from adr_train.loop import Trainer, learning_rate
from adr_train.processes import Processes
from adr_train.recipes.recipe import available, read_recipe
from adr_train.tasks.adr import ADRLoss, fit_tokens
from adr_train.tasks.batches import Batches, epoch_order
from hypothesis import given
from hypothesis import strategies as st
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator


def losses_of(text):
    found = {}
    for line in text.splitlines():
        try:
            row = json.loads(line)
        except ValueError:
            continue
        found[row["step"]] = row["loss"]
    return found


def finish(process):
    out, err = process.communicate()
    assert process.returncode == 0, err
    return losses_of(out)


def test_killed_at_random_moments_it_resumes_to_the_very_same_losses(start_training, tmp_path):
    """kill -9 four times, in the middle of steps and of checkpoints, which are written at every step here."""
    expected = finish(start_training("whole", "--steps", "120"))
    assert sorted(expected) == list(range(1, 121))
    chance, found, kills = random.Random(7), {}, 0
    arguments = ("--steps", "120", "--save-minutes", "0", "--look-minutes", "9")
    while max(found, default=0) < 120:
        resume = ("--resume",) if list((tmp_path / "killed").glob("checkpoint-*")) else ()
        process = start_training("killed", *arguments, *resume)
        lines = []
        if kills < 4:
            wanted = chance.randint(1, 3)
            for line in process.stdout:
                lines.append(line)
                if len(lines) == wanted:
                    break
            time.sleep(chance.uniform(0, 0.05))
            process.send_signal(signal.SIGKILL)
            kills += 1
        out, _ = process.communicate()
        for step, loss in losses_of("".join(lines) + out).items():
            assert loss == expected[step], f"step {step} after {kills} kills"
            found[step] = loss
    assert kills == 4 and found == expected
    assert not list((tmp_path / "killed").glob(".*.part"))
    final = [next((tmp_path / run).glob("checkpoint-*")) / "model.safetensors" for run in ("whole", "killed")]
    assert final[0].read_bytes() == final[1].read_bytes()


@pytest.mark.parametrize(("number", "word"), [(signal.SIGINT, "interrupted"), (signal.SIGTERM, "terminated")])
def test_a_signal_saves_and_leaves(start_training, tmp_path, number, word):
    """One more signal, while the step is made complete or everything is saved, changes nothing."""
    process = start_training("out", "--steps", "100000")
    for _ in range(3):
        process.stdout.readline()
    process.send_signal(number)
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate()
    last = max(losses_of(out), default=3)
    saved = tmp_path / "out" / f"checkpoint-{last:06d}"
    line = f"adr-train: {word} at step {last}; saved {saved}; go on with --resume"
    assert (process.returncode, err.splitlines()[1:]) == (128 + number, [line])
    assert (saved / "state.safetensors").is_file()


def test_a_signal_while_the_last_checkpoint_is_written(struck, recipe, tmp_path):
    done = struck(
        "adr-train", ("adr_train.session:save_checkpoint", "os:fsync"), signal.SIGTERM, recipe, "--size", "cpu",
        "--out", "out", "--device", "cpu", "--steps", "2",
    )  # fmt: skip
    assert done.returncode == 143
    assert done.stderr.splitlines()[1:] == ["adr-train: terminated at step 2; saved out/checkpoint-000002"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["checkpoint-000002", "tensorboard"]
    assert len(list((tmp_path / "out" / "checkpoint-000002").iterdir())) == 3


def test_a_reader_who_leaves_ends_the_training_with_everything_saved(start_training, tmp_path):
    process = start_training("out", "--steps", "100000")
    process.stdout.readline()
    process.stdout.close()
    last = process.stderr.read().splitlines()[-1]
    assert process.wait() == 0 and last.startswith("nobody reads standard output any more: stopped at step"), last
    assert next((tmp_path / "out").glob("checkpoint-*/state.safetensors"))


def test_two_processes_compute_what_one_does(start_training, tmp_path):
    """torchrun with gloo, the same global batch: losses and final weights."""
    from safetensors.torch import load_file

    # Dropout masks are drawn by each process for its own rows.
    text = (tmp_path / "tiny.yaml").read_text().replace("dropout: 0.1, ", "")
    (tmp_path / "tiny.yaml").write_text(text)
    one = finish(start_training("one", "--precision", "float32"))
    torchrun = Path(sys.executable).with_name("torchrun")
    prefix = (str(torchrun), "--standalone", "--nproc-per-node", "2", "--no-python")
    two = finish(start_training("two", "--precision", "float32", prefix=prefix))
    assert sorted(two) == sorted(one)
    np.testing.assert_allclose([two[s] for s in sorted(two)], [one[s] for s in sorted(one)], rtol=2e-5)
    weights = [load_file(next((tmp_path / run).glob("checkpoint-*")) / "model.safetensors") for run in ("one", "two")]
    for name, value in weights[0].items():
        torch.testing.assert_close(weights[1][name], value, rtol=1e-3, atol=1e-4)


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


def test_tensorboard_holds_losses_and_samples(start_training, tmp_path):
    finish(start_training("out", "--look-minutes", "0"))
    events = EventAccumulator(str(tmp_path / "out" / "tensorboard"))
    events.Reload()
    assert {"train/loss", "train/rate", "validation/loss"} <= set(events.Tags()["scalars"])
    assert len(events.Scalars("validation/loss")) > 1
    assert any(tag.startswith("samples") for tag in events.Tags()["images"])


def make_trainer(recipe, processes=Processes(0, 1, torch.device("cpu")), **changes):
    chosen = read_recipe(str(recipe), "cpu")
    config = replace(chosen.train, **changes)
    data = load_dataset("digits", None, "train")
    torch.manual_seed(0)
    model = ADRModel(replace(chosen.model, labels=data.names))
    fit_tokens(model, data)
    batches = Batches(data, model.tokens, config.batch, config.seed)
    return Trainer(model, ADRLoss(model), batches, config, processes)


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


def test_validation_leaves_the_run_as_it_was(recipe):
    trainer, other = make_trainer(recipe), make_trainer(recipe)
    for _ in range(3):
        trainer.validate(trainer.batches)
        assert trainer.train_step().loss == other.train_step().loss


def test_the_average_is_what_its_formula_says(recipe):
    trainer = make_trainer(recipe, ema=0.5)
    name, parameter = next(iter(trainer.named.items()))
    expected = parameter.detach().clone().double()
    for step in range(1, 9):
        trainer.train_step()
        decay = min(0.5, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * parameter.detach().double()
    torch.testing.assert_close(trainer.ema[name].double(), expected, rtol=1e-5, atol=1e-7)


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


def test_recipes(command):
    assert set(available()) == {
        "cifar10", "digits", "speech-codec", "speech-commands", "speech-commands-codec", "speech-digits",
        "speech-digits-few", "speech-digits-frames", "cifar10-any", "cifar10-upscale", "cifar10-causal", "digits-any",
        "digits-upscale", "digits-causal", "shakespeare-any", "shakespeare-causal", "text27-any", "text27-causal",
        "fsdd-mulaw", "fsdd-upscale",
    }  # fmt: skip

    for name in available():
        for size in ("cpu", "gpu"):
            recipe = read_recipe(name, size)
            assert recipe.train.minutes and recipe.licence and recipe.description
            if recipe.kind == "codec":
                CodecTokens(recipe.model)
            elif recipe.kind in ("ardm", "causal"):
                (ARDM if recipe.kind == "ardm" else Causal)(recipe.model)
            elif recipe.kind == "distil":
                assert recipe.teacher in available()
            elif recipe.tokens:
                codec = read_recipe(recipe.tokens, size)
                assert codec.kind == "codec" and codec.dataset == recipe.dataset
                ADRModel(replace(recipe.model, labels=("a", "b"), codec=codec.model))
            else:
                ADRModel(replace(recipe.model, labels=("a", "b")))
    listed = command("adr-train", "--list").stdout
    assert all(name in listed for name in available())


def test_bad_input(refused, recipe, tmp_path, trained_digits, command):
    out = ("--out", "out")
    for arguments, says in (
        (("none", *out), ("unknown recipe 'none'", "speech-digits")),
        (("digits", *out, "--size", "huge"), ("unknown --size 'huge'",)),
        (("digits", *out, "--steps", "0"), ("--steps",)),
        (("digits", *out, "--max-minutes", "0"), ("--max-minutes must be more than 0",)),
        (("digits", *out, "--steps", "5", "--max-minutes", "1"), ("not both",)),
        (("digits", *out, "--precision", "int8"), ("unknown --precision 'int8'",)),
        (("digits", *out, "--device", "tpu"), ("unknown --device 'tpu'",)),
        (("digits", *out, "--resume"), ("out: nothing to resume",)),
        (("digits", "--out", trained_digits), ("already holds checkpoint-000003", "--resume")),
        (("speech-digits", *out), ("fsdd needs its folder: give --data DIR",)),
        (("speech-digits", *out, "--data", "none"), ("none: no such folder",)),
        (("cifar10", "--out", trained_digits, "--resume", "--data", "."), ("a checkpoint of digits (cpu), not of",)),
        (("none.yaml", *out), ("none.yaml: cannot read the recipe",)),
        (("--download", "mnist", "x"), ("no download for 'mnist'",)),
    ):
        refused("adr-train", *arguments, says=says)
    recipe.write_text(recipe.read_text().replace("steps: 12", "stepps: 12"))
    refused("adr-train", recipe, *out, "--size", "cpu", says=("tiny.yaml: not a recipe", "stepps"))
    recipe.write_text("[")
    refused("adr-train", recipe, *out, "--size", "cpu", says=("tiny.yaml: cannot read the recipe",))
    if not torch.cuda.is_available():
        refused("adr-train", "digits", *out, "--device", "cuda", says=("--device cuda", "no usable CUDA GPU"))
    assert not (tmp_path / "out").exists()


def test_a_damaged_checkpoint_is_named(trained_digits, tmp_path, refused):
    import shutil

    run = tmp_path / "run"
    shutil.copytree(trained_digits, run)
    state = next(run.glob("checkpoint-*")) / "state.safetensors"
    state.write_bytes(state.read_bytes()[:1000])
    line = refused("adr-train", "digits", "--out", "run", "--resume", "--steps", "5", "--device", "cpu", says=())
    assert "state.safetensors: cannot read the checkpoint" in line


def test_provenance(trained_digits):
    config = json.loads((next(trained_digits.glob("checkpoint-*")) / "config.json").read_text())
    training = config["training"]
    assert training["recipe"] == "digits" and training["steps"] == 3 and training["sequences"] == 1260
    assert {"commit", "minutes", "device", "data", "weights", "torch"} <= set(training)
