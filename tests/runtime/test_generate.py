"""Same seed, same samples: for any batch, chunking, thread count, process and way of continuing."""

import subprocess
import sys
import threading

import adr_runtime
import numpy as np
import pytest
from adr_runtime import DamagedFileError, InputError
from adr_runtime.causal.config import GenerationConfig, label_rows

TOLERANCE = {"rtol": 0, "atol": 1e-4}
SETTINGS = {"steps": 5, "guidance": 2.5, "seed": 9}


@pytest.fixture(scope="module", params=["sound", "portable-sound", "softmax-sound"])
def sound(request, exported):
    return adr_runtime.load(exported[request.param], "cpu")


def rows_of(made):
    """The samples or pixels of a result, row by row."""
    return made.samples if isinstance(made, adr_runtime.Audio) else made.pixels


@pytest.mark.parametrize("sampler", ["ddpm", "ddim", "dpm++"])
def test_one_row_or_sixteen(sound, picture, sampler):
    for model, length in ((sound, {"seconds": 0.4}), (picture, {})):
        name = model.labels[1]
        many = rows_of(model.generate(label=name, count=16, sampler=sampler, **length, **SETTINGS))
        one = rows_of(model.generate(label=name, count=1, sampler=sampler, **length, **SETTINGS))
        assert len(many) == 16 and len(one) == 1
        np.testing.assert_allclose(one[0].astype(float), many[0].astype(float), **TOLERANCE)
        assert np.abs(many[0].astype(float) - many[1]).max() > 0.01


def test_mixed_labels_change_nothing_for_a_row(sound):
    mixed = sound.generate(label=["high", None, "low"], seconds=0.3, **SETTINGS).samples
    alike = sound.generate(label=["high", "high", "high"], seconds=0.3, **SETTINGS).samples
    np.testing.assert_allclose(mixed[0], alike[0], **TOLERANCE)
    assert np.abs(mixed[2] - alike[2]).max() > 1e-3


def test_streamed_or_whole(sound):
    for label, rows in (("mid", 1), (["mid", "low"], 2)):
        whole = sound.generate(label=label, seconds=0.5, **SETTINGS).samples
        assert whole.shape == (rows, 400)
        for chunk in (1, 3, 7, 1000):
            parts = list(sound.stream(label=label, seconds=0.5, chunk_tokens=chunk, **SETTINGS))
            assert all(len(part) == rows for part in parts)
            np.testing.assert_allclose(np.concatenate(parts, 1), whole, **TOLERANCE)


def test_a_seed_that_nobody_gives_is_drawn_and_told(sound, picture):
    for model, length in ((sound, {"seconds": 0.2}), (picture, {"count": 1})):
        drawn, another = (model.generate(steps=2, **length) for _ in range(2))
        assert drawn.seed != another.seed and drawn.provenance["seed"] == drawn.seed
        assert (rows_of(drawn) != rows_of(another)).any()
        again = model.generate(steps=2, seed=drawn.seed, **length)
        np.testing.assert_array_equal(rows_of(again), rows_of(drawn))


def test_threads(exported):
    made = [
        adr_runtime.load(exported["sound"], "cpu", threads).generate(label="low", seconds=0.3, **SETTINGS).samples
        for threads in (1, 2)
    ]
    np.testing.assert_allclose(*made, **TOLERANCE)


RESUME = """
import sys, numpy as np, adr_runtime
stream = adr_runtime.load(sys.argv[1], "cpu").resume(open(sys.argv[2], "rb").read())
np.save(sys.argv[3], np.concatenate(list(stream), 1))
"""


def test_state_saved_and_continued_in_a_new_process(sound, tmp_path):
    whole = sound.generate(label="mid", seconds=0.5, sampler="ddpm", **SETTINGS).samples
    stream = sound.stream(label="mid", seconds=0.5, sampler="ddpm", chunk_tokens=3, **SETTINGS)
    before = [next(stream) for _ in range(5)]
    (tmp_path / "state").write_bytes(stream.state())
    files = [str(tmp_path / "state"), str(tmp_path / "rest.npy")]
    subprocess.run([sys.executable, "-c", RESUME, str(sound.bundle.folder), *files], check=True)
    np.testing.assert_allclose(np.concatenate([*before, np.load(files[1])], 1), whole, **TOLERANCE)


