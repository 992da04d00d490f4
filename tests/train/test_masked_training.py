"""Masked models from data to figures and pictures, by the installed commands."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from adr_models.checkpoint import find_checkpoint, read_config
from adr_models.masked.model import MaskedADR, MaskedADRConfig
from adr_runtime.limits import MAX_TEMPERATURE
from adr_train.errors import TrainError
from adr_train.recipes.recipe import read_recipe
from adr_train.tasks.masked import sample

# Digits in regions of 4 x 4 pixels, which no shipped recipe has.
RECIPE = """
kind: masked
dataset: digits
description: Handwritten digits in any order
licence: CC-BY-4.0
source: Optical Recognition of Handwritten Digits
model:
  pyramid: {height: 8, width: 8, channels: 1, region: 4, levels: 3}
  layers: 1
  feedforward: 16
  retention: {width: 16, heads: 2, first_exponent: 1}
  head: {width: 16, blocks: 1, frequencies: 8}
  schedule: {timesteps: 40}
  masks: {random: 0.2}
defaults: {calls: 6, steps: [4, 2, 2], sampler: dpm++, guidance: 1.5, temperature: 1.0, count: 4}
train: {steps: 3, batch: 32, minutes: 1}
sizes: {cpu: {}, gpu: {}}
"""


@pytest.fixture(scope="module")
def trained(tmp_path_factory, warm):
    """A run of twelve steps, `run`, and its bundle, `bundle`, with the recipe beside them."""
    folder = tmp_path_factory.mktemp("masked-run")
    (folder / "digits-masked.yaml").write_text(RECIPE)
    for line in (
        "adr-train digits-masked.yaml --out run --steps 12 --device cpu --look-minutes 0.0001",
        "adr-export run bundle --calls 5 --guidance 2",
    ):
        program, *rest = line.split()
        done = warm.run(program, *rest, folder=folder)
        assert done.returncode == 0, done.stderr
    return folder


def test_the_shipped_recipe_is_as_large_as_that_of_cifar10():
    from adr_models import ADRModel

    for size in ("cpu", "gpu"):
        masked, causal = read_recipe("cifar10-masked", size), read_recipe("cifar10", size)
        counts = [
            sum(p.numel() for p in model.parameters()) for model in (MaskedADR(masked.model), ADRModel(causal.model))
        ]
        assert 0.95 < counts[0] / counts[1] < 1.05, counts
        assert masked.model.pyramid == causal.model.pyramid and masked.train.minutes == causal.train.minutes
        # What the recipe says of generation is what a bundle may say.
        defaults = masked.defaults
        assert 3 <= defaults["calls"] <= 48 and defaults["temperature"] <= MAX_TEMPERATURE


def test_from_training_to_pictures(trained, command):
    assert list((trained / "run" / "tensorboard").iterdir())
    manifest = json.loads((trained / "bundle" / "manifest.json").read_text())
    assert (manifest["family"], manifest["orders"]) == ("masked", ["levels", "random"])
    assert (manifest["defaults"]["calls"], manifest["defaults"]["guidance"]) == (5, 2)
    assert manifest["training"]["recipe"] == "digits-masked" and manifest["labels"] == [str(i) for i in range(10)]
    done = command("adr-run", "image", "--model", trained / "bundle", "--sheet", "-n", 1, "--seed", 1, "--out", "a.png")
    assert done.returncode == 0, done.stderr
    done = command("adr-eval", trained / "bundle", "--dataset", "digits", "--per-label", 2, "--seeds", 1, "--split",
                   "test", "--sweep", "calls=3,12", "--write", "--json")  # fmt: skip
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)["rows"]
    assert {"calls=3", "calls=12", "real test", "real training"} == set(rows)
    quality = json.loads((trained / "bundle" / "manifest.json").read_text())["quality"]
    assert (quality["calls"], quality["order"], quality["steps"]) == ("3, 12", "levels", "4:2:2, 4:2:2")
    assert command("adr-run", "doctor", trained / "bundle").returncode == 0


def test_losses_fall_and_a_run_goes_on(trained, command):
    common = (trained / "digits-masked.yaml", "--device", "cpu", "--batch", 64, "--json")
    whole = command("adr-train", *common, "--out", "whole", "--steps", 60)
    assert whole.returncode == 0, whole.stderr
    losses = [json.loads(line)["loss"] for line in whole.stdout.splitlines()]
    assert len(losses) == 60 and np.mean(losses[-10:]) < 0.95 * np.mean(losses[:5])
    repeated = command("adr-train", *common, "--out", "repeated", "--steps", 60)
    assert [json.loads(line)["loss"] for line in repeated.stdout.splitlines()] == losses
    more = command("adr-train", *common, "--out", "whole", "--steps", 63, "--resume")
    assert more.returncode == 0, more.stderr
    assert [json.loads(line)["step"] for line in more.stdout.splitlines()] == [61, 62, 63]


def test_samples_are_looked_at_in_the_recipes_calls(trained):
    config = read_config(find_checkpoint(trained / "run"))
    model = MaskedADR(MaskedADRConfig.from_dict(config.model)).eval()
    seen, original = [], model.forward

    def forward(*arguments):
        seen.append(len(arguments[0]))
        return original(*arguments)

    model.forward = forward
    with torch.no_grad():
        pixels = sample(model, config.defaults, config.clip)
    assert pixels.shape == (10, 8, 8, 1) and seen == [20] * 6 and bool(torch.isfinite(pixels).all())


def test_refusals(trained, refused, command, tmp_path):
    bundle = trained / "bundle"
    refused("adr-eval", "digits", "--sweep", "calls=3", says=("digits is no masked model, which --sweep calls is for",))
    refused("adr-eval", bundle, "--budgets", "8", says=("no any-order model",))
    refused("adr-eval", bundle, "--sweep", "calls=2", says=("calls must be from 3",))
    refused("adr-eval", bundle, "--sweep", "order=rows", says=("order must be levels or random",))
    refused("adr-export", trained / "run", "out", "--calls", "2", says=("defaults.calls: expected 3 to 12",))
    assert not (tmp_path / "out").exists()
    refused("adr-train", trained / "digits-masked.yaml", "--out", "o", "--from", "digits", says=("of another kind",))
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(RECIPE.replace("height: 8", "height: 16"))
    refused("adr-train", wrong, "--out", "o", says=("has pictures of (8, 8, 1), the recipe wants (16, 8, 1)",))
    wrong.write_text(RECIPE.replace("dataset: digits", "dataset: text"))
    (tmp_path / "a.txt").write_text("a" * 5000)
    refused("adr-train", wrong, "--out", "o", "--data", tmp_path, says=("of different kinds",))
    wrong.write_text(RECIPE.replace("masks: {random: 0.2}", "masks: {random: 2}"))
    refused("adr-train", wrong, "--out", "o", says=("masks.random is a share from 0 to 1",))
    with pytest.raises(TrainError, match="not a recipe"):
        read_recipe(str(wrong), "cpu")


def test_one_digit_is_filled_in_beside_the_discrete_model(trained, tmp_path):
    """bench/fill.py with both kinds of model, on few pictures."""
    script = Path(__file__).parents[2] / "bench" / "fill.py"
    done = subprocess.run(
        [sys.executable, script, "digits-any", trained / "bundle", "--count", "3", "--cache", tmp_path, "--parts",
         "quarters"],
        capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    for part in ("top left", "top right", "bottom left", "bottom right"):
        for who in ("by digits-any", "by digits-masked", "filled with the mean picture"):
            assert f"{part} {who}: " in done.stdout
    assert done.stdout.startswith("real pictures: ")
