"""Pictures: their top given, and how they grow."""

import hashlib
import itertools
from dataclasses import asdict

import adr_runtime
import numpy as np
import pytest
from adr_runtime import InputError
from adr_runtime.causal.config import GenerationConfig
from adr_runtime.causal.generator import TokenGenerator
from hostile_bundles import edit
from random_models import PICTURE, PYRAMID, random_model

SETTINGS = {"steps": 5, "guidance": 2.5, "seed": 9}


def test_prompt_of_a_picture(exported):
    picture = adr_runtime.load(exported["picture"], "cpu")
    top = np.random.default_rng(0).integers(0, 256, (2, 4, 3), dtype=np.uint8)
    made = picture.generate(label="bar", count=3, prompt=top, **SETTINGS).pixels
    assert made.shape == (3, 6, 4, 3) and made.dtype == np.uint8
    np.testing.assert_array_equal(made[:, :2], np.broadcast_to(top, (3, 2, 4, 3)))
    assert made[0, 2:].tolist() != made[1, 2:].tolist()


@pytest.fixture
def both_kinds(bundle_copy):
    """both_kinds(name, config, dialect) -> a bundle without the parallel graph, and one with it, loaded."""
    from adr_export.bundle_writer import describe_graph
    from adr_export.graphs import backbone_graphs, normal_values
    from adr_export.onnx_writer import FORMS, round_weights, write_onnx

    def load(name, config, dialect):
        folder, model = bundle_copy(name), random_model(config)
        without = adr_runtime.load(folder, "cpu")
        round_weights(model)
        _, graph = backbone_graphs(model, FORMS[dialect], normal_values(model.backbone.start.dtype), rows=4, length=6)
        data = write_onnx(graph, dialect)
        (folder / "parallel.onnx").write_bytes(data)
        described = asdict(describe_graph(graph, data))
        assert described["sha256"] == hashlib.sha256(data).hexdigest()
        edit(folder, lambda m: m["graphs"].update(parallel=described))
        return without, adr_runtime.load(folder, "cpu")

    return load


def test_a_picture_goes_on_without_the_parallel_graph_as_with_it(both_kinds):
    without, given = both_kinds("picture", PICTURE, "linear-attention")
    assert {*given.sessions} - {*without.sessions} == {"parallel"}
    # A graph that is not asked is no witness.
    asked, run = [], given.sessions["parallel"].run
    given.sessions["parallel"].run = lambda *feed: asked.append(1) or run(*feed)
    top = np.random.default_rng(0).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    made = [model.generate(label="bar", count=3, prompt=top, **SETTINGS).pixels for model in (without, given)]
    np.testing.assert_array_equal(*made)
    assert asked == [1] and (made[0] != without.generate(label="bar", count=3, **SETTINGS).pixels).any()


@pytest.mark.parametrize(
    "name, config, dialect",
    [("picture", PICTURE, "linear-attention"), ("portable-pyramid", PYRAMID, "portable")],
)
def test_tokens_are_taken_in_one_by_one_as_all_at_once(both_kinds, name, config, dialect):
    """Every state that is left, and the token that follows."""
    left, followed = [], []
    for model in both_kinds(name, config, dialect):
        generator = TokenGenerator(model.opened, GenerationConfig(**SETTINGS).resolve(model.manifest, [0, 1]))
        state, channels = generator.start(), model.manifest.tokens.channels
        generator.prefill(state, np.random.default_rng(1).standard_normal((2, 5, channels), np.float32))
        assert state.position == 5
        left.append(state.backbone)
        followed.append(generator.next_token(state))
    assert left[0].keys() == left[1].keys()
    for key, value in left[0].items():
        np.testing.assert_allclose(value, left[1][key], rtol=1e-4, atol=1e-5, err_msg=key)
    np.testing.assert_allclose(*followed, rtol=1e-4, atol=1e-4)


def test_a_pyramid_has_no_top_to_begin_with(exported):
    pyramid = adr_runtime.load(exported["pyramid"], "cpu")
    with pytest.raises(InputError, match="thumbnail first"):
        pyramid.generate(prompt=np.zeros((4, 8, 3), np.uint8), **SETTINGS)


def test_pictures_grow_into_what_generate_gives(picture):
    whole = picture.generate(label="bar", count=2, **SETTINGS).pixels
    for every in (1, 3, picture.length):
        shown = list(picture.stream(label="bar", count=2, every=every, **SETTINGS))
        assert len(shown) == -(-picture.length // every) and {images.seed for images in shown} == {9}
        np.testing.assert_array_equal(shown[-1].pixels, whole)
        assert all((a.pixels != b.pixels).any() for a, b in itertools.pairwise(shown))
    for wrong in (0, picture.length + 1, 1.5):
        with pytest.raises(InputError, match="every must be"):
            picture.stream(every=wrong)


def test_the_patches_that_are_made_stay(exported):
    """Six patches of 2 x 2 pixels, two a row."""
    picture = adr_runtime.load(exported["picture"], "cpu")
    shown = [images.pixels for images in picture.stream(label="bar", count=1, **SETTINGS)]
    for n in range(1, 6):
        row, column = divmod(n - 1, 2)
        patch = np.s_[:, 2 * row : 2 * row + 2, 2 * column : 2 * column + 2]
        np.testing.assert_array_equal(shown[n - 1][patch], shown[-1][patch])
