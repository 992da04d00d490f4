"""The figures of the SC09 protocol as pure functions, in float64.

probabilities (count, classes) are a classifier's; embeddings (count, features) its penultimate layer's. Inception
Score: Salimans et al. 2016 (arXiv 1606.03498). Modified Inception Score: Gurumurthy et al. 2017 (arXiv 1706.02071).
AM score: Zhou et al. 2018 (arXiv 1703.02000). Frechet distance: Heusel et al. 2017 (arXiv 1706.08500). Precision and
recall: Kynkaanniemi et al. 2019 (arXiv 1904.06991).
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
TINY = 1e-12
ROWS_AT_ONCE = 256
STANDARD_ERROR = "_standard_error"


def inception_score(probabilities: Array) -> float:
    """exp(E[KL(p(y|x) || p(y))]): 1 at worst, the number of classes at best."""
    p = np.asarray(probabilities, np.float64)
    return float(np.exp(divergence(p, p.mean(0)).mean()))


def modified_inception_score(probabilities: Array) -> float:
    """exp(E_i E_j[KL(p(y|x_i) || p(y|x_j))]): also rewards diversity within a class."""
    p = np.asarray(probabilities, np.float64)
    entropy = (p * np.log(p + TINY)).sum(1).mean()
    cross = (p.mean(0) * np.log(p + TINY).mean(0)).sum()
    return float(np.exp(entropy - cross))


def am_score(probabilities: Array, reference: Array) -> float:
    """KL(p_reference(y) || p(y)) + E[H(p(y|x))], with the label distribution of the training data: 0 at best."""
    p = np.asarray(probabilities, np.float64)
    entropy = -(p * np.log(p + TINY)).sum(1).mean()
    return float(divergence(np.asarray(reference, np.float64), p.mean(0)) + entropy)


def divergence(p: Array, q: Array) -> Array:
    """KL(p || q) over the last axis, in nats."""
    each: Array = p * (np.log(p + TINY) - np.log(q + TINY))
    return np.asarray(each.sum(-1))


def frechet_distance(first: Array, second: Array) -> float:
    """|mu1 - mu2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2)) of the two sets' Gaussians. Biased upwards in small sets, so that
    only distances of sets of equal sizes may be compared."""
    first, second = np.asarray(first, np.float64), np.asarray(second, np.float64)
    shift = first.mean(0) - second.mean(0)
    c1, c2 = np.cov(first, rowvar=False), np.cov(second, rowvar=False)
    c1, c2 = np.atleast_2d(c1), np.atleast_2d(c2)
    # tr (C1 C2)^(1/2) = tr (C1^(1/2) C2 C1^(1/2))^(1/2), and that product is symmetric.
    values, vectors = np.linalg.eigh(c1)
    root = vectors * np.sqrt(np.clip(values, 0, None)) @ vectors.T
    cross = np.sqrt(np.clip(np.linalg.eigvalsh(root @ c2 @ root), 0, None)).sum()
    return float(shift @ shift + np.trace(c1) + np.trace(c2) - 2 * cross)


def nearest_distances(samples: Array, reference: Array, own: NDArray[np.int64] | None = None) -> Array:
    """Euclidean distance of each sample to its nearest reference, (count,). Samples that are of the reference
    themselves have their indices in it in `own`, int64 (count,), and are not compared with themselves."""
    samples, reference = np.asarray(samples, np.float64), np.asarray(reference, np.float64)
    nearest = np.empty(len(samples))
    for a in range(0, len(samples), ROWS_AT_ONCE):
        square = distances(samples[a : a + ROWS_AT_ONCE], reference)
        if own is not None:
            square[np.arange(len(square)), own[a : a + ROWS_AT_ONCE]] = np.inf
        nearest[a : a + ROWS_AT_ONCE] = np.sqrt(square.min(1))
    return nearest


def precision_and_recall(samples: Array, real: Array, neighbours: int = 3) -> tuple[float, float]:
    """The part of the samples that lie in the manifold of the real data, and the part of the real data in that of the
    samples. A manifold is all that is as near to a point of a set as its k-th neighbour in that set. Both grow with the
    sets, so that only figures of sets of equal sizes may be compared."""
    samples, real = np.asarray(samples, np.float64), np.asarray(real, np.float64)
    return covered(samples, real, neighbours), covered(real, samples, neighbours)


def covered(points: Array, reference: Array, neighbours: int) -> float:
    """The part of the points that lie in the manifold of the reference."""
    # Of its own set, each point is the nearest to itself.
    neighbours = min(neighbours, len(reference) - 1)
    radii = np.concatenate([
        np.partition(distances(reference[a : a + ROWS_AT_ONCE], reference), neighbours, 1)[:, neighbours]
        for a in range(0, len(reference), ROWS_AT_ONCE)
    ])  # fmt: skip
    inside = [
        (distances(points[a : a + ROWS_AT_ONCE], reference) <= radii).any(1)
        for a in range(0, len(points), ROWS_AT_ONCE)
    ]
    return float(np.concatenate(inside).mean())


def distances(first: Array, second: Array) -> Array:
    """Squared Euclidean distances (first, second), none below 0."""
    square = (first**2).sum(1)[:, None] + (second**2).sum(1) - 2 * first @ second.T
    return np.asarray(np.clip(square, 0, None))


def average(rows: list[dict[str, float]]) -> dict[str, float]:
    """The mean of every figure."""
    return {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}


def with_errors(rows: list[dict[str, float]]) -> dict[str, float]:
    """The mean of every figure over repetitions and, where there are several, its standard error under the figure's
    name and `STANDARD_ERROR`. Counts and times have none."""
    figures = average(rows)
    for name in list(figures) if len(rows) > 1 else []:
        if name not in ("samples", "seconds_per_sample"):
            figures[name + STANDARD_ERROR] = float(np.std([row[name] for row in rows], ddof=1) / len(rows) ** 0.5)
    return figures
