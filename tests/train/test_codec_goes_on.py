"""A codec that begins from the run of another: with its decoder alone, so that latents stay."""

import json

import numpy as np
import pytest
import soundfile
import torch
from adr_models.checkpoint import latest_checkpoint
from safetensors.torch import load_file

RECIPE = """
kind: codec
dataset: speech
description: for tests
licence: CC0-1.0
source: none
model: {{sample_rate: 8000, hop: 64, stride: 4, channels: 4, width: 16, hidden: 24, kernel: 3, coarse: 1, fine: 1}}
train: {{batch: 4, steps: 3, learning_rate: 1.0e-3}}
losses: {{seconds: 0.3, adversary_from: {adversary_from}, adversary_width: 4, encoder: {encoder}}}
sizes: {{cpu: {{}}}}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("codecs")
    for name, adversary_from, encoder in (("whole", 1.0, "true"), ("decoder", 0.0, "false")):
        (made / f"{name}.yaml").write_text(RECIPE.format(adversary_from=adversary_from, encoder=encoder))
    (made / "data" / "wavs").mkdir(parents=True)
    lines = []
    for number in range(60):
        tone = 0.1 * np.sin(np.arange(4800) * (number + 20) / 200)
        soundfile.write(made / "data" / "wavs" / f"s{number}.wav", tone, 8000)
        lines.append(f"s{number}|Sentence {number}.|Sentence {number}.\n")
    (made / "data" / "metadata.csv").write_text("".join(lines))
    return made


@pytest.fixture(scope="module")
def train(folder, warm):
    def train(recipe, out, *arguments):
        common = ("--data", "data", "--size", "cpu", "--device", "cpu", "--threads", 1, "--json")
        return warm.run("adr-train", f"{recipe}.yaml", "--out", out, *common, *arguments, folder=folder)

    return train


def test_the_decoder_goes_on_alone_and_latents_stay(folder, train):
    first = train("whole", "first")
    assert first.returncode == 0, first.stderr
    then = train("decoder", "then", "--from", "first")
    assert then.returncode == 0, then.stderr
    places = [latest_checkpoint(folder / run) for run in ("first", "then")]
    before, after = (load_file(place / "model.safetensors") for place in places)
    changed = {name for name, value in before.items() if not torch.equal(value, after[name])}
    assert changed and all(name.startswith("decoder.") for name in changed) and before["std"].std() > 0
    told = json.loads((places[1] / "config.json").read_text())["training"]
    assert told["from"] == "whole" and told["from steps"] == 3


def test_what_a_codec_does_not_begin_from(folder, train):
    assert "give --from DIR" in train("decoder", "alone").stderr
    (folder / "wide.yaml").write_text((folder / "whole.yaml").read_text().replace("width: 16", "width: 24"))
    assert "whose model is another" in train("wide", "wide", "--from", "first").stderr
    assert "no checkpoint here" in train("whole", "nothing", "--from", "nowhere").stderr
