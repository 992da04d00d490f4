"""A model whose vocoder's axes are measured anew: beside the one it was, and by the installed commands."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from adr_models import ADRConfig, ADRModel
from adr_models.checkpoint import latest_checkpoint
from adr_models.tokens.vocoder import VocoderConfig
from adr_train.data import aligned
from adr_train.errors import TrainError
from adr_train.processes import Processes
from adr_train.recipes.configs import TrainConfig
from adr_train.recipes.recipe import read_recipe
from adr_train.tasks.new_axes import carry_over, check_new_axes
from adr_train.tasks.spoken import SpokenJob
from adr_train.tasks.start import Start
from aligned_voices import VOCODED, VOCODER
from safetensors.torch import load_file

WIDTH = 24
PARTS = {
    "backbone": {"layers": 1, "feedforward": 16, "retention": {"width": 16, "heads": 2}},
    "head": {"width": 16, "blocks": 1, "frequencies": 8}, "schedule": {"timesteps": 50},
}  # fmt: skip


def turned(seed, width=WIDTH):
    """An orthogonal matrix."""
    random = torch.Generator().manual_seed(seed)
    return torch.linalg.qr(torch.randn(width, width, generator=random, dtype=torch.float64))[0]


def model_of(channels):
    torch.manual_seed(0)
    vocoder = VocoderConfig(800, hop=4, stride=2, channels=channels, cepstrum=7, balance=2)
    model = ADRModel(ADRConfig.from_dict({"vocoder": vars(vocoder), **PARTS})).double().eval()
    for parameter in model.parameters():  # Layers that begin at zero would hide what is done to them.
        torch.nn.init.normal_(parameter, 0, 0.3)
    model.tokens.basis.copy_(turned(1)[:, :channels])
    model.tokens.mean.normal_()
    model.tokens.scale.fill_(0.7)
    return model, {name: buffer.clone() for name, buffer in model.tokens.state_dict().items()}


def predicted(model, noisy, timestep, condition):
    return model.head(noisy, model.head.time_modulation(timestep), model.head.condition_modulation(condition))


@pytest.mark.parametrize("channels", [5, WIDTH])
def test_axes_turned_within_their_subspace_change_nothing(channels):
    model, before = model_of(channels)
    random = torch.Generator().manual_seed(3)
    tokens, noisy = torch.randn(2, 1, 9, channels, generator=random, dtype=torch.float64)
    turn, timestep = turned(2, channels), torch.randint(50, (9,), generator=random)
    condition, _ = model.backbone(tokens)
    said = predicted(model, noisy[0], timestep, condition[0])
    model.tokens.basis.copy_(before["basis"] @ turn)
    carry_over(model, before)
    again, _ = model.backbone(tokens @ turn)
    torch.testing.assert_close(again, condition)
    torch.testing.assert_close(predicted(model, noisy[0] @ turn, timestep, again[0]), said @ turn)


def test_the_backbone_hears_the_same_frames_in_other_axes_of_other_sizes_around_another_mean():
    model, before = model_of(WIDTH)
    frames = torch.randn(1, 18, WIDTH // 2, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    condition, _ = model.backbone(model.tokens.encode(frames))
    model.tokens.basis.copy_(turned(5))
    model.tokens.mean.add_(0.5)
    model.tokens.scale.copy_(torch.linspace(0.2, 2, WIDTH))
    assert not torch.allclose(model.backbone(model.tokens.encode(frames))[0], condition)
    carry_over(model, before)
    torch.testing.assert_close(model.backbone(model.tokens.encode(frames))[0], condition)


@pytest.mark.parametrize("part", [{"head": {"gaussian": True}}, {"schedule": {"learned_variance": True}},
                                  {"backbone": {"magnitudes": True}}])  # fmt: skip
def test_what_is_not_linear_in_tokens_is_refused_before_anything_is_measured(part):
    recipe = read_recipe("speech-text", "cpu", begun=True)
    check_new_axes(recipe, Path("voice"), None)
    ((name, values),) = part.items()
    changed = replace(getattr(recipe.model, name), **values)
    with pytest.raises(TrainError, match="stand in the way of --new-axes"):
        check_new_axes(replace(recipe, model=replace(recipe.model, **{name: changed})), Path("voice"), None)


def test_a_run_begins_from_another_in_axes_of_its_own_data(command, refused, voices, tmp_path):
    (tmp_path / "speaking.yaml").write_text(VOCODED)
    (tmp_path / "other").mkdir()
    shutil.move(voices / "bob", tmp_path / "other" / "bob")
    options = ("--size", "cpu", "--device", "cpu", "--threads", "1", "--json")
    assert command("adr-train", "speaking.yaml", *options, "--data", voices, "--out", "run").returncode == 0
    new = ("adr-train", "speaking.yaml", *options, "--data", "other")
    refused(*new, "--out", "more", "--new-axes", says=("--new-axes is for recipes of voices with --from",))
    for other in ("digits", "speech-digits"):
        refused("adr-train", other, "--from", other, "--new-axes", "--out", "more", says=("--new-axes is for",))
    done = command(*new, "--out", "more", "--from", "run", "--new-axes", "--steps", "1")
    assert done.returncode == 0, done.stderr
    (axes,) = (tmp_path / "other").glob("axes-*.safetensors")
    on = command(*new, "--out", "more", "--steps", "2", "--resume", "--new-axes")
    assert [json.loads(line)["step"] for line in on.stdout.splitlines()] == [2], on.stderr
    there = load_file(latest_checkpoint(tmp_path / "more") / "model.safetensors")
    assert all(torch.equal(there[f"tokens.{name}"], value) for name, value in load_file(axes).items())
    resumed = ("adr-train", "speaking.yaml", *options, "--data", voices, "--out", "run", "--resume", "--new-axes")
    refused(*resumed, says=("did not begin with --new-axes",))


def test_weights_are_carried_to_the_axes_that_are_measured(voices):
    """Those of a start are the same ones from the last to the first, so that what is carried is what was there."""
    config = ADRConfig.from_dict({"vocoder": VOCODER, **PARTS})
    train = TrainConfig(steps=1, batch=4, shards=1, speakers=True, window=(0.5, 1.0))
    recipe = replace(read_recipe("speech-text", "cpu", begun=True), model=config, train=train)
    data, held_out = (aligned.read(voices, split) for split in ("train", "validation"))
    first = SpokenJob(recipe, data, held_out, Processes.start("cpu", 1), None).trainer.model.eval()
    weights = {name: value.clone() for name, value in first.state_dict().items()}
    turned_round = {"tokens.basis": 1, "tokens.scale": 0, "tokens.bounds": 0, "backbone.token.weight": 1}
    weights |= {name: weights[name].flip(dimension) for name, dimension in turned_round.items()}
    start = Start("ours", weights, {"speakers": ("ann", "bob"), "labels": ()}, None, 3.0, {})
    job = SpokenJob(recipe, data, held_out, Processes.start("cpu", 1), None, replace(start, new_axes=True))
    carried = job.trainer.model.state_dict()
    for name in turned_round:
        torch.testing.assert_close(carried[name], first.state_dict()[name], rtol=1e-4, atol=1e-5)
    assert job.provenance()["from axes"] == "new" and job.sample_range != 3.0
