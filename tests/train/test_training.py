"""Real runs of the installed adr-train: killed, interrupted, divided among processes, stopped, and refused."""

import json
import random
import shutil
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
from adr_models.masked.model import MaskedADR
from adr_models.spoken_text.aligner import AlignerModel
from adr_models.spoken_text.durations import DurationsModel
from adr_models.spoken_text.letters import LettersModel
from adr_models.tokens.codec import CodecTokens
from adr_train.recipes.chain import read_chain
from adr_train.recipes.defaults import check_defaults
from adr_train.recipes.recipe import available, read_recipe
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


def test_killed_at_random_moments_it_resumes_to_the_very_same_losses(start_training, train, tmp_path):
    """kill -9 four times, in the middle of steps and of checkpoints, which are written at every step here."""
    expected = losses_of(train("whole", "--steps", "60").stdout)
    assert sorted(expected) == list(range(1, 61))
    chance, found, kills = random.Random(7), {}, 0
    arguments = ("--steps", "60", "--save-minutes", "0", "--look-minutes", "9")
    while max(found, default=0) < 60:
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


def test_two_processes_compute_what_one_does(start_training, train, tmp_path):
    """torchrun with gloo, the same global batch: losses and final weights."""
    from safetensors.torch import load_file

    # Dropout masks are drawn by each process for its own rows.
    text = (tmp_path / "tiny.yaml").read_text().replace("dropout: 0.1, ", "")
    (tmp_path / "tiny.yaml").write_text(text)
    one = losses_of(train("one", "--precision", "float32").stdout)
    torchrun = Path(sys.executable).with_name("torchrun")
    prefix = (str(torchrun), "--standalone", "--nproc-per-node", "2", "--no-python")
    process = start_training("two", "--precision", "float32", prefix=prefix)
    out, err = process.communicate()
    assert process.returncode == 0, err
    two = losses_of(out)
    assert sorted(two) == sorted(one)
    np.testing.assert_allclose([two[s] for s in sorted(two)], [one[s] for s in sorted(one)], rtol=2e-5)
    weights = [load_file(next((tmp_path / run).glob("checkpoint-*")) / "model.safetensors") for run in ("one", "two")]
    for name, value in weights[0].items():
        torch.testing.assert_close(weights[1][name], value, rtol=1e-3, atol=1e-4)


def test_tensorboard_holds_losses_and_samples(train, tmp_path):
    train("out", "--look-minutes", "0")
    events = EventAccumulator(str(tmp_path / "out" / "tensorboard"))
    events.Reload()
    assert {"train/loss", "train/rate", "validation/loss"} <= set(events.Tags()["scalars"])
    assert len(events.Scalars("validation/loss")) > 1
    assert any(tag.startswith("samples") for tag in events.Tags()["images"])


def test_recipes(command):
    assert set(available()) == {
        "cifar10", "digits", "speech-codec", "speech-codec-16k", "speech-commands", "speech-commands-codec",
        "speech-digits", "speech-digits-few", "speech-digits-frames", "cifar10-any", "cifar10-upscale",
        "cifar10-causal", "digits-any", "digits-upscale", "digits-causal", "shakespeare-any", "shakespeare-causal",
        "text27-any", "text27-causal", "fsdd-mulaw", "fsdd-upscale", "images", "cifar10-few", "fashion",
        "cifar10-paper", "cifar10-masked", "letters", "durations", "speech-text", "speech-digits-codec", "sounds",
        "speech-text-few", "sounds-base", "aligner", "fashion-paper",
    }  # fmt: skip
    others = {
        "ardm": ARDM, "causal": Causal, "masked": MaskedADR, "letters": LettersModel, "durations": DurationsModel,
        "aligner": AlignerModel,
    }  # fmt: skip
    chains = {name for name in available() if read_chain(name, "cpu")}
    assert chains == {"sounds"} and all(read_chain(name, "gpu") for name in chains)
    for name in set(available()) - chains:
        for size in ("cpu", "gpu"):
            recipe = read_recipe(name, size)
            assert recipe.train.minutes and recipe.licence and recipe.description
            if recipe.kind == "codec":
                CodecTokens(recipe.model)
            elif recipe.kind in others:
                others[recipe.kind](recipe.model)
            elif recipe.kind == "distil":
                assert recipe.teacher in available()
            elif recipe.tokens:
                codec = read_recipe(recipe.tokens, size)
                assert codec.kind == "codec"
                ADRModel(replace(recipe.model, labels=("a", "b"), codec=codec.model))
            else:
                ADRModel(replace(recipe.model, labels=("a", "b")))
            check_defaults(recipe, read_recipe(recipe.teacher, size).model if recipe.teacher else recipe.model)
    listed = command("adr-train", "--list").stdout
    assert all(name in listed for name in available())


def test_the_papers_recipe_is_what_it_prints_and_as_large_as_cifar10():
    for size in ("cpu", "gpu"):
        printed, ours = (read_recipe(name, size) for name in ("cifar10-paper", "cifar10"))
        model, train = printed.model, printed.train
        assert model.backbone.mixer == "softmax" and not model.image.neighbours and model.image.patch == 4
        assert model.schedule.prediction == "epsilon" and model.schedule.learned_variance
        assert (printed.defaults["sampler"], printed.defaults["guidance"], train.optimizer) == ("ddpm", 1.0, "adamw")
        assert (train.minutes, train.batch, train.flip) == (ours.train.minutes, ours.train.batch, ours.train.flip)
        weights = [
            sum(p.numel() for p in ADRModel(replace(r.model, labels=tuple("abcdefghij"))).parameters())
            for r in (printed, ours)
        ]
        assert weights[0] == pytest.approx(weights[1], rel=0.02)


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
        (("digits", *out, "--from", "nowhere"), ("--from nowhere: no such folder",)),
        (("digits-any", *out, "--from", "digits"), ("--from is for causal models", "digits-any is of another kind")),
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


def test_a_run_goes_on_that_began_before_a_setting_was_there(command, refused, trained_digits, tmp_path):
    """A field that a config of then had not yet has its default; another value is another model."""
    run = shutil.copytree(trained_digits, tmp_path / "run")
    file = next(run.glob("checkpoint-*")) / "config.json"
    saved = json.loads(file.read_text())
    assert not saved["model"]["loss"]["stratified"] and saved["model"]["pyramid"] is None
    del saved["model"]["pyramid"], saved["model"]["loss"]["stratified"]
    file.write_text(json.dumps(saved))
    common = ("adr-train", "digits", "--out", "run", "--resume", "--batch", "16", "--device", "cpu")
    done = command(*common, "--steps", "4")
    assert done.returncode == 0 and "from step 3" in done.stderr, done.stderr
    file = run / "checkpoint-000004" / "config.json"
    saved = json.loads(file.read_text())
    saved["model"]["loss"]["stratified"] = True
    file.write_text(json.dumps(saved))
    refused(*common, "--steps", "5", says=("the recipe's model, or --pixels, has changed since",), status=2)


def test_a_damaged_checkpoint_is_named(trained_digits, tmp_path, refused):
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
