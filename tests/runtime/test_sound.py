"""Clips that end by themselves, speakers, playlists, pace, the codec decoded in chunks by ONNX Runtime."""

import json
import subprocess
import sys
from pathlib import Path

import adr_runtime
import numpy as np
import pytest
import soundfile
from adr_runtime import InputError
from adr_runtime.causal.playlist import Playlist
from adr_runtime.causal.real_time import Pace
from adr_runtime.media.spectrogram import draw, mel_spectrogram
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image


@pytest.fixture(scope="module")
def model(exported):
    return adr_runtime.load(exported["latent"], "cpu")


@pytest.mark.parametrize("sizes", [[1] * 24, [24], [5, 1, 7, 11], [23, 1]])
def test_any_chunks_of_tokens_decode_to_the_whole(model, sizes):
    decode = model.sessions["decode"]
    tokens = np.random.default_rng(0).standard_normal((2, 24, 5), np.float32)
    zero = {s.past: np.zeros((2, *s.shape[1:]), np.float32) for s in model.manifest.states_of("decode")}
    whole = decode.run({"tokens": tokens, **zero})["samples"]
    state, parts = zero, []
    for piece in np.split(tokens, np.cumsum(sizes)[:-1], 1):
        made = decode.run({"tokens": piece, **state})
        state = {s.past: made[s.present] for s in model.manifest.states_of("decode")}
        parts.append(made["samples"])
    np.testing.assert_allclose(np.concatenate(parts, 1), whole, rtol=0, atol=1e-5)


def test_clips_end_where_the_model_says(model, monkeypatch):
    """The end is where a row's "end" output first turns positive; silence follows, and other rows go on."""
    step, ends = model.sessions["step"].run, np.array([3, 5, 9])
    count = 0

    def run(feed, keep=()):
        nonlocal count
        outputs = step(feed, keep)
        rows = np.full(len(outputs["end"]), -1.0, np.float32)
        rows[:3] = np.where(count >= ends, 1.0, -1.0)
        count += 1
        return outputs | {"end": rows}

    monkeypatch.setattr(model.sessions["step"], "run", run)
    made = model.generate(label=["low", "mid", "high"], seed=1)
    assert made.lengths == tuple((ends + 1) * 8) and made.samples.shape == (3, 80)
    for row, length in zip(made.samples, made.lengths, strict=True):
        assert np.abs(row[: length - 8]).max() > 0 and not row[length:].any()


def test_speakers_and_labels_count(model):
    def sound(**given):
        return model.generate(seconds=0.3, seed=1, **given).samples

    base = sound(label="low", speaker="ann")
    assert np.array_equal(base, sound(label=0, speaker=0))
    for other in ({"label": "low", "speaker": "ben"}, {"label": "low"}, {"label": "mid", "speaker": "ann"}, {}):
        assert not np.array_equal(base, sound(**other))
    with pytest.raises(InputError, match="unknown speaker 'eve'; latent knows ann, ben"):
        sound(speaker="eve")


def test_models_without_speakers_or_ends_say_so(exported):
    plain = adr_runtime.load(exported["sound"], "cpu")
    with pytest.raises(InputError, match="has no speakers"):
        plain.generate(speaker="ann")
    with pytest.raises(InputError, match="does not say where a word is over"):
        plain.stream(playlist=["low"])


def words_of(model, monkeypatch, length=4):
    """The labels fed to the step graph at each token, with words that end after `length` tokens."""
    step, fed = model.sessions["step"].run, []

    def run(feed, keep=()):
        outputs = step(feed, keep)
        fed.append((int(feed["label"][0]), int(feed["past.position"][0])))
        return outputs | {"end": np.where(feed["past.position"] >= length, 1.0, -1.0).astype(np.float32)}

    monkeypatch.setattr(model.sessions["step"], "run", run)
    return fed


def test_playlist_speaks_one_word_after_the_other(model, monkeypatch):
    fed = words_of(model, monkeypatch)
    chunks = list(model.stream(playlist=["high", "low", "low"], pause=0.02, seed=1))
    # 0.02 s are 2 tokens; a word takes 4 tokens to its end, the token that is over, and the pause.
    assert [label for label, _ in fed] == [2] * 7 + [0] * 14
    assert [position for _, position in fed] == [*range(7)] * 3
    assert np.concatenate(chunks, 1).shape == (1, 21 * 8)


def test_playlist_goes_on_from_a_saved_state(model, monkeypatch):
    words_of(model, monkeypatch)
    whole = np.concatenate(list(model.stream(playlist=["high", "low"], pause=0.02, seed=1)), 1)
    stream = model.stream(playlist=["high", "low"], pause=0.02, seed=1)
    first = [next(stream) for _ in range(5)]
    for rest in (model.resume(stream.state()), stream.fork(), stream):
        np.testing.assert_array_equal(np.concatenate([*first, *rest], 1), whole)


def test_endless_playlist_goes_round(model, monkeypatch):
    fed = words_of(model, monkeypatch)
    stream = model.stream(playlist=["high", "low"], cycle=True, pause=0.0, seed=1)
    for _ in range(25):
        next(stream)
    assert [label for label, _ in fed] == ([2] * 5 + [0] * 5) * 2 + [2] * 5


@settings(deadline=None)
@given(st.lists(st.booleans(), min_size=60, max_size=60), st.integers(0, 5), st.integers(1, 12))
def test_no_word_is_longer_than_the_longest(over, pause, longest):
    playlist, lengths, length = Playlist((0, 1), pause, longest, cycle=True), [], 0
    for end in over:
        length += 1
        if playlist.advance(end):
            lengths.append(length)
            length = 0
    assert all(1 <= n <= longest for n in lengths)


