"""Numbers beyond reason on the command line and in the library: one line that names the limit, nothing allocated."""

import adr_runtime
import numpy as np
import pytest
from adr_runtime import InputError
from adr_runtime.causal.config import GenerationConfig, check_rows
from adr_runtime.causal.real_time import affordable_steps
from adr_runtime.limits import check_samples, check_sheet

HUGE = "9" * 20


@pytest.fixture(scope="module")
def digits():
    return adr_runtime.load("digits", "cpu")


@pytest.fixture(scope="module")
def speech():
    return adr_runtime.load("speech-digits", "cpu")


def test_absurd_numbers_on_the_command_line(refused):
    for arguments, says in (
        (("image", "--threads", "2147483648"), "threads must be from 1 to 1024, not 2147483648"),
        (("image", "-n", HUGE), f"count must be from 1 to 4096, not {HUGE}"),
        (("image", "--model", "digits-any", "-n", HUGE), "count must be from 1 to 4096"),
        (("image", "-n", "1", "--scale", HUGE), "are more than the 67108864 of one picture"),
        (("image", "-n", "4096", "--scale", "17"), "lower scale or count"),
        (("image", "--model", "digits-any", "--scale", "9999"), "lower scale or count"),
        (("image", "--separate", "-n", "2", "--scale", "1025"), "lower scale or count"),
        (("audio", "-n", HUGE), "count must be from 1 to 4096"),
        (("audio", "-n", "4096", "--seconds", "3600"), "and up to 4 GiB are taken"),
        (("audio", "--labels", "one " * 20_000), "and up to 4 GiB are taken"),
        (("audio", "--seconds", "1e308"), "--seconds must be more than 0 and up to 3600"),
        (("audio", "--realtime", "1e-320"), "--realtime must be from 0.001 to 1000"),
        (("text", "-n", HUGE), "count must be from 1 to 4096"),
        (("text", "-n", "4096", "--length", "1000000"), "and up to 4 GiB are taken"),
        (("text", "--template", b"\xff?"), "the template is not UTF-8 text"),
    ):
        refused("adr-run", *(a.decode(errors="surrogateescape") if isinstance(a, bytes) else a for a in arguments),
                says=(says,))  # fmt: skip


def test_absurd_numbers_in_the_library(digits, speech):
    for act, says in (
        (lambda: adr_runtime.load("digits", "cpu", 1025), "threads must be from 1 to 1024"),
        (lambda: digits.generate(count=int(HUGE)), "count must be from 1 to 4096"),
        (lambda: digits.generate(seed=1 << 64), "seed must be from 0"),
        (lambda: speech.generate(seconds=1e8), "of memory, and up to 4 GiB are taken"),
        (lambda: speech.generate(seconds=60, count=4096, label="one"), "and up to 4 GiB are taken"),
        (lambda: speech.stream(chunk_tokens=1 << 40), "chunk_tokens must be from 1 to 16384"),
        (
            lambda: GenerationConfig(steps=1000).resolve(speech.manifest, ["one"] * 4096),
            "a count of 4096 at 1000 steps would take",
        ),
    ):
        with pytest.raises(InputError, match=says):
            act()


def test_what_is_reasonable_is_not_refused(digits, speech):
    check_sheet(4096, 8, 8, 8)
    check_rows(digits.manifest, 4096, 1000)
    check_rows(speech.manifest, 4096, 25)
    check_samples(1, 3600 * 48_000)
    check_samples(16, 600 * 8000)
    # A stream needs no more memory for being long.
    speech.stream(seconds=1e8, chunk_tokens=64)


def test_sound_of_any_order_is_bounded(models):
    samples = models["samples"]
    for options in ({"seconds": 1e308}, {"seconds": 1e5}, {"seconds": 60, "count": 4096}):
        with pytest.raises(InputError, match="and up to 4 GiB are taken"):
            samples.generate_audio(**options)
    with pytest.raises(InputError, match="and up to 4 GiB are taken"):
        picture = np.zeros((4000, 4000, 3), np.uint8)
        models["colours"].generate(count=4, picture=picture, mask=picture[..., 0])


def test_a_pace_that_any_machine_affords_takes_all_steps(speech, monkeypatch):
    """However little is asked for, the number of steps stays a number."""
    monkeypatch.setattr(
        "adr_runtime.causal.real_time.token_seconds", lambda model, steps, options, tokens: steps * 1e-4
    )
    assert affordable_steps(speech, 1e-320, {}) == 1000
    assert affordable_steps(speech, 1.0, {}) == 320
    with pytest.raises(InputError, match="ask for less"):
        affordable_steps(speech, 1000, {})
