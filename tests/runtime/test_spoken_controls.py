"""Controls of a sentence's tokens, against a search token by token."""

import numpy as np
import pytest
from adr_runtime.spoken_text.controls import CONTROLS, DISTANCES, REMAINING, token_controls, token_count
from adr_runtime.spoken_text.phones import INDEX, PAUSES, SYMBOLS, places

NAMES = list(CONTROLS)


def searched(symbols, of_symbols, seconds, token):
    """The same token by token, in words."""
    rows, total = [], sum(seconds)
    for number in range(max(int(np.ceil(round(total / token, 5))), 1)):
        middle, start, here = (number + 0.5) * token, 0.0, 0
        while here + 1 < len(symbols) and start + seconds[here] <= middle:
            start, here = start + seconds[here], here + 1
        pause, begins = here, start
        while pause < len(symbols) and symbols[pause] not in PAUSES:
            begins, pause = begins + seconds[pause], pause + 1

        def symbol(place):
            return INDEX[symbols[place] if 0 <= place < len(symbols) else "pau"]

        def interval(edges, value):
            return sum(value >= edge for edge in edges)

        end = start + seconds[here]
        rows.append([
            symbol(here), symbol(here - 1), symbol(here + 1), symbol(here + 2), of_symbols[here],
            interval(DISTANCES, (middle - start) / token), interval(DISTANCES, (end - middle) / token),
            symbol(pause), interval(REMAINING, begins - middle),
        ])  # fmt: skip
    return rows


def test_a_short_sentence_by_hand():
    """A pause of 40 ms, two phones of 30 and 10 ms, a pause of 20 ms; tokens of 20 ms."""
    symbols = ["pau", "HH", "AH0", "."]
    found = token_controls(symbols, [0, 1, 2, 0], np.array([0.04, 0.03, 0.01, 0.02]), 0.02)
    assert found.dtype == np.int64 and found.shape == (5, len(CONTROLS))
    by_name = dict(zip(NAMES, found.T.tolist(), strict=True))
    said = {name: [SYMBOLS[i] for i in by_name[name]] for name in ("phone", "before", "after", "later", "mark")}
    assert said["phone"] == ["pau", "pau", "HH", "AH0", "."]
    assert said["before"] == ["pau", "pau", "pau", "HH", "AH0"]
    assert said["after"] == ["HH", "HH", "AH0", ".", "pau"]
    assert said["later"] == ["AH0", "AH0", ".", "pau", "pau"]
    assert said["mark"] == ["pau", "pau", ".", ".", "."]
    assert by_name["place"] == [0, 0, 1, 2, 0]
    # The first token's middle is half a token behind the beginning and one and a half before the end.
    assert (by_name["since"][0], by_name["until"][0]) == (2, 6)
    # 30 ms are left of the phrase in the middle of the third token.
    assert by_name["left"] == [0] * 5


@pytest.mark.parametrize("token", [0.016, 0.032, 0.0501])
def test_controls_are_those_of_a_search(token):
    random = np.random.default_rng(0)
    for _ in range(30):
        words = [list(random.choice(SYMBOLS[5:], random.integers(1, 6))) for _ in range(random.integers(1, 7))]
        symbols, of_symbols = ["pau"], [0]
        for word in words:
            symbols += word
            of_symbols += places(len(word))
            if random.random() < 0.3:
                symbols.append(",")
                of_symbols.append(0)
        if random.random() < 0.8:
            symbols.append(str(random.choice([".", "?", "!"])))
            of_symbols.append(0)
        seconds = random.uniform(0.004, 0.4, len(symbols)) * (random.random(len(symbols)) < 0.95)
        seconds[1] = 0.10123
        found = token_controls(symbols, of_symbols, seconds, token)
        assert found.tolist() == searched(symbols, of_symbols, seconds, token)
        assert len(found) == token_count(seconds.sum(), token)
        assert (found < np.array(list(CONTROLS.values()))).all() and (found >= 0).all()


def test_every_phone_is_told_however_short_it_is():
    symbols = ["pau", *["T", "S", "K", "AE1", "N", "D", "Z"] * 9, "."]
    seconds = np.full(len(symbols), 0.012)
    found = token_controls(symbols, [0] * len(symbols), seconds, 0.032)
    near = {name: set(found[:, NAMES.index(name)]) for name in ("phone", "before", "after", "later")}
    assert set.union(*near.values()) == {INDEX[symbol] for symbol in symbols}


def test_whole_tokens_are_counted_whatever_rounding_does():
    for rate, hop in ((16000, 512), (22050, 512), (24000, 640)):
        for count in range(1, 2000, 7):
            pieces = np.diff([0, *sorted(np.random.default_rng(count).integers(1, count * hop, 9)), count * hop]) / rate
            assert token_count(float(pieces.sum()), hop / rate) == count
            assert token_count(float(pieces.sum()) + 1 / rate, hop / rate) == count + 1
    assert token_count(0.0, 0.032) == 1
