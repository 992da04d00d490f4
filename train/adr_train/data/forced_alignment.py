"""Where each symbol of a text ends in a recording of it: the likeliest way through the frames (Viterbi 1967), given
what an aligner hears in each.

torchaudio's `forced_align` has no pauses that may be missing, and wants something between two equal phones, where "bad
day" has nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from adr_runtime.spoken_text.aligner import HOP, SOUND_OF
from adr_runtime.spoken_text.front_end import Sentence
from adr_runtime.spoken_text.phones import BREAK, FIRST, INSIDE, ONLY, PAUSES, START

from adr_train.errors import TrainError

# Frames of a pause between two words; what is shorter is part of the sounds beside it, as before a plosive.
LEAST_PAUSE = 5
# How near to a frame's middle a symbol may end, in frames, so that each lasts half a frame at least.
NEAREST = 0.25


@dataclass(frozen=True)
class Slot:
    """A symbol that is said, or a pause that may be left out."""

    symbol: str
    place: int
    optional: bool = False


@dataclass(frozen=True)
class States:
    """What each frame may be in: the sound of each state and its slot; whether the next frame may stay there; and from
    which other state it may come beside the one before, -1 for none."""

    sounds: np.ndarray
    slots: np.ndarray
    stays: np.ndarray
    jumps: np.ndarray


@dataclass(frozen=True)
class Fit:
    """The slots that were found, where each ends, int64 in samples, and the mean log-probability of a frame."""

    slots: tuple[Slot, ...]
    ends: np.ndarray
    log_probability: float


def slots_of(sentences: Sequence[Sentence]) -> list[Slot]:
    """All that a recording of these sentences may hold: a pause at either end, and perhaps one between any two words,
    whether a mark is written there or not."""
    found = [Slot(START, INSIDE)]
    for sentence in sentences:
        for symbol, place in zip(sentence.symbols[1:], sentence.places[1:], strict=True):
            paused = found[-1].symbol in PAUSES
            if symbol in PAUSES and paused and len(found) > 1:
                found[-1] = Slot(symbol, INSIDE, True)
            elif symbol in PAUSES:
                found += [] if paused else [Slot(symbol, INSIDE, True)]
            else:
                between = place in (FIRST, ONLY) and not paused
                found += [Slot(BREAK, INSIDE, True)] * between + [Slot(symbol, place)]
    return [*found[:-1], replace(found[-1], optional=False)]


def states_of(slots: Sequence[Slot]) -> States:
    """A state for a symbol, and as many as the shortest one has frames for a pause that may be left out."""
    rows, last = list[tuple[int, int, bool, int]](), list[int]()
    for number, slot in enumerate(slots):
        over = last[number - 2] if number > 1 and slots[number - 1].optional else -1
        count = LEAST_PAUSE if slot.optional else 1
        for place in range(count):
            rows.append((SOUND_OF[slot.symbol], number, place == count - 1, over if place == 0 else -1))
        last.append(len(rows) - 1)
    sounds, numbers, stays, jumps = zip(*rows, strict=True)
    return States(np.array(sounds), np.array(numbers), np.array(stays), np.array(jumps))


def likeliest_path(log_probabilities: np.ndarray, states: States) -> np.ndarray:
    """log_probabilities float (frames, sounds) -> the state of each frame, int64 (frames,): from the first one to the
    last. Raises TrainError where there are too few frames."""
    count, heard = len(states.sounds), log_probabilities[:, states.sounds].astype(np.float64)
    came = np.zeros((len(heard), count), np.int8)
    score = np.full(count, -np.inf)
    score[0] = heard[0, 0]
    never = np.full(count, -np.inf)
    for frame in range(1, len(heard)):
        stepped = np.append(-np.inf, score[:-1])
        jumped = np.where(states.jumps >= 0, score[states.jumps], never)
        ways = np.stack([np.where(states.stays, score, never), stepped, jumped])
        came[frame] = ways.argmax(0)
        score = ways.max(0) + heard[frame]
    if not np.isfinite(score[-1]):
        raise TrainError("the recording is too short for its text")
    path = np.empty(len(heard), np.int64)
    state = count - 1
    for frame in range(len(heard) - 1, -1, -1):
        path[frame] = state
        state = (state, state - 1, int(states.jumps[state]))[came[frame, state]]
    return path


def align(log_probabilities: np.ndarray, slots: Sequence[Slot], samples: int) -> Fit:
    """Lay a text over a recording of so many samples, of which float (frames, sounds) tell what is heard. Raises
    TrainError where there are too few frames."""
    states = states_of(slots)
    path = likeliest_path(log_probabilities, states)
    sounds = states.sounds[path]
    turns = np.flatnonzero(np.diff(states.slots[path])) + 1
    ends = [*(turn_sample(log_probabilities, sounds, int(turn)) for turn in turns), samples]
    mean = float(log_probabilities[np.arange(len(path)), sounds].mean())
    passed = states.slots[path[np.append(0, turns)]]
    return Fit(tuple(slots[number] for number in passed), np.array(ends, np.int64), mean)


def turn_sample(log_probabilities: np.ndarray, sounds: np.ndarray, turn: int) -> int:
    """The sample where one slot ends: between the middles of the frames before and behind the turn, where both sounds
    are equally likely on a straight line."""
    old, new = sounds[turn - 1], sounds[turn]
    before, behind = log_probabilities[turn - 1 : turn + 1, old] - log_probabilities[turn - 1 : turn + 1, new]
    share = float(before / (before - behind)) if before > behind else 0.5
    return round((turn - 0.5 + min(max(share, NEAREST), 1 - NEAREST)) * HOP)
