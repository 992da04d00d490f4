"""Beginning from a run or a bundle: the very weights, classes by name, and what does not fit."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from adr_export.onnx_writer import round_weights
from adr_models import ADRConfig, ADRModel
from adr_models.bundle_weights import read_weights
from adr_models.checkpoint import latest_checkpoint, read_config, read_tensors
from adr_runtime.errors import ADRError
from adr_train.recipes.recipe import read_recipe
from adr_train.tasks.adr import first_guidance
from adr_train.tasks.start import Start, begin, from_bundle, read_start, rows_by_name
from random_models import LATENT, PICTURE, PYRAMID, SOFTMAX, SOUND, STRUCK, SUNG, random_model

BUNDLES = {
    "sound": SOUND, "picture": PICTURE, "pyramid": PYRAMID, "portable-pyramid": PYRAMID, "portable-sound": SOUND,
    "latent": LATENT, "softmax-sound": SOFTMAX, "sung": SUNG, "portable-sung": SUNG,
    "struck": STRUCK, "portable-struck": STRUCK,
}  # fmt: skip


@pytest.mark.parametrize("name", BUNDLES)
def test_a_bundle_holds_every_weight_by_its_name(exported, name):
    """What the exporter was given, which is stored in half precision and in part transposed."""
    expected = random_model(BUNDLES[name])
    round_weights(expected)
    found = read_weights(path.read_bytes() for path in exported[name].glob("*.onnx"))
    for key, value in expected.state_dict().items():
        assert torch.equal(found[key], value), key


@pytest.mark.parametrize("name", ["picture", "pyramid", "sound", "sung", "struck"])
def test_a_run_begins_with_the_weights_of_a_bundle(exported, name):
    fresh, expected = ADRModel(ADRConfig.from_dict(BUNDLES[name])), random_model(BUNDLES[name])
    round_weights(expected)
    begin(fresh, from_bundle(exported[name]))
    assert fresh.state_dict().keys() == expected.state_dict().keys()
    for key, value in fresh.state_dict().items():
        assert torch.equal(value, expected.state_dict()[key]), key


def test_a_head_of_few_steps_is_gone_on_with_as_one_of_many():
    known = ADRConfig.from_dict({**SOUND, "schedule": {**SOUND.get("schedule", {}), "prediction": "velocity"}})
    few = ADRModel(replace(known, head=replace(known.head, jump=True)))
    classes = {"labels": known.labels, "speakers": known.speakers}
    model = ADRModel(known)
    begin(model, Start("few", few.state_dict(), classes, known, 1.0, {}))
    assert all(torch.equal(value, few.state_dict()[key]) for key, value in model.state_dict().items())
    for name in ("speech-digits", "voice"):
        assert from_bundle(Path(name)).config == read_recipe({"voice": "speech-text"}.get(name, name), "cpu").model


def test_classes_go_by_name_and_new_ones_begin_as_none():
    """Rows for a, b, c and none; c and a are known, d is new."""
    table = torch.arange(8.0).reshape(4, 2)
    found = rows_by_name(table, ("a", "b", "c"), ("c", "d", "a"))
    assert found.tolist() == [[4.0, 5.0], [6.0, 7.0], [0.0, 1.0], [6.0, 7.0]]


def test_a_model_of_other_labels_takes_what_it_can(exported):
    labels = ("new", "bar", "another")
    model = ADRModel(replace(ADRConfig.from_dict(PYRAMID), labels=labels))
    start = from_bundle(exported["pyramid"])
    begin(model, start)
    rows = model.state_dict()["backbone.label.weight"]
    old = start.weights["backbone.label.weight"]
    assert torch.equal(rows, old[[2, 1, 2, 2]])


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"head": {"width": 24, "blocks": 3, "frequencies": 8}}, "has no head.blocks.2"),
        ({"head": {"width": 24, "blocks": 1, "frequencies": 8}}, "its head.blocks.1.* does not fit"),
        ({"head": {"width": 20, "blocks": 2, "frequencies": 8}}, "does not fit"),
    ],
)
def test_another_shape_is_refused_and_nothing_changes(exported, change, line):
    model = ADRModel(ADRConfig.from_dict({**LATENT, **change}))
    before = {k: v.clone() for k, v in model.state_dict().items()}
    with pytest.raises(ADRError, match=f"--from latent: .*{line}"):
        begin(model, from_bundle(exported["latent"]))
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())


def test_what_no_shape_tells_is_compared_where_it_is_known(exported):
    config = ADRConfig.from_dict(PYRAMID)
    other = replace(config, schedule=replace(config.schedule, kind="linear"))
    start = replace(from_bundle(exported["pyramid"]), config=other)
    with pytest.raises(ADRError, match="another schedule than those asked for"):
        begin(ADRModel(config), start)
    begin(ADRModel(config), replace(start, config=replace(config, loss=replace(config.loss, draws=1))))


def test_minutes_add_up_over_runs_that_follow_one_another():
    start = Start("second", {}, {}, None, 1.0, {"minutes": 5.5, "steps": 7, "from": "first", "from minutes": 20.25})
    assert start.provenance() == {"from": "second", "from steps": 7, "from minutes": 25.75}


@pytest.mark.parametrize(
    ("source", "line"),
    [("nowhere", "--from nowhere: no such folder"), ("digits-any", "family"), (".", "no checkpoint here")],
)
def test_what_is_no_start_is_refused(source, line, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ADRError, match=re.escape(line)):
        read_start(Path(source))


def test_a_run_begins_where_another_ended_and_goes_on(train, tmp_path):
    """At a learning rate of 0 the weights stay what they were; a resumed run keeps saying where it came from."""
    train("first", "--steps", "3")
    train("second", "--steps", "2", "--learning-rate", "0", "--from", "first", "--seed", "5")
    train("second", "--steps", "4", "--learning-rate", "0", "--seed", "5", "--resume")
    first, second = (latest_checkpoint(tmp_path / out) for out in ("first", "second"))
    mine, theirs = (read_tensors(path / "model.safetensors") for path in (first, second))
    for name, value in mine.items():
        torch.testing.assert_close(theirs[name], value, rtol=0, atol=1e-6)
    config = read_config(second)
    assert config.training["from"] == "tiny" and config.training["from steps"] == 3
    assert config.clip == read_config(first).clip and json.loads((second / "config.json").read_text())["step"] == 4


def test_samples_of_a_run_are_guided_as_the_first_part_of_a_picture():
    assert first_guidance({"guidance": [7.0, 4.0, 3.0]}) == 7 and first_guidance({"guidance": 2}) == 2
    defaults = read_recipe("cifar10", "cpu").defaults
    assert first_guidance(defaults) == defaults["guidance"][0] > defaults["guidance"][1]


def test_training_of_the_shipped_pictures_can_go_on():
    start = read_start(Path("cifar10"))
    assert start.name == "cifar10" and start.config is not None and start.classes["labels"][0] == "airplane"
    recipe = read_recipe("cifar10", "cpu")
    model = ADRModel(replace(recipe.model, labels=start.classes["labels"]))
    begin(model, start)
    # The axes of the pyramid are those that the weights have learned with.
    assert model.tokens.axes[0].scale.std() > 0.1