def test_a_fork_goes_its_own_way(sound):
    stream = sound.stream(label="mid", seconds=0.5, **SETTINGS)
    for _ in range(4):
        next(stream)
    fork = stream.fork()
    rest = np.concatenate(list(stream), 1)
    np.testing.assert_array_equal(np.concatenate(list(fork), 1), rest)


def test_two_threads_share_a_model(sound):
    expected = [sound.generate(label="low", seconds=0.3, **{**SETTINGS, "seed": i}).samples for i in range(4)]
    found = [None] * 4

    def work(i):
        found[i] = sound.generate(label="low", seconds=0.3, **{**SETTINGS, "seed": i}).samples

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    np.testing.assert_allclose(found, expected, **TOLERANCE)


def test_a_foreign_or_damaged_state(sound, exported):
    state = sound.stream(label="mid", **SETTINGS).state()
    other = adr_runtime.load(exported["softmax-sound" if "softmax" not in sound.name else "sound"], "cpu")
    with pytest.raises(DamagedFileError, match="of another bundle"):
        other.resume(state)
    for damaged in (b"", b"hello", state[:100], state[:-50]):
        with pytest.raises(DamagedFileError, match="not a stream's state, or damaged"):
            sound.resume(damaged)


def test_prompt_of_sound(sound):
    """The prompt comes back as it was; what follows differs from what follows another prompt."""
    time = np.arange(160) / 800
    prompts = [0.3 * np.sin(2 * np.pi * f * time).astype(np.float32) for f in (50, 130)]
    made = [sound.generate(label="mid", seconds=0.25, prompt=p, **SETTINGS) for p in prompts]
    assert all(audio.samples.shape == (1, 160 + 200) and audio.lengths == (160 + 200,) for audio in made)
    made = [audio.samples[0] for audio in made]
    for samples, prompt in zip(made, prompts, strict=True):
        # The last hop of the prompt overlaps the first new token; all before it is untouched.
        np.testing.assert_allclose(samples[:152], prompt[:152], atol=1e-6)
    assert np.abs(made[0][160:] - made[1][160:]).max() > 1e-3


def test_prefill_equals_having_generated(sound):
    """Continuing a generated clip from its own tokens gives what it gave uninterrupted."""
    from adr_runtime.causal.generator import TokenGenerator

    settings = GenerationConfig(**SETTINGS).resolve(sound.manifest, label_rows("mid", None))
    generator = TokenGenerator(sound.opened, settings)
    state, again = generator.start(), generator.start()
    tokens = np.stack([generator.next_token(state) for _ in range(20)], 1)
    generator.prefill(again, tokens[:, :13])
    rest = np.stack([generator.next_token(again) for _ in range(7)], 1)
    np.testing.assert_allclose(rest, tokens[:, 13:], **TOLERANCE)


