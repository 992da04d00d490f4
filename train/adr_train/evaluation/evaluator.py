"""Generates from a bundle with ONNX Runtime and judges its samples and those of the validation or the test split.

Rows: the generated samples; the real split; the real training split, whose Frechet distance to the real split is the
floor of what a model can reach. Every row has as many samples as every other, is compared with the same part of the
real split, and is judged by classifiers that were trained on none of its samples (`adr_train.evaluation.crossfit`).

Settings are chosen on the validation split and reported once on the test split. The two draw other seeds, so that
nothing is reported that was chosen for its noise.
"""

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from adr_runtime import Audio, AudioModel, ImageModel, MaskedModel
from adr_runtime.causal.config import GenerationConfig

from adr_train.data.datasets import load_dataset
from adr_train.data.resample import resampled
from adr_train.data.splits import call_seed, spread
from adr_train.data.types import AudioClips, Images, LabelledData, level
from adr_train.errors import TrainError
from adr_train.evaluation.classifiers import ClassifierConfig
from adr_train.evaluation.crossfit import CrossFit, part
from adr_train.evaluation.metrics import (
    am_score,
    average,
    frechet_distance,
    inception_score,
    modified_inception_score,
    nearest_distances,
    precision_and_recall,
    with_errors,
)

ROWS_AT_ONCE = 64
Figures = dict[str, float]
# Models that generate samples of labels.
LabelledModel = AudioModel | ImageModel | MaskedModel


class Evaluator:
    """A data set's judges and its real splits, against which any number of settings can be measured.

    `split` is the one that stands for real data, validation or test. The judges, and the samples among which the
    nearest is looked for, are the training split's alone, which is what models are trained on.
    """

    def __init__(
        self, dataset: str, folder: Path | None, split: str, cache: Path, config: ClassifierConfig | None = None,
        shape: tuple[int, int, int] | None = None,
    ):  # fmt: skip
        self.split = split
        self.train, self.real = (load_labelled(dataset, folder, name, shape) for name in ("train", split))
        self.judges = CrossFit(self.train, cache, config)
        self.train_judgements, self.real_judgements = map(self.judges.judge_split, (self.train, self.real))
        self.shares = np.bincount(self.train.labels, minlength=len(self.train.names)) / len(self.train.labels)
        pairs = zip(self.real_judgements, self.train_judgements, strict=True)
        self.first_percentile = [np.percentile(nearest_distances(real[1], train[1]), 1) for real, train in pairs]

    @property
    def most(self) -> int:
        """The largest number of samples of which every row can have as many."""
        return min(len(self.real.labels), int(np.bincount(self.judges.fold).min()))

    def reference(self, count: int, repeat: int) -> np.ndarray:
        """The indices of the part of the real split that a repetition's rows are compared with, int64 (count,)."""
        return spread(len(self.real.labels), count, repeat)

    def measure(self, samples: list[np.ndarray] | np.ndarray, labels: np.ndarray, repeat: int = 0) -> Figures:
        """Every figure of the protocol for samples with the labels that were asked for: the means over the judges."""
        reference, judgements = self.reference(len(labels), repeat), self.judges.judge(samples)
        return average([self.figures(i, judgement, labels, reference) for i, judgement in enumerate(judgements)])

    def figures(
        self, judge: int, judgement: tuple[np.ndarray, np.ndarray], labels: np.ndarray, reference: np.ndarray | None,
        own: np.ndarray | None = None,
    ) -> Figures:  # fmt: skip
        """What one judge says of samples that it never saw. `reference` are the indices of the real ones to compare
        with, `own` those of the samples themselves if they are training samples."""
        probabilities, embeddings = judgement
        near = nearest_distances(embeddings, self.train_judgements[judge][1], own)
        right = probabilities.argmax(1) == labels
        figures: Figures = {
            "samples": len(labels),
            "accuracy": float(right.mean()),
            "worst_label": min(float(right[labels == label].mean()) for label in np.unique(labels)),
            "confidence": float(probabilities[np.arange(len(labels)), labels].mean()),
            "inception_score": inception_score(probabilities),
            "modified_inception_score": modified_inception_score(probabilities),
            "am_score": am_score(probabilities, self.shares),
            "nearest_training": float(np.median(near)),
            "nearer_than_1st_percentile": float((near < self.first_percentile[judge]).mean()),
        }
        if reference is not None:
            real = self.real_judgements[judge][1][reference]
            figures["frechet_distance"] = frechet_distance(embeddings, real)
            figures["precision"], figures["recall"] = precision_and_recall(embeddings, real)
        return figures

    def real_rows(self, count: int, repeats: int) -> dict[str, Figures]:
        """The same figures for `count` samples of the real split, and of the training split: those of a fold by the
        judge to which they are new, the nearest training sample looked for among all the others. The real split has no
        Frechet distance to itself."""
        whole = count == len(self.real.labels)
        return {
            f"real {self.split}": with_errors([self.real_row(count, r) for r in range(1 if whole else repeats)]),
            "real training": with_errors([self.training_row(count, r) for r in range(repeats)]),
        }

    def real_row(self, count: int, repeat: int) -> Figures:
        chosen = self.reference(count, repeat)
        labels = self.real.labels[chosen]
        return average(
            [self.figures(i, (p[chosen], e[chosen]), labels, None) for i, (p, e) in enumerate(self.real_judgements)]
        )

    def training_row(self, count: int, repeat: int) -> Figures:
        reference, rows = self.reference(count, repeat), []
        for judge, (probabilities, embeddings) in enumerate(self.train_judgements):
            new = np.flatnonzero(self.judges.fold == judge)
            chosen = new[spread(len(new), count, repeat)]
            judgement = probabilities[chosen], embeddings[chosen]
            rows.append(self.figures(judge, judgement, self.train.labels[chosen], reference, chosen))
        return average(rows)

    def reconstructed(self, model: AudioModel, loudness: float | None, count: int) -> Figures:
        """The figures of `count` real clips after the codec of a bundle: as good as its sound can be."""
        real = part(self.real, self.reference(count, 0))
        assert isinstance(real, AudioClips)
        heard = resampled(level(real, loudness) if loudness else real, model.sample_rate)
        made = replace(heard, clips=[model.reconstruct(clip) for clip in heard.clips])
        return self.measure(resampled(made, real.sample_rate).clips, real.labels)

    def generated(
        self, model: LabelledModel, count: int, config: GenerationConfig, repeats: int
    ) -> tuple[Figures, list[np.ndarray]]:
        """The figures of `count` samples, their means and standard errors over so many seeds, and the seconds each; and
        the samples of the first seed."""
        rows, first = [], list[np.ndarray]()
        for repeat in range(repeats):
            samples, labels, seconds = generate(model, count, config, self.split, repeat, self.real)
            rows.append(self.measure(samples, labels, repeat) | {"seconds_per_sample": seconds / count})
            first = first or samples
        return with_errors(rows), first


