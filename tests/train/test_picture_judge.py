"""The judge of larger pictures: its parts against definitions, and what it learns."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from adr_train.data.types import Images
from adr_train.evaluation.classifiers import Judge, cached_judge, untrained_judge
from adr_train.evaluation.picture_judge import GREY, PictureClassifier, PictureConfig, PictureJudge, shifted, whitening
from torch.nn import functional as F

SMALL = PictureConfig(channels=(8, 16, 16), pictures=4000, epochs=8, batch=50)


def bars(count, seed, size=32):
    """Noise with a bright bar that lies or stands."""
    random = np.random.default_rng(seed)
    pixels, labels = random.integers(0, 160, (count, size, size, 3)).astype(np.uint8), np.arange(count) % 2
    for picture, label, at in zip(pixels, labels, random.integers(4, size - 8, count), strict=True):
        (picture[at : at + 4] if label else picture[:, at : at + 4])[:] = 230
    return Images(pixels, labels, ("standing", "lying"))


@pytest.mark.parametrize("planes", [1, 3])
def test_the_first_layer_whitens_patches(planes):
    smooth = F.avg_pool2d(torch.rand(200, planes, 18, 18, generator=torch.Generator().manual_seed(0)), 3, 1)
    outputs = F.conv2d(smooth, *whitening(smooth)).transpose(0, 1).flatten(1).double()
    half = 4 * planes
    assert torch.allclose(outputs.mean(1), torch.zeros(2 * half, dtype=torch.float64), atol=1e-5)
    covariance = torch.cov(outputs[:half])
    assert torch.allclose(covariance - torch.diag(covariance.diag()), torch.zeros_like(covariance), atol=1e-4)
    # Below 1 by what keeps directions without any variance from being blown up.
    assert (covariance.diag() < 1).all() and covariance.diag().max() > 0.95
    assert torch.allclose(outputs[:half], -outputs[half:], atol=1e-5)


def test_pictures_are_shifted_one_by_one_over_mirrored_edges():
    pixels = np.random.default_rng(0).integers(0, 256, (40, 16, 16, 3)).astype(np.uint8)
    mirror = np.arange(40) % 2 == 1
    moved = shifted(pixels, mirror, np.random.default_rng(1))
    places = set()
    for picture, flipped, result in zip(pixels, mirror, moved, strict=True):
        padded = np.pad(picture, ((2, 2), (2, 2), (0, 0)), mode="reflect")
        result = result[:, ::-1] if flipped else result
        found = [(y, x) for y in range(5) for x in range(5) if (padded[y : y + 16, x : x + 16] == result).all()]
        assert len(found) == 1
        places.add(found[0])
    assert len(places) > 10


def test_it_learns_and_does_not_tell_a_picture_from_its_mirror_image():
    judge = PictureJudge(bars(400, 0), SMALL).fit(bars(400, 0))
    held_out = bars(100, 1)
    probabilities, embeddings = judge.judge(held_out.pixels)
    assert (probabilities.argmax(1) == held_out.labels).mean() > 0.9
    assert embeddings.shape == (100, 16) and embeddings.dtype == np.float64
    np.testing.assert_allclose(probabilities.sum(1), 1, rtol=1e-5)
    mirrored = judge.judge(held_out.pixels[:, :, ::-1])
    np.testing.assert_allclose(mirrored[0], probabilities, atol=1e-5)
    np.testing.assert_allclose(mirrored[1], embeddings, atol=1e-4)


def test_the_size_of_the_pictures_chooses_the_judge(tmp_path, monkeypatch):
    assert isinstance(untrained_judge(bars(10, 0, 16)), Judge)
    coloured = bars(10, 0, 28)
    judges = untrained_judge(coloured), untrained_judge(replace(coloured, pixels=coloured.pixels[..., :1]))
    assert [type(judge) for judge in judges] == [PictureJudge, PictureJudge]
    assert [judge.config for judge in judges] == [PictureConfig(), GREY]
    monkeypatch.setattr("adr_train.evaluation.picture_judge.PictureConfig", lambda: SMALL)
    first, again = (cached_judge(bars(100, 0), tmp_path) for _ in range(2))
    assert len(list(tmp_path.iterdir())) == 1
    pixels = bars(20, 2).pixels
    np.testing.assert_array_equal(first.judge(pixels)[1], again.judge(pixels)[1])


@pytest.mark.parametrize("size", [28, 64, 128])
def test_larger_pictures_are_averaged_first(size):
    model = PictureClassifier(SMALL, 1, 3)
    seen = []
    model.whiten.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].shape[-1]))
    assert model(torch.rand(2, 1, size, size)).shape == (2, 3)
    assert seen == [{28: 28, 64: 64, 128: 64}[size]]
