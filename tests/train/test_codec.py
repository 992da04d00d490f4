"""Training a codec and a model of its latents by the installed command, on a few files in FSDD's layout."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from adr_train.tasks.codec_adversary import Discriminator, adversarial_loss, discriminator_loss
from adr_train.tasks.codec_losses import SpectralLoss
from safetensors.torch import load_file
from small_codec import CODEC, FEW, LATENTS

SUNG = LATENTS.replace(
    "tokens: small-codec\nmodel:",
    """model:
  vocoder: {sample_rate: 16000, hop: 128, stride: 4, channels: 10, cepstrum: 20, balance: 4}""",
)


@pytest.fixture(scope="module")
def run(warm):
    """run(folder, "adr-train", ...) runs a command that must end well."""

    def run(folder, program, *arguments):
        done = warm.run(program, *arguments, folder=folder)
        assert done.returncode == 0, done.stderr
        return done

    return run


@pytest.fixture(scope="module")
def folder(tmp_path_factory, run):
    """Recipes, data, a trained codec, and a model trained on its latents."""
    made = tmp_path_factory.mktemp("codec")
    (made / "small-codec.yaml").write_text(CODEC)
    (made / "small-latents.yaml").write_text(LATENTS)
    (made / "small-few.yaml").write_text(FEW)
    (made / "data" / "recordings").mkdir(parents=True)
    random = np.random.default_rng(0)
    for digit in range(10):
        for speaker in ("ann", "ben"):
            for take in (0, 5, 6, 7, 8, 9, 45, 49):
                tone = 0.2 * np.sin(np.arange(1600) * (digit + 2) / 20) + 0.01 * random.standard_normal(1600)
                soundfile.write(made / "data" / "recordings" / f"{digit}_{speaker}_{take}.wav", tone, 8000)
    common = ("--data", "data", "--size", "cpu", "--device", "cpu", "--threads", 1)
    run(made, "adr-train", "small-codec.yaml", "--out", "codec", *common)
    run(made, "adr-train", "small-latents.yaml", "--codec", "codec", "--out", "latents", *common)
    run(made, "adr-train", "small-few.yaml", "--teacher", "latents", "--out", "few", *common)
    return made


def test_codec_checkpoint_holds_the_normalisation(folder):
    weights = load_file(next((folder / "codec").glob("checkpoint-*")) / "model.safetensors")
    assert (weights["std"] > 0).all() and weights["std"].std() > 0 and weights["mean"].any()


def test_codec_resumes_with_the_same_losses(folder, run):
    """Through the step at which the adversary joins."""
    arguments = ("adr-train", "small-codec.yaml", "--data", "data", "--size", "cpu", "--device", "cpu", "--json")
    whole = run(folder, *arguments, "--out", "whole", "--threads", 1).stdout
    process = subprocess.Popen(
        [Path(sys.executable).with_name(arguments[0]), *arguments[1:], "--out", "parts", "--threads", "1",
         "--save-minutes", "0"],
        cwd=folder, stdout=subprocess.PIPE, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    lines = [process.stdout.readline() for _ in range(4)]
    process.kill()
    lines += process.communicate()[0].splitlines()
    lines += run(folder, *arguments, "--out", "parts", "--threads", 1, "--resume").stdout.splitlines()
    found = {row["step"]: row["loss"] for row in map(json.loads, filter(None, lines))}
    assert found == {row["step"]: row["loss"] for row in map(json.loads, whole.splitlines())}


def test_two_processes_train_a_codec_as_one_does(folder, run):
    """Before the adversary joins to the last digits; after it, its own normalisation is over a process's rows."""
    arguments = ("small-codec.yaml", "--data", "data", "--size", "cpu", "--device", "cpu", "--threads", 1, "--json",
                 "--precision", "float32")  # fmt: skip
    one = run(folder, "adr-train", *arguments, "--out", "one").stdout
    prefix = ("--standalone", "--nproc_per_node", 2, "--no-python", Path(sys.executable).with_name("adr-train"))
    torchrun = [Path(sys.executable).with_name("torchrun"), *map(str, prefix), *map(str, arguments), "--out", "two"]
    done = subprocess.run(
        torchrun, cwd=folder, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )
    assert done.returncode == 0, done.stderr
    two = done.stdout
    losses = [[json.loads(line)["loss"] for line in text.splitlines() if line.startswith("{")] for text in (one, two)]
    assert len(losses[0]) == len(losses[1]) == 6
    np.testing.assert_allclose(losses[1][:4], losses[0][:4], rtol=2e-5)
    np.testing.assert_allclose(losses[1], losses[0], rtol=2e-2)


