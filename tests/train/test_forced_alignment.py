"""Texts laid over frames, against all ways that there are and against torchaudio."""

import itertools

import numpy as np
import pytest
import torch
import torchaudio
from adr_runtime.spoken_text.aligner import HOP, SOUND_OF, SOUNDS
from adr_runtime.spoken_text.front_end import Sentence
from adr_train.data.forced_alignment import LEAST_PAUSE, Slot, States, align, likeliest_path, slots_of, states_of
from adr_train.errors import TrainError


def frames(count, seed, sounds=len(SOUNDS)):
    noise = torch.from_numpy(np.random.default_rng(seed).normal(size=(count, sounds)) * 2)
    return noise.log_softmax(-1).numpy()


def every_path(states: States, count: int):
    """All ways from the first state to the last."""
    last = len(states.sounds) - 1
    for path in itertools.product(range(last + 1), repeat=count):
        if (path[0], path[-1]) != (0, last):
            continue
        steps = itertools.pairwise(path)
        if all((b == a and states.stays[a]) or b == a + 1 or states.jumps[b] == a for a, b in steps):
            yield path


@pytest.mark.parametrize("seed", range(6))
def test_the_path_is_the_likeliest_of_all(seed):
    # Three sounds, two of them equal, and a pause of two frames that may be left out.
    states = States(
        np.array([1, 1, 0, 0, 2]), np.array([0, 1, 2, 2, 3]), np.array([1, 1, 0, 1, 1], bool),
        np.array([-1, -1, -1, -1, 1]),
    )  # fmt: skip
    log_p = frames(7, seed, 3)
    log_p[2:5, 0] += 3 * (seed % 2)
    scores = {path: log_p[range(7), states.sounds[list(path)]].sum() for path in every_path(states, 7)}
    best = max(scores, key=scores.get)
    found = likeliest_path(log_p, states)
    assert scores[tuple(found.tolist())] == pytest.approx(scores[best]) and len(scores) > 20
    assert any(2 in path for path in scores) and any(2 not in path for path in scores)


@pytest.mark.parametrize("seed", range(5))
def test_without_pauses_it_is_torchaudios(seed):
    symbols = ("K", "AE1", "T", "S", "IH0")
    slots = [Slot(symbol, 0) for symbol in symbols]
    log_p = frames(40, seed).astype(np.float32)
    # A blank that is never likely.
    blank = torch.cat([torch.from_numpy(log_p), torch.full((40, 1), -1e4)], 1)[None]
    targets = torch.tensor([[SOUND_OF[symbol] for symbol in symbols]], dtype=torch.int32)
    labels, _ = torchaudio.functional.forced_align(blank, targets, blank=len(SOUNDS))
    states = states_of(slots)
    assert states.sounds[likeliest_path(log_p, states)].tolist() == labels[0].tolist()


def heard(*parts):
    """Frames in which one sound after the other is certain."""
    log_p = np.full((sum(count for _, count in parts), len(SOUNDS)), np.log(0.001))
    at = 0
    for sound, count in parts:
        log_p[at : at + count, SOUND_OF[sound]] = np.log(1 - 0.001 * (len(SOUNDS) - 1))
        at += count
    return log_p


BAD_DAY = Sentence("bad day .", ("pau", "B", "AE1", "D", "D", "EY1", "."), (0, 1, 0, 2, 1, 2, 0), ())


def test_a_pause_between_words_is_found_where_there_is_one():
    slots = slots_of([BAD_DAY])
    assert [slot.symbol for slot in slots] == ["pau", "B", "AE1", "D", ",", "D", "EY1", "."]
    paused = [("pau", 9), ("B", 4), ("AE1", 8), ("D", 5), ("pau", 7), ("D", 5), ("EY1", 9), ("pau", 6)]
    fit = align(heard(*paused), slots, 53 * HOP + 60)
    assert [slot.symbol for slot in fit.slots] == ["pau", "B", "AE1", "D", ",", "D", "EY1", "."]
    exact = np.cumsum([count for _, count in paused]) * HOP
    assert np.abs(fit.ends[:-1] - exact[:-1]).max() <= 1 and fit.ends[-1] == 53 * HOP + 60
    assert fit.log_probability == pytest.approx(np.log(1 - 0.039), abs=1e-6)
    short = [(sound, LEAST_PAUSE // 2 if n == 4 else count) for n, (sound, count) in enumerate(paused)]
    fit = align(heard(*short), slots, 48 * HOP)
    # What is less than half of a pause belongs to the sounds beside it, also where both are the same.
    assert [slot.symbol for slot in fit.slots] == ["pau", "B", "AE1", "D", "D", "EY1", "."]
    assert (np.diff(fit.ends, prepend=0) > 0).all()


def test_written_pauses_may_be_missing_and_sentences_follow_one_another():
    two = Sentence("b , d .", ("pau", "B", ",", "D", "."), (0, 3, 0, 3, 0), ())
    slots = slots_of([two, two])
    assert [(slot.symbol, slot.optional) for slot in slots] == [
        ("pau", False), ("B", False), (",", True), ("D", False), (".", True), ("B", False), (",", True), ("D", False),
        (".", False),
    ]  # fmt: skip
    fit = align(heard(("pau", 3), ("B", 6), ("D", 6), ("pau", 8), ("B", 6), ("D", 6), ("pau", 3)), slots, 38 * HOP)
    assert [slot.symbol for slot in fit.slots] == ["pau", "B", "D", ".", "B", "D", "."]


def test_an_end_lies_between_frames_where_both_sounds_are_as_likely():
    log_p = heard(("pau", 2), ("B", 3), ("pau", 2))
    b, pause = SOUND_OF["B"], 0
    log_p[1, [pause, b]] = np.log([0.6, 0.3])
    log_p[2, [pause, b]] = np.log([0.1, 0.8])
    fit = align(log_p, [Slot("pau", 0), Slot("B", 3), Slot(".", 0)], 7 * HOP)
    before, behind = np.log(2), np.log(8)
    assert fit.ends[0] == pytest.approx(HOP * (1.5 + before / (before + behind)), abs=0.6)


def test_more_symbols_than_frames_are_refused():
    with pytest.raises(TrainError, match="too short for its text"):
        align(frames(6, 0), slots_of([BAD_DAY]), 6 * HOP)
    assert len(align(frames(7, 0), slots_of([BAD_DAY]), 7 * HOP).slots) == 7
