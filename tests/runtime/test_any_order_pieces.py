"""What any-order models do beside their network: choices, orders, and pictures, text and sound as variables."""

import math

import numpy as np
import pytest
from adr_runtime.any_order.mulaw import to_mulaw
from adr_runtime.any_order.network import choose_by, random_orders
from adr_runtime.any_order.variables import from_pixels, from_text, to_pixels, to_text
from adr_runtime.errors import InputError
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays


def test_temperature_zero_takes_the_likeliest():
    log_p = np.log(np.array([[0.2, 0.5, 0.3], [0.6, 0.3, 0.1]], np.float32))
    assert choose_by(log_p, np.array([0.99, 0.99]), 0).tolist() == [1, 0]
    assert choose_by(log_p, np.array([0.69, 0.61]), 1).tolist() == [1, 1]
    assert choose_by(log_p, np.array([0.71, 0.59]), 1).tolist() == [2, 0]


@given(st.integers(0, 2**64 - 1), st.integers(0, 2**32 - 1), st.integers(1, 200))
@settings(max_examples=50, deadline=None)
def test_orders_are_permutations(seed, row, size):
    variables = np.arange(size) * 3
    (order,) = random_orders(seed, np.array([row]), variables)
    assert sorted(order) == variables.tolist()
    # A row's order is its own, whatever rows are beside it.
    assert (random_orders(seed, np.array([0, row]), variables)[1] == order).all()


def test_orders_are_evenly_spread():
    firsts = np.bincount(random_orders(0, np.arange(4000), np.arange(8))[:, 0], minlength=8)
    assert np.abs(firsts - 500).max() < 5 * math.sqrt(500)


@given(arrays.arrays(np.uint8, st.tuples(st.integers(1, 5), st.integers(1, 5), st.just(3))))
def test_colour_transforms_undo(pixels):
    assert (to_pixels(from_pixels(pixels, 256, "subtract_green"), 256, "subtract_green") == pixels).all()
    assert from_pixels(pixels, 256, "subtract_green").min() >= 0
    assert (to_pixels(from_pixels(pixels, 256, "none"), 256, "none") == pixels).all()


def test_colours_saturate_where_a_model_went_too_far():
    """Grey is 136 in both differences; a difference that leads beyond white or black stops there or wraps around."""
    assert from_pixels(np.full((1, 3), 77, np.uint8), 256, "subtract_green").tolist() == [[136, 77, 136]]
    values = np.array([[146, 250, 120], [100, 20, 140]])
    assert to_pixels(values, 256, "subtract_green", saturate=True).tolist() == [[255, 250, 234], [0, 20, 24]]
    assert to_pixels(values, 256, "subtract_green").tolist() == [[4, 250, 234], [240, 20, 24]]


def test_grey_levels_and_alphabets():
    levels = np.round(np.arange(17) * 255 / 16).astype(np.uint8)
    assert from_pixels(levels, 17, "none").tolist() == list(range(17))
    assert (to_pixels(np.arange(17), 17, "none") == levels).all()
    assert to_text(from_text(b"to be", "abcdeot "), "abcdeot ") == b"to be"
    with pytest.raises(InputError, match="byte 33 at place 2"):
        from_text(b"to!", "to ")


def test_mulaw_is_that_of_the_standard():
    """G.711's decision table: the positive segments start at these magnitudes on 16 bits, and grow 16 equal steps
    each."""
    starts = [((32 << s) - 33) * 4 for s in range(8)]
    samples = np.arange(-32768, 32768)
    places = to_mulaw(samples)
    assert (np.diff(places) >= 0).all() and places[0] == 0 and places[-1] == 255
    assert [int(samples[np.argmax(places >= 128 + 16 * s)]) for s in range(1, 8)] == starts[1:]
    assert np.bincount(places)[128 + 16 : 128 + 32].tolist() == [16] * 16
