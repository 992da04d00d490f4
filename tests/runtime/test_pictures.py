"""Pictures: their top given, and how they grow."""

import itertools

import adr_runtime
import numpy as np
import pytest
from adr_runtime import InputError

SETTINGS = {"steps": 5, "guidance": 2.5, "seed": 9}


def test_prompt_of_a_picture(exported):
    picture = adr_runtime.load(exported["picture"], "cpu")
    top = np.random.default_rng(0).integers(0, 256, (2, 4, 3), dtype=np.uint8)
    made = picture.generate(label="bar", count=3, prompt=top, **SETTINGS).pixels
    assert made.shape == (3, 6, 4, 3) and made.dtype == np.uint8
    np.testing.assert_array_equal(made[:, :2], np.broadcast_to(top, (3, 2, 4, 3)))
    assert made[0, 2:].tolist() != made[1, 2:].tolist()


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
