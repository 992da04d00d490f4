"""Filling in beyond one window: pictures, text and sound of any size."""

import json

import adr_runtime
import numpy as np
import pytest
import soundfile
from adr_runtime.any_order.config import AnyOrderConfig
from adr_runtime.any_order.mulaw import from_mulaw, to_mulaw
from adr_runtime.any_order.variables import from_samples, to_samples
from adr_runtime.any_order.windows import fill_windows, spans
from adr_runtime.errors import InputError
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image


@given(st.integers(1, 200), st.integers(1, 40))
def test_windows_cover_an_axis(length, size):
    filled = 0
    for start, end in spans(length, size):
        assert 0 <= start <= filled < end <= min(start + size, length)
        assert start + size <= length or length <= size
        filled = end
    assert filled == length


@given(
    arrays.arrays(bool, st.tuples(st.integers(1, 9), st.integers(1, 20), st.just(2))), st.integers(1, 4),
    st.integers(1, 7), st.integers(1, 3),
)  # fmt: skip
def test_everything_wanted_is_drawn_once_and_nothing_else(wanted, tall, wide, count):
    shape, seeds = (tall, wide, 2), []

    def sample(start, known, now, seed):
        assert not (known & now).any()
        assert (start[:, ~known] == 0).all()
        seeds.append(seed)
        # What is drawn is marked 100; a mark that was drawn before is known, and must not grow.
        return start + 100 * now

    values = np.where(wanted, 0, np.arange(wanted.size).reshape(wanted.shape) + 1000)
    made = fill_windows(sample, shape, values, wanted, count, 5)
    assert made.shape == (count, *wanted.shape)
    assert (made == np.where(wanted, 100, values)).all()
    assert len(set(seeds)) == len(seeds)
    assert bool(seeds) == wanted.any()


def test_one_window_is_one_sample(any_order):
    model = adr_runtime.load(any_order["greys"])
    values = np.random.default_rng(0).integers(6, size=(4, 6, 1))
    wanted = np.random.default_rng(1).random((4, 6, 1)) < 0.5
    flat = wanted.reshape(-1)
    settings = AnyOrderConfig(steps=9, seed=4).resolve(model.manifest)
    expected = model.sample(np.broadcast_to(values.reshape(-1), (3, 24)), ~flat, flat, settings, settings.seed)
    assert (model.fill(values, wanted, 3, settings).reshape(3, -1) == expected).all()


def test_a_later_window_sees_the_ones_before_and_what_lies_ahead():
    seen = []

    def sample(start, known, now, seed):
        seen.append((start[0].copy(), known.copy(), now.copy()))
        return start + 7 * now

    values, wanted = np.zeros((1, 60, 1), np.int64), np.ones((1, 60, 1), bool)
    values[0, [0, 20, 59]], wanted[0, [0, 20, 59]] = 1000, False
    fill_windows(sample, (1, 24, 1), values, wanted, 1, 0)
    (start, known, now), (later, _, _), *_, (_, last, _) = seen
    assert np.flatnonzero(known).tolist() == [0, 20] and (start[[0, 20]] == 1000).all()
    assert np.flatnonzero(now).tolist() == list(range(1, 18))
    assert later[:9].tolist() == [7] * 6 + [0, 0, 1000]
    assert last[-1] and np.flatnonzero(~last).tolist() == list(range(6, 23))


@pytest.mark.parametrize("size", [(3, 3), (4, 6), (9, 13), (1, 30)])
def test_pictures_of_any_size_keep_what_is_known(any_order, size):
    random = np.random.default_rng(0)
    for name, channels in (("greys", 1), ("colours", 3)):
        model = adr_runtime.load(any_order[name])
        picture = random.integers(256, size=(*size, channels), dtype=np.uint8)
        mask = random.random(size) < 0.6
        made = model.generate(count=2, seed=1, picture=picture, mask=mask).pixels
        assert made.shape == (2, *picture.shape)
        assert (made[:, ~mask] == picture[~mask]).all()
        assert (made[0, mask] != made[1, mask]).any() or mask.sum() < 10


@given(st.integers(-32768, 32767))
def test_mulaw_comes_back_within_half_a_level(sample):
    back = int(from_mulaw(to_mulaw(np.array([sample])))[0])
    segment = (min(abs(sample), 32635) + 132).bit_length() - 8
    assert abs(back - max(min(sample, 32635), -32635)) <= 4 << segment
    assert int(to_samples(from_samples(np.array([sample]), 65536), 65536)[0]) == sample


def test_mulaw_levels_decode_to_themselves():
    places = np.arange(256)
    back = to_mulaw(from_mulaw(places))
    # Both zeros of the standard are 0.
    assert (back == np.where(places == 127, 128, places)).all()