def test_agrees_with_pytorch(exported):
    """The whole path, graphs and noise, against the PyTorch model run token by token in float64."""
    import torch
    from adr_export.onnx_writer import round_weights
    from adr_models.causal.generate import denoise
    from adr_runtime.causal.samplers import coefficients
    from adr_runtime.philox import normal
    from random_models import SOUND, random_model

    model = random_model(SOUND)
    round_weights(model)
    model = model.double()
    steps, length, guidance = 4, 30, 1.7
    timestep, table = coefficients(model.schedule.betas.numpy(), "velocity", False, "ddpm", steps, 0.9)
    at = [np.arange(1), np.arange(length), np.arange(steps + 1)]
    noise = torch.from_numpy(normal(5, *at, 8)).double()
    state, token, made = model.backbone.initial_state(2), torch.zeros(1, 8).double(), []
    state = {k: v.double() if v.is_floating_point() else v for k, v in state.items()}
    with torch.no_grad():
        modulation = model.head.time_modulation(torch.from_numpy(timestep))
        for n in range(length):
            condition, state = model.backbone.step(token.repeat(2, 1), torch.tensor([2, 3]), state)
            mix = torch.tensor([[guidance], [1 - guidance]]).double()
            token = denoise(
                model.head, condition[:, None], mix, modulation, torch.from_numpy(table).double(),
                noise[n, 0], noise[n, 1:], torch.tensor(4.0),
            )  # fmt: skip
            made.append(token)
        samples, _ = model.tokens.decode(torch.stack(made, 1), {"overlap": torch.zeros(1, 8).double()})
    found = adr_runtime.load(exported["sound"], "cpu").generate(
        label="high", seconds=(length - 1) * 8 / 800, steps=steps, guidance=guidance, temperature=0.9,
        sampler="ddpm", seed=5,
    ).samples[0]  # fmt: skip
    np.testing.assert_allclose(found, samples[0, 8:].numpy(), atol=1e-4)


def test_settings_are_checked(sound, exported):
    picture = adr_runtime.load(exported["picture"], "cpu")
    for wrong, says in (
        ({"label": "tenor"}, "unknown label 'tenor'; .* knows low, mid, high"),
        ({"label": 3}, "unknown label 3"),
        ({"steps": 0}, "steps must be from 1 to 50, not 0"),
        ({"steps": 51}, "steps must be from 1 to 50"),
        ({"sampler": "euler"}, "unknown sampler 'euler'"),
        ({"guidance": -1}, "guidance must be from 0"),
        ({"guidance": float("nan")}, "guidance must be from 0"),
        ({"temperature": -1}, "temperature must be from 0"),
        ({"seed": -1}, "seed must be from 0"),
        ({"seconds": 0}, "seconds must be more than 0"),
        ({"seconds": float("inf")}, "seconds must be more than 0 and finite"),
        ({"count": 0}, "count must be from 1"),
        ({"label": ["low", "mid"], "count": 3}, "2 labels but a count of 3"),
        ({"prompt": np.zeros(3, np.float32)}, "needs at least 8"),
        ({"prompt": np.full(80, np.nan, np.float32)}, "finite numbers of shape"),
        ({"prompt": np.zeros((80, 2), np.float32)}, "finite numbers of shape"),
    ):
        with pytest.raises(InputError, match=says):
            sound.generate(**{"seconds": 0.1, **wrong})
    for wrong, says in (
        ({"prompt": np.zeros((2, 5, 3), np.uint8)}, "the prompt must be uint8"),
        ({"prompt": np.zeros((6, 4, 3), np.uint8)}, "from 2 to 4 rows, not 6"),
    ):
        with pytest.raises(InputError, match=says):
            picture.generate(**wrong)
    assert not hasattr(picture, "resume")
    with pytest.raises(TypeError, match="seconds"):
        picture.generate(seconds=1.0)
    with pytest.raises(InputError, match="makes pictures: load it as an ImageModel"):
        adr_runtime.AudioModel.load(picture.bundle.folder)
    with pytest.raises(InputError, match="makes audio: load it as an AudioModel"):
        adr_runtime.ImageModel.load(sound.bundle.folder)
    with pytest.raises(InputError, match="threads must be from 1 to 1024, not 0"):
        adr_runtime.load(sound.bundle.folder, threads=0)


def test_a_long_stream_keeps_its_state_small(sound):
    """The retention state after 300 tokens is as large as after one; only the softmax cache grows."""
    stream = sound.stream(label="low", steps=1, chunk_tokens=100, guidance=1.0)
    sizes = [len(stream.state())]
    for _ in range(3):
        next(stream)
        sizes.append(len(stream.state()))
    growth = sizes[-1] - sizes[1]
    assert growth > 50_000 if "softmax" in sound.name else abs(growth) < 100
