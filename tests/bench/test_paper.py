"""The measurements behind docs/paper.md: the commands in small, and what decides what is compared with what."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

ROOT = Path(__file__).parents[2]
DOCUMENT = (ROOT / "docs" / "paper.md").read_text()


def run(name, *arguments):
    call = [sys.executable, ROOT / "bench" / name, *arguments]
    return subprocess.run(call, capture_output=True, text=True, cwd=ROOT)


def tables(text):
    """Head and rows of every Markdown table."""
    found = []
    for block in re.findall(r"(?:^\|.*\n)+", text, re.M):
        head, _, *rows = ([cell.strip() for cell in line.strip("|").split("|")] for line in block.splitlines())
        found.append((head, rows))
    return found


def numbers(row):
    """The numbers of a row's cells that hold nothing else, errors left out."""
    return [
        float(cell.split(" +- ")[0].replace(",", "")) for cell in row if re.fullmatch(r"[\d,.]+( \+- [\d.]+)?", cell)
    ]


def test_the_claims_are_measured_as_the_document_has_them():
    done = run("paper.py", "--bundle", "digits", "--quick")
    assert done.returncode == 0, done.stderr
    training, generation, drift = tables(done.stdout)
    heads = [head for head, _ in tables(DOCUMENT)]
    for (head, rows), count in ((training, 3), (generation, 2), (drift, 12)):
        assert head in heads and len(rows) == count
        assert all(len(row) == len(head) and min(numbers(row)) >= 0 for row in rows)
    # Retention's state is the same at every position, and the cache of softmax grows with it.
    at = {row[0]: dict(zip(generation[0], row, strict=True)) for row in generation[1]}
    assert at["0"]["retention: state, KiB"] == at["16"]["retention: state, KiB"] == "36.0"
    assert at["16"]["softmax: state, KiB"] == f"{16 * 192 * 2 * 4 / 1024:.1f}"


def test_pictures_are_the_same_before_they_are_timed():
    done = run("pictures.py", "--quick")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("of 255 levels") == 2
    ((head, rows),) = tables(done.stdout)
    assert head in [h for h, _ in tables(DOCUMENT)]
    assert [row[0] for row in rows] == ["2 pictures, a picture", "one picture", "its thumbnail, 16 of 48 tokens"]
    for row in rows:
        threads, onnx, eager, over, *_ = numbers(row)
        assert threads == 1 and over == pytest.approx(eager / onnx, rel=0.02)


def test_other_pictures_are_not_the_same(bench):
    from pictures import LEVELS, SHARE, difference

    same = np.full((1, 4, 4, 3), 250, np.uint8)
    other = same.copy()
    other[0, 0, 0, 0] = 3
    assert difference(same, same) == (0, 0) and difference(other, same) == (247, 1 / 48)
    assert LEVELS < 247 and SHARE < 1 / 48


def test_a_missing_data_set_is_told_first():
    done = run("paper.py")
    assert done.returncode == 2 and not tables(done.stdout)
    assert "cifar10 needs its folder: give --data DIR" in done.stderr.splitlines()[-1]


@pytest.fixture
def model():
    import adr_runtime

    return adr_runtime.ImageModel.load("cifar10", "cpu", 1)


@pytest.fixture
def tokens(model):
    """Tokens (2, length, C) as real pictures could have them: zeros where there are no channels."""
    pixels = np.random.default_rng(0).random((2, 32, 32, 3), np.float32)
    return model.opened.sessions["encode"].run({"pixels": pixels})["tokens"]


def test_the_loss_is_that_of_training(bench, model, tokens):
    from drift import Denoiser
    from pictures import network_of

    labels, own = [3, 8], (tokens != 0).any(0).astype(np.float32)
    denoiser, network = Denoiser(model, labels, own, draws=3), network_of("cifar10", model)
    assert own.sum() == 16 * (12 + 36 + 48)
    real, epsilon = torch.from_numpy(tokens), torch.from_numpy(denoiser.epsilon)
    before = torch.nn.functional.pad(real[:, :-1], (0, 0, 1, 0))
    with torch.no_grad():
        condition = network.head.condition_modulation(network.backbone(before, torch.tensor(labels))[0])
        expected = torch.zeros(2, 48)
        for t, noise in zip(torch.from_numpy(denoiser.timesteps), epsilon, strict=True):
            every = t.expand(2, 48)
            noisy = network.schedule.q_sample(real, every, noise)
            output = network.head(noisy, network.head.time_modulation(t[None])[0], condition)
            expected += network.schedule.loss(output, real, noisy, every, noise) / torch.from_numpy(own).mean(-1) / 3
    np.testing.assert_allclose(denoiser.loss(tokens, tokens), expected, rtol=1e-4)
    assert not np.allclose(denoiser.loss(tokens, tokens[::-1]), expected, rtol=0.01)


def test_forced_tokens_stand_behind_those_that_are_given(bench, model, tokens):
    from adr_runtime import GenerationConfig
    from drift import sample

    config = GenerationConfig(steps=2, guidance=1.0, seed=3)
    free = sample(model, [3, 8], config, None)
    decoded = model.opened.sessions["decode"].run({"tokens": free})["pixels"]
    drawn = model.generate(label=[3, 8], steps=2, guidance=1.0, seed=3).pixels
    np.testing.assert_array_equal((np.clip(decoded, 0, 1) * 255).round().astype(np.uint8), drawn)
    np.testing.assert_array_equal(sample(model, [3, 8], config, free), free)
    forced = sample(model, [3, 8], config, tokens)
    np.testing.assert_array_equal(forced[:, 0], free[:, 0])
    assert np.abs(forced[:, 1:] - free[:, 1:]).max() > 0.1


def test_ratios_and_their_errors(bench):
    from drift import deviation, ratio
    from turns import table

    random = np.random.default_rng(0)
    under = random.normal(10, 1, 10_000)
    assert ratio(2 * under, under) == "2.000 +- 0.000"
    # Two independent means of 10,000 values: sqrt(0.1^2 + 0.1^2) / 100.
    assert ratio(random.normal(10, 1, 10_000), under).endswith(" +- 0.001")
    assert deviation(np.stack([np.zeros((3, 2)), np.ones((3, 2))])) == pytest.approx(1.5**0.5)
    assert table(["a", "b"], [[8192, 0.1234], ["x", 1234.5]]).splitlines()[2:] == ["| 8,192 | 0.12 |", "| x | 1,234 |"]