def load_labelled(
    dataset: str, folder: Path | None, split: str, shape: tuple[int, int, int] | None = None,
    sample_rate: int | None = None,
) -> LabelledData:  # fmt: skip
    data = load_dataset(dataset, folder, split, shape, sample_rate)
    if not isinstance(data, AudioClips | Images):
        raise TrainError(f"{dataset} has no labels; samples are judged by label")
    return data


def generate(
    model: LabelledModel, count: int, config: GenerationConfig, split: str, repeat: int = 0,
    real: LabelledData | None = None,
) -> tuple[list[np.ndarray], np.ndarray, float]:  # fmt: skip
    """`count` samples, of the labels in turn: samples (sound at the rate of the real one where it is given), labels
    int64, and the seconds it took."""
    labels = np.arange(count) % len(model.labels)
    samples: list[np.ndarray] = []
    started = time.perf_counter()
    for a in range(0, count, ROWS_AT_ONCE):
        some = labels[a : a + ROWS_AT_ONCE].tolist()
        # Rows of one call draw different noise; a seed a call keeps the calls apart.
        seed = call_seed(split, config.seed or 0, repeat, a)
        generated = model.generate(label=some, **replace(config, seed=seed).options())
        samples += generated.clips if isinstance(generated, Audio) else list(generated.pixels)
    taken = time.perf_counter() - started
    if isinstance(model, AudioModel) and isinstance(real, AudioClips):
        made = replace(real, clips=samples, labels=labels, sample_rate=model.sample_rate)
        samples = resampled(made, real.sample_rate).clips
    return samples, labels, taken