def test_pace_counts_under_runs(monkeypatch):
    now = iter([0.0, 0.05, 0.10, 0.40, 0.45])
    monkeypatch.setattr("time.perf_counter", lambda: next(now))
    pace = Pace(1000)
    for samples in (100, 100, 100, 100):
        pace.add(samples)
    # The third chunk came 0.35 s after the first, and only 0.2 s of sound had been made.
    assert pace.under_runs == 1 and pace.report()["first_sound_ms"] == 50.0 and pace.made == 0.4


def test_labels_speaker_plot_and_stream_from_the_command_line(command, exported, tmp_path):
    made = command(
        "adr-run", "audio", "--model", exported["latent"], "--labels", "low high", "--speaker", "ben", "--seed", 2,
        "--stream", "--plot", "x.png", "--out", "x.wav", "--json",
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    told = json.loads(made.stdout)
    assert told["labels"] == ["low", "high"] and told["first_sound_ms"] > 0 and told["under_runs"] >= 0
    assert "first sound after" in made.stderr
    samples, rate = soundfile.read(tmp_path / "x.wav", dtype="float32")
    assert rate == 800 and len(samples) > 8
    assert np.array_equal(np.asarray(Image.open(tmp_path / "x.png")).shape, draw(samples, rate).shape)


def test_a_stream_of_one_word_ends_with_the_word(command, tmp_path):
    """Of the shipped model: no silence up to the default length behind it."""
    made = command("adr-run", "audio", "--label", "seven", "--seed", 1, "--stream", "--out", "x.wav")
    assert made.returncode == 0, made.stderr
    streamed, _ = soundfile.read(tmp_path / "x.wav")
    made = command("adr-run", "audio", "--label", "seven", "--seed", 1, "--out", "y.wav")
    assert made.returncode == 0, made.stderr
    whole, _ = soundfile.read(tmp_path / "y.wav")
    assert 0.2 * 16000 < len(whole) <= len(streamed) < len(whole) + 0.3 * 16000
    # All but the last token, which fades where nothing follows.
    np.testing.assert_allclose(streamed[: len(whole) - 256], whole[:-256], atol=1e-3)


def test_realtime_picks_steps_and_refuses_the_impossible(command, refused, exported):
    made = command("adr-run", "audio", "--model", exported["latent"], "--label", "low", "--realtime", "0.01", "--json")
    assert made.returncode == 0 and json.loads(made.stdout)["steps"] == 50, made.stderr
    refused("adr-run", "audio", "--model", exported["latent"], "--realtime", "1000", says=("ask for less",))


def test_bad_playlists(refused, exported):
    latent, sound = exported["latent"], exported["sound"]
    for arguments, says in (
        (("--labels", "low hum"), ("unknown label 'hum'", "low, mid, high")),
        (("--labels", " "), ("no word",)),
        (("--labels", "low", "--label", "mid"), ("give one of them",)),
        (("--labels", "low", "-n", "2"), ("leave -n out",)),
        (("--speaker", "eve"), ("unknown speaker 'eve'",)),
        (("--plot", "x.txt"), ("x.txt: unknown file type",)),
        (("--out", "-", "--plot", "x.png"), ("--plot",)),
        (("--realtime", "0"), ("--realtime must be from 0.001 to 1000",)),
    ):
        refused("adr-run", "audio", "--model", latent, *arguments, says=says)
    refused("adr-run", "audio", "--model", sound, "--labels", "low", says=("does not say where a word is over",))


def test_mel_spectrogram_finds_a_tone():
    """A tone of 1 kHz is loudest in the band whose triangle holds it, all along."""
    time = np.arange(8000) / 8000
    found = mel_spectrogram(np.sin(2 * np.pi * 1000 * time), 8000, 50, 40)
    edges = 700 * (10 ** (np.linspace(0, 2595 * np.log10(1 + 4000 / 700), 42) / 2595) - 1)
    loudest = found[5:-5].argmax(1)
    assert (edges[loudest] < 1000).all() and (edges[loudest + 2] > 1000).all()


def test_prompts_of_every_kind(command, refused, exported, tmp_path):
    """Another rate is resampled, stereo mixed, silence taken as it is; too short and not finite are refused."""
    random = np.random.default_rng(0)
    soundfile.write(tmp_path / "stereo.wav", 0.1 * random.standard_normal((4410, 2)), 4410)
    soundfile.write(tmp_path / "silent.wav", np.zeros(800), 800)
    soundfile.write(tmp_path / "short.wav", np.zeros(5), 800)
    soundfile.write(tmp_path / "nan.wav", np.array([0.0, np.nan] * 100, np.float32), 800, subtype="FLOAT")
    common = ("adr-run", "audio", "--model", exported["latent"], "--seconds", "0.1", "--out", "x.wav")
    for name in ("stereo", "silent"):
        made = command(*common, "--prompt", f"{name}.wav")
        assert made.returncode == 0, made.stderr
        assert len(soundfile.read(tmp_path / "x.wav")[0]) == 800 + 80
    refused(*common, "--prompt", "short.wav", says=("the prompt has 5 samples", "at least 8"))
    refused(*common, "--prompt", "nan.wav", says=("nan.wav: holds samples that are not finite",))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full, a device that is always full")
def test_a_full_disk_is_one_line(exported):
    program = Path(sys.executable).with_name("adr-run")
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [program, "audio", "--model", exported["latent"], "--seconds", "1", "--out", "-"],
            stdout=full, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert "adr-run: standard output: cannot write: No space left on device" in done.stderr
