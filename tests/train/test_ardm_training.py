"""Any-order models from data to figures, by the installed commands; and the pieces against references."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
import soundfile
import torch
from adr_export.any_order import slope_steps
from adr_models.any_order.ardm import ARDM
from adr_models.any_order.baseline import Causal, CausalConfig
from adr_models.any_order.network import ARDMConfig
from adr_train.data.text import TEXT8, read, respell
from adr_train.data.types import AudioClips, Text
from adr_train.data.variables import VariableBatches, to_variables, windows
from adr_train.errors import TrainError
from adr_train.evaluation.likelihood import estimate_error, held_out_values, measure, measure_causal, measure_full
from adr_train.recipes.recipe import available, read_recipe
from adr_train.tasks.any_order import measure_step_loss
from adr_train.tasks.recipe_data import load_splits, picture_shape, sound_rate
from PIL import Image
from random_models import ANY_ORDER


@pytest.mark.parametrize("family", ["digits", "cifar10", "shakespeare"])
def test_baselines_are_as_large_as_what_they_stand_beside(family):
    sizes = {}
    for kind in ("any", "upscale", "causal"):
        if f"{family}-{kind}" in available():
            recipe = read_recipe(f"{family}-{kind}", "cpu")
            model = ARDM(recipe.model) if kind != "causal" else Causal(recipe.model)
            sizes[kind] = sum(p.numel() for p in model.parameters())
            assert recipe.train.minutes == read_recipe(f"{family}-any", "cpu").train.minutes
    assert max(sizes.values()) < 1.25 * min(sizes.values()), sizes


def test_text_is_split_by_position_and_spelled_as_text8(tmp_path):
    (tmp_path / "a.txt").write_bytes(bytes(range(32, 127)) * 20)
    parts = [read(tmp_path, split).symbols for split in ("train", "validation", "test")]
    assert np.concatenate(parts).tobytes() == bytes(range(32, 127)) * 20
    assert [len(p) for p in parts] == [1710, 95, 95]
    spelled = respell(Text(np.frombuffer(b"To be, or NOT", np.uint8), ""), TEXT8)
    assert "".join(TEXT8[i] for i in spelled.symbols) == "to be  or not"
    (tmp_path / "b.txt").write_text("x")
    with pytest.raises(TrainError, match=r"expected one \.txt file, found 2"):
        read(tmp_path, "train")
    with pytest.raises(TrainError, match="too few"):
        read(tmp_path / "b.txt", "train")


def test_batches_follow_from_seed_and_step():
    stream = np.arange(1000) % 256
    batches = VariableBatches(stream, (1, 10, 1), 5, seed=3)
    first = batches.at(7).tokens
    assert torch.equal(first, VariableBatches(stream, (1, 10, 1), 5, seed=3).at(7).tokens)
    assert not torch.equal(first, batches.at(8).tokens)
    assert (first.diff() % 256 == 1).all()
    pictures = np.arange(6 * 12, dtype=np.uint8).reshape(6, 12)
    flipped = VariableBatches(pictures, (2, 2, 3), 64, seed=0, flip=True).at(0).tokens.reshape(-1, 2, 2, 3)
    mirrored = flipped[:, 0, 0, 0] > flipped[:, 0, 1, 0]
    assert 10 < int(mirrored.sum()) < 54 and (flipped[mirrored].flip(2).flatten(1) % 12 == torch.arange(12)).all()
    assert windows(stream, 300).shape == (3, 300)
    with pytest.raises(TrainError, match="fewer than a window"):
        VariableBatches(stream[:9], (1, 10, 1), 5, seed=3)


def test_sound_keeps_its_sixteen_bits():
    clips = [np.array([-1.0, 0.0, 32767 / 32768, 1 / 32768], np.float32)]
    sound = AudioClips(clips, np.zeros(1, np.int64), ("x",), 8000, ("y",))
    config = ARDMConfig.from_dict(ANY_ORDER["samples"])
    assert to_variables(sound, config, "x").tolist() == [0, 32768, 65535, 32769]
    with pytest.raises(TrainError, match="different kinds"):
        to_variables(sound, ARDMConfig(), "x")


class Falling(ARDM):
    """Charges 5 + stage - t / 10 bits with t known, give or take a little."""

    def log_likelihood(self, values, known, stage):
        noise = torch.sin(torch.arange(values.numel()).float()).reshape(values.shape)
        bits = 5 + stage[:, None] - known.sum(1, keepdim=True) / 10 + 0.3 * noise
        return -bits * math.log(2)


def test_sounds_and_pictures_of_ones_own_are_brought_to_the_recipe(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name / "of").mkdir(parents=True)
    loud = np.sign(np.sin(np.arange(4000) / 9))
    for n in range(4):
        soundfile.write(tmp_path / "a" / "of" / f"{n}.wav", np.roll(loud, n), 16000, "FLOAT")
        Image.new("RGB", (30, 20), (50 * n, 0, 0)).save(tmp_path / "b" / "of" / f"{n}.png")
    sound, picture = read_recipe("fsdd-mulaw", "cpu"), read_recipe("digits-any", "cpu")
    wide = replace(sound.model, levels=65536)
    for recipe, model, dataset, folder, most in (
        (sound, sound.model, "sounds", "a", 256), (sound, wide, "sounds", "a", 65536),
        (picture, picture.model, "images", "b", 256),
    ):  # fmt: skip
        own = replace(recipe, model=model, dataset=dataset)
        data, _ = load_splits(own, tmp_path / folder, picture_shape(model), sound_rate(own, model, None))
        values = to_variables(data, model, dataset)
        assert values.min() >= 0 and values.max() < most
        assert values.shape[1:] == (64,) if dataset == "images" else len(values) == sum(map(len, data.clips))
        assert held_out_values(model, dataset, tmp_path / folder, "validation", 1).shape == (1, model.dimensions)
    with pytest.raises(TrainError, match="sounds are for models of sound; the recipe or bundle makes none"):
        held_out_values(picture.model, "sounds", tmp_path / "a", "validation", 1)


def test_measured_losses_are_those_of_every_stage_and_step():
    model = Falling(ARDMConfig.from_dict(ANY_ORDER["greys"]))
    values = np.zeros((200, 24), np.uint8)
    curve = measure_step_loss(model, VariableBatches(values, (4, 6, 1), 32, 0), torch.device("cpu"), passes=24).numpy()
    expected = 5 + np.arange(3)[:, None] - np.arange(24) / 10
    assert curve.shape == (3, 24) and (np.diff(curve) <= 0).all()
    assert np.abs(curve - expected).max() < 0.25 and np.abs(curve - expected).mean() < 0.08


def test_treads_of_the_measured_losses_become_slopes():
    stairs = np.array([5.0, 5, 5, 3, 3, 3, 3, 1])
    found = slope_steps(stairs)
    assert (np.diff(found[1:]) < 0).all() and (np.diff(found) <= 0).all()
    assert found[1] == 5 and found[-1] == 1 and abs(found.mean() - stairs.mean()) < 0.3


@pytest.fixture(scope="module")
def trained(tmp_path_factory, warm):
    """Runs of a few steps: digits-any, digits-upscale and digits-causal, the first two with bundles."""
    folder = tmp_path_factory.mktemp("any-order-runs")

    def run(program, *arguments):
        done = warm.run(program, *arguments, folder=folder)
        assert done.returncode == 0, done.stderr

    for name in ("any", "upscale", "causal"):
        run("adr-train", f"digits-{name}", "--out", folder / name, "--steps", 12, "--size", "cpu", "--device", "cpu")
        if name != "causal":
            run("adr-export", folder / name, folder / f"b-{name}")
    return folder


@pytest.mark.parametrize("name", ["any", "upscale"])
def test_from_training_to_figures(trained, name, command):
    arguments = ("--budgets", "full,8", "--count", 20, "--causal", trained / "causal", "--write", "--json")
    done = command("adr-eval", trained / f"b-{name}", "--split", "test", *arguments)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["split"] == "test" and (report["sequences"], report["seed"]) == (20, 0)
    rows = report["rows"]
    assert 0 < rows["full"]["estimate_error"] < rows["full"]["bits_per_dimension"] and "estimate_error" not in rows["8"]
    assert rows["8"]["calls"] == 8 and rows["full"]["calls"] == 64 * (3 if name == "upscale" else 1)
    for row in rows.values():
        assert 1 < row["bits_per_dimension"] < math.log2(17) + 1
    assert rows["8"]["bits_per_dimension"] == pytest.approx(rows["8"]["predicted"], rel=0.1)
    card = (trained / f"b-{name}" / "README.md").read_text()
    assert f"{round(rows['8']['bits_per_dimension'], 4):.4g}" in card and "any-order" in card
    assert "| split | test |" in card and "estimate error" in card
    assert "█" in command("adr-run", "info", trained / f"b-{name}").stdout


def test_the_estimate_at_full_steps_is_that_of_doing_them(trained):
    import adr_runtime

    model = adr_runtime.load(trained / "b-any")
    values = held_out_values(model.variables, "digits", None, "test", 24)
    done, estimated = measure(model, values, 64), measure_full(model, values, 64)
    assert done["calls"] == estimated["calls"] == 64
    spread = 4 * math.hypot(done["standard_error"], estimated["standard_error"])
    assert abs(done["bits_per_dimension"] - estimated["bits_per_dimension"]) < spread
    assert measure(model, values, 8)["bits_per_dimension"] > 0


def test_the_error_of_the_estimate_is_what_other_seeds_change(trained):
    import adr_runtime

    model = adr_runtime.load(trained / "b-any")
    values = held_out_values(model.variables, "digits", None, "validation", 8)
    rows = [measure_full(model, values, 6, seed) for seed in range(24)]
    seen = np.std([row["bits_per_dimension"] for row in rows], ddof=1)
    told = np.mean([row["estimate_error"] for row in rows])
    assert 0.6 * seen < told < 1.7 * seen
    # Draws that differ by their place alone, as late variables cost less, are no noise.
    falling = np.linspace(8, 1, 16) + np.zeros((50, 1))
    assert estimate_error(falling) < 0.2 * falling.std() / 16**0.5 / 50**0.5
    random = np.random.default_rng(1).normal(size=(400, 16))
    assert estimate_error(random) == pytest.approx(1 / 80, rel=0.05)


def test_sequences_are_of_every_class_whatever_the_order_of_the_file(tmp_path):
    """Six classes one behind the other, each of one colour."""
    records = [bytes([label]) + bytes([20 * label]) * 3072 for label in range(10) for _ in range(6)]
    for name in ("test_batch", *(f"data_batch_{i}" for i in range(1, 6))):
        (tmp_path / f"{name}.bin").write_bytes(b"".join(records))
    config = read_recipe("cifar10-any", "cpu").model
    values = held_out_values(config, "cifar10", tmp_path, "test", 20)
    assert sorted(values[:, 1]) == sorted(20 * label for label in range(10) for _ in range(2))
    assert len(held_out_values(config, "cifar10", tmp_path, "validation", None)) == 30
    other = held_out_values(config, "cifar10", tmp_path, "test", 19, seed=1)
    assert not np.array_equal(other, held_out_values(config, "cifar10", tmp_path, "test", 19))


def test_causal_figures_are_those_of_the_model(trained):
    row = measure_causal(trained / "causal", "digits", None, "test", 5)
    assert row["calls"] == 64 and 1 < row["bits_per_dimension"] < 5
    with pytest.raises(TrainError, match="no causal baseline"):
        measure_causal(trained / "any", "digits", None, "test", 5)


def test_refusals(trained, refused, any_order, tmp_path):
    bundle = trained / "b-any"
    refused("adr-eval", bundle, "--budgets", "many", says=("--budgets 'many'",))
    refused("adr-eval", "digits", "--budgets", "8", says=("no any-order model",))
    refused("adr-eval", any_order["greys"], says=("no shipped recipe",))
    refused("adr-export", trained / "causal", "out", says=("make no bundle",))
    refused("adr-export", trained / "any", "out", "--guidance", "2", says=("no --guidance",))
    refused("adr-export", trained / "any", "out", "--steps", "12:8", says=("--steps 12:8: digits-any is an any-order",))
    refused("adr-export", trained / "any", "out", "--steps", "65", says=("defaults.steps: expected a number of",))
    refused("adr-train", "shakespeare-any", "--out", "o", says=("needs its folder",))
    (tmp_path / "few").mkdir()
    refused("adr-train", "shakespeare-any", "--out", "o", "--data", "few", says=("expected one .txt file",))


def test_a_run_repeats(command):
    """Losses follow from seed and step alone."""
    common = ("digits-upscale", "--size", "cpu", "--device", "cpu", "--batch", "8", "--steps", "5", "--json")
    runs = [command("adr-train", *common, "--out", out) for out in ("a", "b")]
    assert all(run.returncode == 0 for run in runs), runs[0].stderr
    losses = [[json.loads(line)["loss"] for line in run.stdout.splitlines()] for run in runs]
    assert losses[0] == losses[1] and len(losses[0]) == 5


def test_a_causal_config_is_strict():
    with pytest.raises(ValueError, match="depth"):
        CausalConfig.from_dict({"depth": 3})
    with pytest.raises(ValueError, match="one channel"):
        Causal(CausalConfig(shape=(2, 2, 3)))
