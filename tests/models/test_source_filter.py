"""The decoder of pulses and noise beside NumPy: sines summed one by one, filters by their recursion, in float64."""

import itertools

import numpy as np
import torch
from adr_models.tokens.source_filter import NOISE_FRAMES, PITCH, SILENCE, SourceFilter
from hypothesis import given, settings
from hypothesis import strategies as st

RATE, HOP, CEPSTRUM = 8000, 64, 5


def source():
    return SourceFilter(RATE, HOP, CEPSTRUM).double()


def response(cepstrum, length):
    """The impulse response of a filter of minimum phase from its complex cepstrum (Oppenheim and Schafer, 13.6.2)."""
    found = np.zeros(length)
    found[0] = np.exp(cepstrum[0] + SILENCE)
    for n in range(1, length):
        for k in range(1, min(n, len(cepstrum) - 1) + 1):
            found[n] += k / n * cepstrum[k] * found[n - k]
    return found


def controls(random, rows, frames):
    """Voices between 80 and 330 Hz whose filters do not ring for long."""
    made = random.normal(size=(rows, frames, 1 + 2 * CEPSTRUM)) * 0.3
    made[..., [1, 1 + CEPSTRUM]] += 6
    return made


def summed(controls):
    """What a row's controls say, sine by sine and sample by sample."""
    every = np.concatenate([np.zeros_like(controls[:1]), controls])
    pitch = PITCH * 2 ** every[:, 0]
    noise, frames, phase = source().noise.numpy(), len(controls), 0.0
    sound = np.zeros(frames * HOP + 4 * HOP)
    for frame in range(frames):
        pulses, top = np.zeros(HOP), np.floor(0.48 * RATE / max(pitch[frame], pitch[frame + 1]))
        for i in range(HOP):
            # The pitch changes in a straight line; a sample's turn is what its frame has covered so far.
            done, change = i + 1, (pitch[frame + 1] - pitch[frame]) / HOP
            turn = phase + (pitch[frame] * done + change * done * (done + 1) / 2) / RATE
            pulses[i] = np.cos(2 * np.pi * np.arange(1, top + 1) * turn).sum() * np.sqrt(2 / top)
        phase = turn
        rise = (np.arange(HOP) + 0.5) / HOP
        for heard, first in ((pulses, 1), (noise[frame % NOISE_FRAMES], 1 + CEPSTRUM)):
            for fade, filters in ((1 - rise, every[frame]), (rise, every[frame + 1])):
                made = np.convolve(heard * fade, response(filters[first : first + CEPSTRUM], 3 * HOP + 1))
                sound[frame * HOP :][: len(made)] += made[: len(sound) - frame * HOP]
    return sound[: frames * HOP]


def test_sound_is_that_of_sines_and_recursions():
    told, model = controls(np.random.default_rng(0), 2, 12), source()
    made, _ = model(torch.from_numpy(told), model.initial_state(model.noise, 2))
    expected = np.stack([summed(row) for row in told])
    assert np.abs(expected).max() > 0.05
    np.testing.assert_allclose(made.numpy(), expected, atol=2e-6)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(45, 600), min_size=2, max_size=6), st.floats(0, 1, exclude_max=True))
def test_pulses_have_unit_power_and_end_where_the_next_begin(pitches, phase):
    model = source()
    pulses, last = model.pulses(torch.from_numpy(np.array([pitches])), torch.from_numpy(np.array([[phase]])))
    assert pulses.isfinite().all() and 0 <= float(last) < 1
    ends = phase + HOP / RATE * sum((a + b) / 2 + (b - a) / 2 / HOP for a, b in itertools.pairwise(pitches))
    assert abs((float(last) - ends + 0.5) % 1 - 0.5) < 1e-9
    steady, _ = model.pulses(torch.full((1, 401), pitches[0]).double(), torch.zeros(1, 1).double())
    assert abs(float(steady.square().mean()) - 1) < 0.1


def test_nothing_is_heard_before_the_first_controls_and_little_of_zeros():
    model = source()
    silent, _ = model(torch.zeros(1, 20, model.controls).double(), model.initial_state(model.noise, 1))
    assert float(silent.abs().max()) < 4e-3


def test_noise_begins_again_and_phases_stay_in_a_turn():
    model = source()
    state = model.initial_state(model.noise, 1)
    told = controls(np.random.default_rng(2), 1, NOISE_FRAMES + 3)
    # Noise alone, through the same filter all the time.
    told[..., 1 : 1 + CEPSTRUM] = 0
    told[..., 1 + CEPSTRUM :] = told[:, :1, 1 + CEPSTRUM :]
    made, state = model(torch.from_numpy(told), state)
    assert float(state["noise"]) == 3 and 0 <= float(state["phase"]) < 1
    frames = made.reshape(-1, HOP)
    torch.testing.assert_close(frames[NOISE_FRAMES + 2], model_frame(model, told, 2), rtol=0, atol=1e-12)


def model_frame(model, told, place):
    """A frame of the same filter, late enough that it is not still fading in, with the noise of that place."""
    state = model.initial_state(model.noise, 1)
    state = {**model(torch.from_numpy(told[:, :NOISE_FRAMES]), state)[1], "noise": torch.zeros(1, 1).double()}
    again, _ = model(torch.from_numpy(told[:, NOISE_FRAMES:]), state)
    return again.reshape(-1, HOP)[place]