def test_sound_from_the_command_line(any_order, command, refused, tmp_path):
    samples, symbols = any_order["samples"], any_order["symbols"]
    rate = adr_runtime.load(samples).variables.sample_rate
    prompt = np.random.default_rng(0).integers(-32768, 32768, size=50).astype(np.int16)
    soundfile.write(tmp_path / "given.wav", prompt, rate, "PCM_16")
    common = ("adr-run", "audio", "--model", samples, "--seed", 3, "--steps", 4)
    done = command(*common, "--seconds", 100 / rate, "--prompt", "given.wav", "--out", "a.wav", "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert (report["seed"], report["steps"]) == (3, 4)
    sound, found = soundfile.read(tmp_path / "a.wav", dtype="int16")
    assert (len(sound), found) == (150, rate)
    assert (sound[:50] == prompt).all()
    assert sound[50:].std() > 0
    assert command(*common, "--seconds", 20 / rate, "-n", 2, "--out", "b.wav").returncode == 0
    first, second = (soundfile.read(tmp_path / f"b-00{i}.wav", dtype="int16")[0] for i in range(2))
    assert len(first) == 20 and (first != second).any()
    assert command("adr-run", "score", "a.wav", "--model", samples).returncode == 0
    for arguments, says in (
        (("--label", "seven"), "takes no --label"), (("--out", "-"), "takes no --out"),
        (("--sampler", "ddim"), "takes no --sampler"), (("--stream",), "takes no --stream"),
    ):  # fmt: skip
        refused(*common, *arguments, says=(says,))
    with pytest.raises(InputError, match="not audio"):
        adr_runtime.load(symbols).generate_audio(seconds=1)
    with pytest.raises(InputError, match="not pictures"):
        adr_runtime.load(samples).generate()


def test_long_templates_and_texts(any_order, command):
    model, symbols = adr_runtime.load(any_order["symbols"]), any_order["symbols"]
    template = "to be ??? not " * 9
    data = np.frombuffer(template.encode(), np.uint8).astype(np.int64)
    holes = data == ord("?")
    settings = AnyOrderConfig(seed=1).resolve(model.manifest)
    made = model.fill(data[None, :, None], holes[None, :, None], 3, settings)[:, 0, :, 0]
    assert (made[:, ~holes] == data[~holes]).all() and (made[:, holes] != data[holes]).any()
    done = command("adr-run", "text", "--model", symbols, "--template", template, "-n", 3, "--seed", 1, "--json")
    assert len(json.loads(done.stdout)["texts"]) == 3
    done = command("adr-run", "text", "--model", symbols, "--length", 100, "--seed", 1, "--json")
    assert done.returncode == 0, done.stderr


def test_filling_a_photo_from_the_command_line(any_order, command, refused, tmp_path):
    """Larger than the window: known pixels as they were, the file as large as the one given; nothing is converted."""
    random = np.random.default_rng(0)
    photo = random.integers(256, size=(13, 21, 3), dtype=np.uint8)
    mask = np.zeros((13, 21), np.uint8)
    mask[3:9, 5:18] = 255
    Image.fromarray(photo).save(tmp_path / "photo.png")
    Image.fromarray(mask).save(tmp_path / "mask.png")
    Image.fromarray(photo[..., 0]).save(tmp_path / "grey.png")
    Image.fromarray(np.dstack([photo, mask])).save(tmp_path / "clear.png")
    common = ("adr-run", "image", "--mask", "mask.png", "--seed", 1, "--model")
    colours, greys = any_order["colours"], any_order["greys"]
    done = command(*common, colours, "--fill", "photo.png", "--out", "a.png", "--json")
    assert done.returncode == 0, done.stderr
    made = np.asarray(Image.open(tmp_path / "a.png"))
    assert made.shape == photo.shape and (made[mask == 0] == photo[mask == 0]).all()
    assert (made[mask > 0] != photo[mask > 0]).any()
    assert command(*common, colours, "--fill", "grey.png", "--out", "b.png").returncode == 0
    assert (np.asarray(Image.open(tmp_path / "b.png"))[mask == 0] == photo[mask == 0][:, :1]).all()
    refused(*common, greys, "--fill", "photo.png", says=("is in colour",))
    refused(*common, colours, "--fill", "clear.png", says=("transparent",))
    refused(*common, colours, "--fill", "photo.png", "-n", 0, says=("count must be",))


def test_seeds_masks_and_shapes_of_the_python_interface(any_order):
    model = adr_runtime.load(any_order["greys"])
    picture = np.random.default_rng(0).integers(256, size=(4, 6, 1), dtype=np.uint8)
    mask = np.random.default_rng(1).random((4, 6)) < 0.5
    expected = model.generate(count=2, seed=5, picture=picture, mask=mask).pixels
    for seed, given_mask in ((np.int64(5), mask.astype(int)), (np.uint64(5), mask * np.uint8(255))):
        assert (model.generate(count=2, seed=seed, picture=picture, mask=given_mask).pixels == expected).all()
    for seed in (-1, 1 << 64):
        with pytest.raises(InputError, match="seed must be"):
            model.generate(seed=seed)
    assert (model.generate(count=2).pixels != model.generate(count=2).pixels).any()
    sound = adr_runtime.load(any_order["samples"])
    assert (sound.generate_audio(seconds=0.01).samples != sound.generate_audio(seconds=0.01).samples).any()
    for seconds in (0, -1, float("nan"), float("inf")):
        with pytest.raises(InputError, match="seconds must be"):
            sound.generate_audio(seconds=seconds)
    with pytest.raises(InputError, match="a prompt is int16"):
        sound.generate_audio(seconds=0.01, prompt=np.zeros(4))