def test_latent_model_keeps_the_codec_and_names_its_speakers(folder):
    codec = load_file(next((folder / "codec").glob("checkpoint-*")) / "model.safetensors")
    place = next((folder / "latents").glob("checkpoint-*"))
    weights, config = load_file(place / "model.safetensors"), json.loads((place / "config.json").read_text())
    for name, value in codec.items():
        assert torch.equal(weights[f"tokens.{name}"], value), name
    assert config["model"]["speakers"] == ["ann", "ben"] and config["training"]["codec steps"] == 6


def test_student_changes_the_head_alone(folder):
    places = [next((folder / run).glob("checkpoint-*")) for run in ("latents", "few")]
    teacher, student = (load_file(place / "model.safetensors") for place in places)
    changed = {name for name, value in teacher.items() if not torch.equal(value, student[name])}
    assert changed and all(name.startswith("head.") for name in changed)
    assert all(name.startswith("head.end_timestep.") for name in student.keys() - teacher.keys())
    training = json.loads((places[1] / "config.json").read_text())["training"]
    assert training["teacher steps"] == 3 and training["codec steps"] == 6 and training["guidance distilled"] == 2.0


def test_words_as_a_vocoder_has_them_at_twice_their_rate(folder, run):
    (folder / "small-sung.yaml").write_text(SUNG)
    common = ("--data", "data", "--size", "cpu", "--device", "cpu", "--threads", 1)
    run(folder, "adr-train", "small-sung.yaml", "--out", "sung", *common)
    run(folder, "adr-export", "sung", "sung-bundle")
    run(folder, "adr-run", "audio", "--model", "sung-bundle", "--label", "seven", "--seconds", "0.2", "--out", "s.wav")
    assert soundfile.info(folder / "s.wav").samplerate == 16000


def test_bad_codecs(folder, refused, monkeypatch):
    common = ("adr-train", folder / "small-latents.yaml", "--data", folder / "data", "--out", "x", "--size", "cpu")
    refused(*common, says=("--codec DIR", "adr-train small-codec"))
    refused(*common, "--codec", folder / "data", says=("no checkpoint of small-codec",))
    few = ("adr-train", folder / "small-few.yaml", "--data", folder / "data", "--out", "x", "--size", "cpu")
    refused(*few, says=("--teacher DIR", "adr-train small-latents"))
    refused(*few, "--teacher", folder / "codec", says=("a checkpoint of small-codec, not of small-latents",))
    refused(*common, "--codec", folder / "latents", says=("a checkpoint of small-latents, not of small-codec",))


def test_spectral_loss_is_nothing_for_equals_and_grows_with_noise():
    loss, real = SpectralLoss(8000), torch.sin(torch.arange(4096) * 0.3)[None] * 0.1
    errors = [float(loss(real + scale * torch.randn(1, 4096), real)) for scale in (0.0, 0.001, 0.01, 0.1)]
    assert errors[0] == 0 and errors == sorted(errors)


def test_adversary_learns_to_tell_and_matching_vanishes_for_equals():
    torch.manual_seed(0)
    judge, real, made = Discriminator(8000, width=4), torch.sin(torch.arange(2048) * 0.3)[None], torch.randn(1, 2048)
    optimizer = torch.optim.Adam(judge.parameters(), 1e-2)
    losses = []
    for _ in range(15):
        loss = discriminator_loss(judge(real), judge(made))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]
    assert adversarial_loss(judge(real), judge(real))[1].item() == 0
    assert adversarial_loss(judge(real), judge(made))[1].item() > 0
