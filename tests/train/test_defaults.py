"""A recipe's defaults, which go into a bundle once all is trained, are refused before."""

import re
from contextlib import nullcontext

import pytest
from adr_runtime.errors import ADRError
from adr_train.recipes.defaults import check_defaults
from adr_train.recipes.recipe import read_recipe

SOUND = """
dataset: fsdd
description: for tests
licence: CC0-1.0
source: none
model: {mdct: {sample_rate: 8000, hop: 64}, schedule: {timesteps: 50}}
train: {steps: 1}
defaults: {steps: 4, sampler: ddim, guidance: 1.0, temperature: 1.0, seconds: 1.0, count: 1}
sizes: {cpu: {}}
"""
ANY_ORDER = """
kind: ardm
dataset: digits
description: for tests
licence: CC0-1.0
source: none
model: {shape: [8, 8, 1], levels: 17, branching: 4}
train: {steps: 1}
defaults: {steps: 9, count: 1}
sizes: {cpu: {}}
"""


@pytest.mark.parametrize(
    ("text", "before", "after", "says"),
    [
        ("", "steps: 4,", "steps: [4, 2],", None),
        ("", "steps: 4,", "steps: [4, 2, 1],", "defaults.steps: expected a number, or one for each equal part of a"),
        ("", "steps: 4,", "steps: 51,", "defaults.steps: expected 1 to 50, found 51"),
        ("", "steps: 4,", "", "defaults.steps: expected to be there"),
        (SOUND, "steps: 4,", "steps: [4, 2],", "defaults.steps: expected a number, or one for each equal part"),
        (SOUND, "guidance: 1.0", "guidance: [2, 1]", "defaults.guidance: expected a number, or one for each"),
        (SOUND, "temperature: 1.0", "temperature: [1.1, 1]", "defaults.temperature: expected a number, or one"),
        (SOUND, "ddim", "euler", "defaults.sampler: expected ddpm or ddim or dpm"),
        (ANY_ORDER, "steps: 9", "steps: 193", "defaults.steps: expected a number of network calls from 3 to 192"),
        (ANY_ORDER, "steps: 9", "steps: [9, 8]", "defaults.steps: expected int, found [9, 8]"),
        (ANY_ORDER, "steps: 9", "steps: 192", None),
    ],
)  # fmt: skip
def test_defaults_that_no_bundle_can_have_are_refused_before_anything_is_trained(recipe, text, before, after, says):
    recipe.write_text((text or recipe.read_text()).replace(before, after))
    read = read_recipe(str(recipe), "cpu")
    with pytest.raises(ADRError, match=f"^recipe tiny: {re.escape(says)}") if says else nullcontext():
        check_defaults(read, read.model)


def test_bad_defaults_are_refused_before_the_data_is_read(refused, recipe):
    recipe.write_text(SOUND.replace("steps: 4,", "steps: [4, 2],"))
    refused(
        "adr-train", recipe, "--size", "cpu", "--out", "out", "--data", "none", says=("recipe tiny: defaults.steps",)
    )
