"""Noise against the published vectors, and its independence of batch and block."""

import numpy as np
import pytest
from adr_runtime.philox import normal, philox4x32
from hypothesis import given
from hypothesis import strategies as st

# Random123's kat_vectors: counter, key, result of philox4x32 with 10 rounds.
KNOWN = [
    ([0] * 4, [0] * 2, "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ([0xFFFFFFFF] * 4, [0xFFFFFFFF] * 2, "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    (
        [0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344],
        [0xA4093822, 0x299F31D0],
        "d16cfe09 94fdcceb 5001e420 24126ea1",
    ),
]


@pytest.mark.parametrize("counter, key, expected", KNOWN)
def test_known_answers(counter, key, expected):
    found = philox4x32(tuple(counter), tuple(key))
    assert " ".join(f"{word:08x}" for word in found) == expected


def plain_philox(counter, key):
    """The paper's definition in Python's integers."""
    a, b, c, d = counter
    k0, k1 = key
    for _ in range(10):
        p, q = 0xD2511F53 * a, 0xCD9E8D57 * c
        a, b, c, d = (q >> 32) ^ b ^ k0, q & 0xFFFFFFFF, (p >> 32) ^ d ^ k1, p & 0xFFFFFFFF
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return [a, b, c, d]


word = st.integers(0, 2**32 - 1)


@given(st.tuples(word, word, word, word), st.tuples(word, word))
def test_any_counter(counter, key):
    assert philox4x32(counter, key).tolist() == plain_philox(counter, key)


@given(st.integers(0, 2**64 - 1), st.integers(0, 2**32 - 9), st.integers(0, 2**32 - 9), st.integers(1, 9))
def test_a_value_depends_on_its_own_place_alone(seed, row, token, channels):
    at = [np.arange(n, n + 4) for n in (row, token, 0)]
    whole = normal(seed, *at, channels=9)
    alone = normal(seed, at[0][2:3], at[1][1:2], at[2][3:4], channels)
    np.testing.assert_array_equal(alone[0, 0, 0], whole[1, 3, 2, :channels])


def test_box_muller_by_hand():
    words = plain_philox([1, 5, 6, 7], [11, 0])
    u = [(w + 0.5) / 2**32 for w in words]
    expected = [f(2 * np.pi * u[i + 1]) * np.sqrt(-2 * np.log(u[i])) for i in (0, 2) for f in (np.cos, np.sin)]
    found = normal(11, np.array([5]), np.array([6]), np.array([7]), 8)[0, 0, 0, 4:]
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_values_are_standard_normal():
    values = normal(3, np.arange(20), np.arange(50), np.arange(10), 50).ravel()
    assert abs(values.mean()) < 4 / np.sqrt(values.size)
    assert abs(values.var() - 1) < 4 * np.sqrt(2 / values.size)
    share = [(np.abs(values) < z).mean() for z in (0.6744898, 1.959964)]
    np.testing.assert_allclose(share, [0.5, 0.95], atol=0.003)
