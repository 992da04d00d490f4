"""Values by parts of a picture's tokens, against pictures made part by part by hand."""

import json
import shutil

import adr_runtime
import numpy as np
import pytest
from adr_runtime.causal.config import GenerationConfig
from adr_runtime.causal.generator import TokenGenerator
from adr_runtime.causal.parts import of_part, parts_text, read_parts
from adr_runtime.errors import ADRError, InputError
from hypothesis import given
from hypothesis import strategies as st


@pytest.fixture(scope="module")
def digits():
    """A shipped model of 16 tokens."""
    return adr_runtime.ImageModel.load("digits", "cpu")


@given(st.integers(1, 8), st.integers(1, 12))
def test_parts_are_equal_and_in_order(parts, size):
    values = tuple(range(parts))
    assert [of_part(values, i, parts * size) for i in range(parts * size)] == [v for v in values for _ in range(size)]


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=5))
def test_text_reads_back(values):
    assert read_parts(parts_text(tuple(values)), int) == (values[0] if len(values) == 1 else tuple(values))


@pytest.mark.parametrize("sampler", ["ddpm", "ddim", "dpm++"])
def test_each_part_is_denoised_as_if_all_were(digits, sampler):
    """Each token is that of a generator with the part's numbers for the whole picture, fed the same tokens so far."""
    steps, guidance, temperature = (6, 3, 4, 6), (2.0, 1.0), (1.1, 1.0, 0.8, 0.5)
    config = GenerationConfig(steps, sampler, guidance, temperature, seed=5)
    mixed = TokenGenerator(digits.opened, config.resolve(digits.manifest, ["3", None]))
    state = mixed.start()
    for i in range(digits.length):
        part = i * 4 // digits.length
        alone = GenerationConfig(steps[part], sampler, guidance[part // 2], temperature[part], seed=5)
        settings = alone.resolve(digits.manifest, ["3", None])
        plain = TokenGenerator(digits.opened, settings)
        before = state.copy()
        token = mixed.next_token(state)
        if plain.guidance_rows == 1:
            # Without guidance the second row of the backbone is made and not used.
            before.backbone = {k: v[:2] for k, v in before.backbone.items()}
            before.conditioning = {k: v[:2] for k, v in before.conditioning.items()}
        before.noise_start, before.noise = 0, before.noise[:0]
        np.testing.assert_allclose(token, plain.next_token(before), rtol=0, atol=1e-5)


def test_one_value_for_all_is_no_list(digits):
    one, many = (digits.generate(label=3, seed=1, steps=s, guidance=g) for s, g in ((5, 2.0), ((5, 5), [2.0, 2.0])))
    assert np.array_equal(one.pixels, many.pixels) and many.provenance["steps"] == 5


def test_wrong_parts_are_refused(digits):
    for options, says in (
        ({"steps": (5, 3, 2)}, "steps has 3 values, which 16 tokens cannot be divided by"),
        ({"steps": ()}, "steps has 0 values"),
        ({"steps": (5, 0)}, "steps must be from 1 to"),
        ({"steps": (5, 2.5)}, "steps must be a whole number"),
        ({"guidance": (1.0, -1.0)}, "guidance must be from 0"),
        ({"temperature": (1.0, float("nan"))}, "temperature must be from 0"),
        ({"steps": "5:3"}, "steps must be a whole number, not '5:3'"),
    ):
        with pytest.raises(InputError, match=says):
            digits.generate(label=3, **options)
    with pytest.raises(InputError, match="steps must be a whole number"):
        adr_runtime.AudioModel.load("speech-digits", "cpu").generate(label="one", steps=(4, 2))


def test_bundles_may_have_them(tmp_path):
    folder = shutil.copytree(adr_runtime.ImageModel.load("digits", "cpu").bundle.folder, tmp_path / "digits")
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["defaults"] |= {"steps": [6, 3], "temperature": [1.1, 1.0, 1.0, 1.0], "guidance": 1.5}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    model = adr_runtime.ImageModel.load(folder, "cpu")
    assert model.manifest.defaults.steps == (6, 3)
    made = model.generate(label=3, seed=1)
    asked = adr_runtime.ImageModel.load("digits", "cpu").generate(
        label=3, count=len(made), seed=1, steps=(6, 3), temperature=(1.1, 1, 1, 1), guidance=1.5
    )
    assert np.array_equal(made.pixels, asked.pixels) and made.provenance["steps"] == (6, 3)
    for values in ([], [6, 3, 2], [6, 0], [6, 2.5], "6"):
        manifest["defaults"]["steps"] = values
        (folder / "manifest.json").write_text(json.dumps(manifest))
        with pytest.raises(ADRError, match=r"manifest\.json: defaults\.steps"):
            adr_runtime.load(folder, "cpu")


def test_commands_take_them(command, refused, tmp_path):
    arguments = ("--model", "digits", "--label", "3", "-n", "2", "--seed", "1")
    parts = ("--steps", "6:3", "--temperature", "1.1:1:1:1", "--guidance", "2:1")
    done = command("adr-run", "image", *arguments, *parts, "--json", "--out", "parts.png")
    told = json.loads(done.stdout)
    assert (told["steps"], told["temperature"], told["guidance"]) == ([6, 3], [1.1, 1, 1, 1], [2, 1])
    assert json.loads(command("adr-run", "info", "parts.png", "--json").stdout)["steps"] == [6, 3]
    refused("adr-run", "image", *arguments, "--steps", "6:x", says=("'6:x' is neither a whole number nor several",))
    refused("adr-run", "image", *arguments, "--steps", "6:3:3", says=("cannot be divided",))
    refused("adr-run", "image", "--model", "digits-any", "--steps", "6:3", says=("takes one number for --steps",))
