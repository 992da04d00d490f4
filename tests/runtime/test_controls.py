"""Controls in the runtime, beside PyTorch and token by token; what is not one of a bundle's controls is refused."""

import json

import adr_runtime
import numpy as np
import pytest
import torch
from adr_export.onnx_writer import round_weights
from adr_models.causal.generate import denoise
from adr_runtime import ADRError, InputError
from adr_runtime.causal.samplers import coefficients
from adr_runtime.philox import normal
from random_models import TOLD, random_model

SETTINGS = {"steps": 3, "sampler": "ddim", "guidance": 2.5, "seed": 4}
PHONES, PLACES = [0, 0, 3, 4, 5, 1], [0, 1, 0, 2, 3, 1]
GIVEN = {"phone": PHONES, "place": PLACES}


@pytest.fixture(scope="module")
def model(exported):
    return adr_runtime.AudioModel.load(exported["told"], "cpu")


@torch.no_grad()
def expected(controls):
    """The samples by PyTorch with the noise of the runtime, one row told the controls and one the null ones."""
    network = random_model(TOLD)
    round_weights(network)
    timestep, table = coefficients(network.schedule.betas.numpy(), "velocity", False, "ddim", 3, 1.0)
    modulation = network.head.time_modulation(torch.from_numpy(timestep))
    noise = torch.from_numpy(normal(4, np.arange(1), np.arange(len(controls)), np.arange(1), 8))[:, 0]
    state, token, tokens = network.backbone.initial_state(2), torch.zeros(1, 8), []
    for n, row in enumerate(controls):
        both = torch.tensor([row, [5, 3]])
        condition, state = network.backbone.step(token.repeat(2, 1), None, state, controls=both)
        token = denoise(
            network.head, condition[:, None], torch.tensor([[2.5], [-1.5]]), modulation, torch.from_numpy(table),
            noise[n], torch.zeros(3, 1, 8), torch.tensor(4.0),
        )  # fmt: skip
        tokens.append(token)
    return network.tokens.decode(torch.stack(tokens, 1), {})[0].numpy()


def test_the_runtime_makes_what_pytorch_makes(model):
    audio = model.generate(controls=GIVEN, **SETTINGS)
    np.testing.assert_allclose(audio.samples, expected(list(zip(PHONES, PLACES, strict=True))), rtol=0, atol=2e-5)


@pytest.mark.parametrize("name", ["told", "portable-told"])
def test_graphs_agree_with_pytorch(exported, name):
    manifest = json.loads((exported[name] / "manifest.json").read_text())
    assert manifest["controls"] == [{"name": "phone", "classes": 5}, {"name": "place", "classes": 3}]
    assert manifest["parity"] and all(error < 1e-4 for error in manifest["parity"].values())


def test_dialects_agree(model, exported):
    portable = adr_runtime.AudioModel.load(exported["portable-told"], "cpu")
    a, b = (m.generate(controls=GIVEN, **SETTINGS).samples for m in (model, portable))
    np.testing.assert_allclose(a, b, rtol=0, atol=1e-4)


def test_controls_that_are_not_given_are_the_null_ones(model):
    half = model.generate(controls={"phone": PHONES}, **SETTINGS)
    whole = model.generate(controls={"phone": PHONES, "place": [3] * 6}, **SETTINGS)
    np.testing.assert_array_equal(half.samples, whole.samples)
    untold = model.generate(seconds=6 * 8 / 800, **SETTINGS)
    nulls = model.generate(controls={"phone": [5] * 6}, **SETTINGS)
    np.testing.assert_array_equal(untold.samples, nulls.samples)


def test_rows_may_be_told_different_things(model):
    rows = np.array([PHONES, PHONES[::-1]])
    both = model.generate(count=2, controls={"phone": rows, "place": PLACES}, **SETTINGS)
    alone = model.generate(controls={"phone": PHONES, "place": PLACES}, **SETTINGS)
    np.testing.assert_array_equal(both.samples[0], alone.samples[0])
    assert not np.allclose(both.samples[0], both.samples[1])


def test_a_stream_goes_on_with_what_it_is_told_next(model):
    """Piece by piece, saved and resumed between and within pieces, it is what one call makes."""
    whole = model.generate(controls=GIVEN, **SETTINGS).samples
    stream, chunks = model.stream(controls={k: v[:4] for k, v in GIVEN.items()}, **SETTINGS), []
    for n, chunk in enumerate(stream):
        chunks.append(chunk)
        if n in (0, 3):
            stream = model.resume(stream.state())
            assert len(list(stream.fork())) == 3 - n
            break
    chunks += list(stream)
    stream = model.resume(stream.state())
    assert list(stream) == []
    chunks += list(stream.extend({k: v[4:] for k, v in GIVEN.items()}))
    np.testing.assert_array_equal(np.concatenate(chunks, 1), whole)
    assert len(list(model.stream(controls=GIVEN, seconds=2 * 8 / 800, **SETTINGS))) == 2


def test_a_state_with_controls_that_the_model_has_not_is_refused(model):
    stream = model.stream(controls=GIVEN, **SETTINGS)
    stream.progress.controls = stream.progress.controls + 1
    with pytest.raises(ADRError, match="controls: expected classes that the model has"):
        model.resume(stream.state())


@pytest.mark.parametrize(
    ("controls", "says"),
    [
        ({}, "a mapping with classes for some of phone, place"),
        ([1, 2], "a mapping with classes for some of phone, place"),
        ({"note": [1]}, "unknown control 'note'; told knows phone, place"),
        ({"phone": [6]}, r"controls\['phone'\] should be whole numbers from 0 to 5, of which 5 is none"),
        ({"phone": [-1]}, "whole numbers from 0 to 5"),
        ({"phone": [0.5]}, "whole numbers from 0 to 5"),
        ({"phone": []}, "one class for each token"),
        ({"phone": [[[1]]]}, "one class for each token"),
        ({"phone": [[1, 2], [3]]}, "one class for each token"),
        ({"phone": [[1], [2]]}, "one class for each token, for all rows or each of 1"),
        ({"phone": [1, 2], "place": [1]}, "different lengths: phone 2, place 1 tokens"),
    ],
)
def test_other_controls_are_refused(model, controls, says):
    with pytest.raises(InputError, match=says):
        model.generate(controls=controls, **SETTINGS)


def test_models_without_controls_say_so(exported):
    with pytest.raises(InputError, match="sound takes no controls; leave them out"):
        adr_runtime.AudioModel.load(exported["sound"], "cpu").generate(controls=GIVEN)


@pytest.mark.parametrize(
    ("controls", "says"),
    [
        ([{"name": "phone", "classes": 5}], "graphs.step.inputs.controls"),
        ([{"name": "phone", "classes": 5}] * 2, "no control twice"),
        ([{"name": "phone", "classes": 5}, {"name": "place", "classes": 0}], "1 to 65536 classes each"),
        ([], "graphs.step.inputs"),
        ([{"name": "phone"}], "classes"),
    ],
)
def test_a_manifest_that_says_otherwise_is_refused(bundle_copy, controls, says):
    folder = bundle_copy("told")
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["controls"] = controls
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(ADRError, match=says):
        adr_runtime.AudioModel.load(folder, "cpu")
