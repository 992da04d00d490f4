"""Closed forms for every figure of the protocol, and the judge on data that it must get right."""

import numpy as np
import pytest
from adr_train.data.types import AudioClips, Images
from adr_train.evaluation.classifiers import ClassifierConfig, Judge, cached_judge, pad_clips
from adr_train.evaluation.metrics import (
    am_score,
    frechet_distance,
    inception_score,
    modified_inception_score,
    nearest_distances,
    precision_and_recall,
)
from hypothesis import given
from hypothesis import strategies as st


def test_inception_score_at_its_ends():
    assert inception_score(np.eye(10)) == pytest.approx(10)
    assert inception_score(np.full((50, 10), 0.1)) == pytest.approx(1)
    assert inception_score(np.eye(10)[[3] * 20]) == pytest.approx(1)


@given(st.integers(0, 1000))
def test_scores_against_loops(seed):
    """Every sum written out, sample by sample."""
    p = np.random.default_rng(seed).dirichlet(np.ones(4), 6)
    kl = lambda a, b: sum(x * np.log(x / y) for x, y in zip(a, b, strict=True))  # noqa: E731
    assert inception_score(p) == pytest.approx(np.exp(np.mean([kl(a, p.mean(0)) for a in p])))
    assert modified_inception_score(p) == pytest.approx(np.exp(np.mean([kl(a, b) for a in p for b in p])))
    share = np.array([0.1, 0.2, 0.3, 0.4])
    entropy = np.mean([-(a * np.log(a)).sum() for a in p])
    assert am_score(p, share) == pytest.approx(kl(share, p.mean(0)) + entropy)


def test_frechet_distance_of_known_gaussians():
    """N(0, I) and N(m, diag(s^2)): |m|^2 + sum (1 - s)^2, with 200,000 samples."""
    random = np.random.default_rng(0)
    m, s = np.array([1.0, 0.0, -0.5]), np.array([1.0, 2.0, 0.5])
    a, b = random.normal(size=(200_000, 3)), random.normal(size=(200_000, 3)) * s + m
    assert frechet_distance(a, b) == pytest.approx((m**2).sum() + ((1 - s) ** 2).sum(), rel=0.02)
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-9)
    assert frechet_distance(a, b) == pytest.approx(frechet_distance(b, a))


@given(st.integers(0, 1000), st.integers(1, 3))
def test_precision_and_recall_against_loops(seed, k):
    """A point is covered where it is no farther from some other than that one's k-th neighbour of its own set."""
    random = np.random.default_rng(seed)
    samples, real = random.normal(size=(7, 2)), random.normal(size=(9, 2)) + random.uniform(0, 2)

    def part(points, reference):
        inside = 0
        for point in points:
            for i, centre in enumerate(reference):
                others = sorted(np.linalg.norm(centre - o) for j, o in enumerate(reference) if j != i)
                if np.linalg.norm(point - centre) <= others[k - 1]:
                    inside += 1
                    break
        return inside / len(points)

    assert precision_and_recall(samples, real, k) == (part(samples, real), part(real, samples))


def test_precision_and_recall_at_their_ends():
    random = np.random.default_rng(0)
    real = random.normal(size=(300, 4))
    assert precision_and_recall(real, real) == (1, 1)
    assert precision_and_recall(real + 100, real) == (0, 0)
    # All of one mode: likely each, and of a part of the data alone.
    precision, recall = precision_and_recall(0.1 * random.normal(size=(300, 4)), real)
    assert precision > 0.95 and recall < 0.1


def test_frechet_distance_with_correlated_features():
    """Against the textbook's matrix square root."""
    from numpy.linalg import eig

    random = np.random.default_rng(1)
    a, b = (random.normal(size=(500, 4)) @ random.normal(size=(4, 4)) for _ in range(2))
    product = np.cov(a, rowvar=False) @ np.cov(b, rowvar=False)
    trace = np.sqrt(eig(product)[0].astype(complex)).sum().real
    expected = ((a.mean(0) - b.mean(0)) ** 2).sum() + np.cov(a, rowvar=False).trace()
    assert frechet_distance(a, b) == pytest.approx(expected + np.cov(b, rowvar=False).trace() - 2 * trace)


def test_nearest_distances_by_brute_force():
    random = np.random.default_rng(2)
    a, b = random.normal(size=(7, 3)), random.normal(size=(9, 3))
    expected = [min(np.linalg.norm(x - y) for y in b) for x in a]
    np.testing.assert_allclose(nearest_distances(a, b), expected)


def tones(count, seed):
    """Two words that no judge could confuse: a low tone and a high one."""
    random = np.random.default_rng(seed)
    labels = np.arange(count) % 2
    clips = [
        (0.2 * np.sin(2 * np.pi * (300, 2000)[i] * np.arange(random.integers(2000, 4000)) / 8000)).astype(np.float32)
        for i in labels
    ]
    return AudioClips(clips, labels, ("low", "high"), 8000, ("a",) * count)


SMALL = ClassifierConfig(channels=(8, 8, 8, 8), epochs=40, batch=16)


def test_a_judge_of_sound_learns_and_its_cache_agrees(tmp_path):
    data, held_out = tones(96, 0), tones(40, 1)
    judge = cached_judge(data, tmp_path, SMALL)
    probabilities, embeddings = judge.judge(held_out.clips)
    assert (probabilities.argmax(1) == held_out.labels).mean() > 0.95
    assert embeddings.shape == (40, 8) and probabilities.dtype == np.float64
    again = cached_judge(data, tmp_path, SMALL)
    np.testing.assert_array_equal(again.judge(held_out.clips)[0], probabilities)
    assert len(list(tmp_path.iterdir())) == 1
    # Other data, another judge.
    cached_judge(tones(32, 5), tmp_path, SMALL)
    assert len(list(tmp_path.iterdir())) == 2


def test_a_judge_of_pictures_learns():
    random = np.random.default_rng(0)
    labels = np.arange(96) % 2
    pixels = random.integers(0, 60, (96, 8, 8, 1), dtype=np.uint8)
    pixels[labels == 1, :4] += 180
    judge = Judge(Images(pixels, labels, ("a", "b")), SMALL).fit(Images(pixels, labels, ("a", "b")))
    assert (judge.judge(pixels)[0].argmax(1) == labels).mean() > 0.95


def test_clips_are_cut_and_padded():
    placed = pad_clips([np.ones(3, np.float32), np.ones(20, np.float32)], 10, np.array([1.0, 0.0]))
    assert placed.tolist() == [[0] * 7 + [1] * 3, [1] * 10]
