"""Judges that never saw what they judge: one for each fold of the training split, trained on the other folds.

So the real training samples of a fold are judged as generated and held-out ones are: by a judge to which they are new.
Embeddings of different judges lie in different spaces; figures are computed judge by judge and then averaged.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np

from adr_train.data.types import Images, LabelledData
from adr_train.errors import TrainError
from adr_train.evaluation.classifiers import ClassifierConfig, cached_judge, cached_judgement

FOLDS = 2


def folds_of(labels: np.ndarray, count: int = FOLDS, seed: int = 0) -> np.ndarray:
    """The fold of each sample, int64 (samples,): the samples of a label are dealt out in an order drawn by the seed,
    so that every fold has as many of them as any other, give or take one."""
    random = np.random.default_rng((seed, count))
    folds = np.empty(len(labels), np.int64)
    for label in np.unique(labels):
        members = random.permutation(np.flatnonzero(labels == label))
        folds[members] = np.arange(len(members)) % count
    return folds


def part(data: LabelledData, index: np.ndarray) -> LabelledData:
    """The samples at these indices, int64 (count,)."""
    if isinstance(data, Images):
        return replace(data, pixels=data.pixels[index], labels=data.labels[index])
    clips, speakers = [data.clips[i] for i in index], tuple(data.speakers[i] for i in index)
    return replace(data, clips=clips, labels=data.labels[index], speakers=speakers)


class CrossFit:
    """The judges of a training split. `fold` int64 (samples,) tells which judge never saw a sample."""

    def __init__(
        self, data: LabelledData, cache: Path, config: ClassifierConfig | None = None, count: int = FOLDS
    ):  # fmt: skip
        if np.bincount(data.labels, minlength=len(data.names)).min() < count:
            raise TrainError(f"the training split has fewer than {count} samples of a label; no judge can be trained")
        self.cache, self.fold = cache, folds_of(data.labels, count)
        self.judges = [cached_judge(part(data, np.flatnonzero(self.fold != i)), cache, config) for i in range(count)]

    def judge(self, samples: list[np.ndarray] | np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
        """Probabilities (count, classes) and embeddings (count, features) by every judge, float64."""
        return [judge.judge(samples) for judge in self.judges]

    def judge_split(self, data: LabelledData) -> list[tuple[np.ndarray, np.ndarray]]:
        """The same of all samples of a real split, kept beside the judges."""
        return [cached_judgement(judge, data, self.cache) for judge in self.judges]
