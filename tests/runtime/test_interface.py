"""What the Python interface makes of arguments of other types, and of files that cannot be."""

import os

import adr_runtime
import numpy as np
import pytest
from adr_runtime import InputError


@pytest.fixture(scope="module")
def audio(exported):
    return adr_runtime.AudioModel.load(exported["latent"], "cpu")


@pytest.fixture(scope="module")
def image(exported):
    return adr_runtime.ImageModel.load(exported["picture"], "cpu")


def test_numbers_of_numpy_are_numbers(audio, image, tmp_path):
    """They come back as Python's own, so that provenance and states can be written."""
    options = {"seed": np.uint64(3), "guidance": np.float32(1.5)}
    expected = audio.generate(label=[0, 1], steps=2, seed=3, guidance=1.5)
    clips = audio.generate(label=np.array([0, 1]), steps=np.int64(2), **options)
    assert np.array_equal(clips.samples, expected.samples)
    assert [path.name for path in clips.save(tmp_path / "x.wav")] == ["x-000.wav", "x-001.wav"]
    stream = audio.stream(label=np.int64(1), steps=np.int64(2), **options)
    assert np.array_equal(next(audio.resume(stream.state())), next(stream))
    assert len(image.generate(count=np.int64(2), steps=2, seed=1)) == 2


@pytest.mark.parametrize("name", ["steps", "seed", "count"])
def test_what_is_no_whole_number_is_refused(audio, image, models, name):
    for model in (audio, image, models["greys"]):
        for value in (1.5, "2", [1.5]):
            with pytest.raises(InputError, match=f"{name} must be a whole number"):
                model.generate(**{name: value})


def test_prompts_that_are_no_samples(audio):
    for prompt in (["a"], np.zeros(80, complex), np.zeros((2, 40)), [np.nan] * 80):
        with pytest.raises(InputError, match="the prompt must be finite numbers of shape"):
            audio.generate(prompt=prompt)


def test_files_that_cannot_be(audio, image, models, tmp_path):
    clips, pictures = audio.generate(label=[0, 1], seed=1, steps=1), image.generate(count=2, seed=1, steps=1)
    for path in ("", ".", "/"):
        with pytest.raises(InputError):
            clips.save(path)
        with pytest.raises(InputError):
            pictures.save(path, separate=True)
    for scale in (0, -1, 1.5):
        with pytest.raises(InputError, match="scale must be"):
            pictures.save(tmp_path / "x.png", scale=scale)
    for name in ("a\0b", "n" * 300):
        with pytest.raises(InputError):
            adr_runtime.compress(name, tmp_path / "x.ardm")
        with pytest.raises(InputError):
            adr_runtime.decompress(name, tmp_path / "x")
        with pytest.raises(InputError):
            models["symbols"].score(name)
    assert not list(tmp_path.iterdir())


def test_scores_take_the_seeds_that_everything_takes(models, tmp_path):
    (tmp_path / "x.txt").write_bytes(b"abc")
    for seed in (-1, 1 << 64):
        with pytest.raises(InputError, match="seed must be from 0"):
            models["symbols"].score(tmp_path / "x.txt", seed=seed)


def test_a_bundle_of_another_class_names_it(exported, any_order):
    for model, folder, says in (
        (adr_runtime.AudioModel, any_order["greys"], r'expected "adr" \(load it as an AnyOrderModel\), found "ardm"'),
        (adr_runtime.AnyOrderModel, exported["sound"], r'expected "ardm" \(load it as an AudioModel or ImageModel\)'),
        (adr_runtime.ImageModel, exported["sound"], "sound makes audio: load it as an AudioModel"),
    ):
        with pytest.raises(adr_runtime.ADRError, match=says):
            model.load(folder, "cpu")


def test_arguments_of_other_types(audio, image, models):
    assert len(image.generate(label=np.array([0, 1]), seed=1, steps=1)) == 2
    assert next(audio.stream(playlist=np.array([0, 1]), seed=1, steps=1)).shape[0] == 1
    for call, says in (
        (lambda: audio.generate(label=1.5), "label must be a whole number"),
        (lambda: audio.generate(temperature="hot"), "temperature must be a number"),
        (lambda: audio.generate(guidance=[1]), "guidance must be a number"),
        (lambda: audio.generate(seconds="x"), "seconds must be a number"),
        (lambda: audio.generate(prompt=np.float32(1)), "the prompt must be finite numbers of shape"),
        (lambda: audio.stream(chunk_tokens=1.5), "chunk_tokens must be a whole number"),
        (lambda: audio.resume("abc"), "a state is bytes"),
        (lambda: models["symbols"].fill_text(None), "a template is text"),
        (lambda: models["greys"].generate(mask=np.ones((4, 6))), "a mask belongs to a picture"),
        (lambda: adr_runtime.load("digits", threads=1.5), "threads must be a whole number"),
        (lambda: adr_runtime.compress(__file__, "x.ardm", models="digits-any"), "models must be several names"),
    ):
        with pytest.raises(InputError, match=says):
            call()


def test_only_what_ends_is_collected(audio):
    for stream in (audio.stream(seed=1), audio.stream(playlist=[0], cycle=True, seed=1)):
        with pytest.raises(InputError, match="an endless stream cannot be collected"):
            stream.collect()
    stream = audio.stream(seconds=0.1, seed=1)
    assert stream.collect().samples.shape == (1, round(0.1 * audio.sample_rate))
    assert stream.collect().samples.shape == (1, 0)


def test_a_pipe_is_not_waited_for(models, tmp_path):
    os.mkfifo(tmp_path / "pipe.txt")
    with pytest.raises(InputError, match="is a device, a pipe or a socket"):
        models["symbols"].score(tmp_path / "pipe.txt")


def test_a_hole_is_looked_at_before_a_text_is_made_of_it(refused):
    refused("adr-run", "text", "--hole", "x" * 50_000, "--length", 1 << 20, says=("hole must be one ASCII character",))
