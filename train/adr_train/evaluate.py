"""The protocol: generate from a bundle with ONNX Runtime, judge beside real data of the test split.

Rows: the generated samples; the real test split; the real training split (as many as there are test samples), whose
Frechet distance to the test split is the floor of what a model can reach.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import adr_runtime
import numpy as np
from adr_runtime import Audio

from adr_train.classifiers import cached_judge
from adr_train.data import Images, Sounds, level, load_dataset
from adr_train.errors import TrainError
from adr_train.metrics import (
    am_score,
    frechet_distance,
    inception_score,
    modified_inception_score,
    nearest_distances,
)
from adr_train.recipe import available, read_recipe

ROWS_AT_ONCE = 64


@dataclass(frozen=True)
class Setting:
    """How samples are made; None takes the bundle's default."""

    steps: int | None = None
    sampler: str | None = None
    guidance: float | None = None
    temperature: float | None = None
    seed: int = 0
    speaker: str | None = None


class Protocol:
    """A data set's judge and its real splits, against which any number of settings can be measured."""

    def __init__(self, dataset: str, folder: Path | None, cache: Path):
        self.train = join(load_dataset(dataset, folder, "train"), load_dataset(dataset, folder, "validation"))
        self.test = load_dataset(dataset, folder, "test")
        self.cache, self.judge = cache, cached_judge(self.train, cache)
        self.train_seen = self.judge.judge(samples_of(self.train))
        self.test_seen = self.judge.judge(samples_of(self.test))
        self.shares = np.bincount(self.train.labels, minlength=len(self.train.names)) / len(self.train.labels)

    def measure(self, samples: list[np.ndarray] | np.ndarray, labels: np.ndarray) -> dict[str, float]:
        """Every figure of the protocol for samples with the labels that were asked for."""
        probabilities, embeddings = self.judge.judge(samples)
        return self.figures(probabilities, embeddings, labels, self.train_seen[1])

    def figures(
        self, probabilities: np.ndarray, embeddings: np.ndarray, labels: np.ndarray, others: np.ndarray
    ) -> dict[str, float]:
        return {
            "samples": len(labels),
            "accuracy": float((probabilities.argmax(1) == labels).mean()),
            "confidence": float(probabilities[np.arange(len(labels)), labels].mean()),
            "inception_score": inception_score(probabilities),
            "modified_inception_score": modified_inception_score(probabilities),
            "am_score": am_score(probabilities, self.shares),
            "frechet_distance": frechet_distance(embeddings, self.test_seen[1]),
            "nearest_training": float(np.median(nearest_distances(embeddings, others))),
        }

    def reconstructed(self, model: adr_runtime.Model, loudness: float | None) -> dict[str, float]:
        """The figures of the real test clips after the codec of a bundle: as good as its sound can be."""
        assert isinstance(self.test, Sounds)
        clips = level(self.test, loudness).clips if loudness else self.test.clips
        return self.measure([model.reconstruct(clip) for clip in clips], self.test.labels)

    def speakers(self, model: adr_runtime.Model, per_speaker: int, setting: Setting) -> dict[str, dict[str, float]]:
        """Rows for generated clips and real test clips: the part whose speaker a classifier of speakers, trained on
        the real training split, finds right, and the mean cosine of its embedding with the speaker's mean one."""
        assert isinstance(self.train, Sounds) and isinstance(self.test, Sounds)
        names = model.manifest.speakers
        voices = [replace(data, labels=np.array([names.index(s) for s in data.speakers]), names=names)
                  for data in (self.train, self.test)]  # fmt: skip
        judge = cached_judge(voices[0], self.cache)
        _, embeddings = judge.judge(voices[0].clips)
        centres = np.stack([embeddings[voices[0].labels == i].mean(0) for i in range(len(names))])
        clips: list[np.ndarray] = []
        for name in names:
            made, _, _ = generate(model, -(-per_speaker // len(model.labels)), replace(setting, speaker=name))
            clips += made
        labels = np.arange(len(names)).repeat(len(clips) // len(names))
        rows = {}
        for row, samples, truth in (("generated", clips, labels), ("real test", voices[1].clips, voices[1].labels)):
            probabilities, found = judge.judge(samples)
            own = centres[truth]
            cosine = (found * own).sum(1) / (np.linalg.norm(found, axis=1) * np.linalg.norm(own, axis=1))
            rows[row] = {
                "speaker_accuracy": float((probabilities.argmax(1) == truth).mean()),
                "speaker_similarity": float(cosine.mean()),
            }
        return rows

    def real_rows(self) -> dict[str, dict[str, float]]:
        """The same figures for the real test split, and for a random part of the training split of its size. The
        nearest training sample of a training sample is looked for among all the others."""
        probabilities, embeddings = self.train_seen
        count = min(len(self.test.labels), len(self.train.labels) // 2)
        chosen = np.random.default_rng(0).permutation(len(self.train.labels))[:count]
        rest = np.delete(embeddings, chosen, axis=0)
        return {
            "real test": self.figures(*self.test_seen, self.test.labels, self.train_seen[1]),
            "real training": self.figures(probabilities[chosen], embeddings[chosen], self.train.labels[chosen], rest),
        }


def samples_of(data: Sounds | Images) -> list[np.ndarray] | np.ndarray:
    return data.clips if isinstance(data, Sounds) else data.pixels


def join(first: Sounds | Images, second: Sounds | Images) -> Sounds | Images:
    labels = np.concatenate([first.labels, second.labels])
    if isinstance(first, Sounds) and isinstance(second, Sounds):
        speakers = first.speakers + second.speakers
        return Sounds(first.clips + second.clips, labels, first.names, first.sample_rate, speakers)
    assert isinstance(first, Images) and isinstance(second, Images)
    return Images(np.concatenate([first.pixels, second.pixels]), labels, first.names)


def generate(
    model: adr_runtime.Model, per_label: int, setting: Setting, tell: Callable[[float], None] = lambda part: None
) -> tuple[list[np.ndarray], np.ndarray, float]:
    """`per_label` samples of every label in turn: samples, labels int64, and the seconds it took."""
    labels = np.tile(np.arange(len(model.labels)), per_label)
    samples: list[np.ndarray] = []
    started = time.perf_counter()
    for a in range(0, len(labels), ROWS_AT_ONCE):
        part = labels[a : a + ROWS_AT_ONCE].tolist()
        # Rows of one call draw different noise; a seed a call keeps the calls apart.
        made = model.generate(
            label=part, steps=setting.steps, sampler=setting.sampler, guidance=setting.guidance,
            temperature=setting.temperature, seed=setting.seed * 1_000_003 + a, speaker=setting.speaker,
        )  # fmt: skip
        if isinstance(made, Audio):
            lengths = made.lengths or (made.samples.shape[1],) * len(part)
            samples += [row[:length] for row, length in zip(made.samples, lengths, strict=True)]
        else:
            samples += list(made.pixels)
        tell(len(samples) / len(labels))
    return samples, labels, time.perf_counter() - started


def dataset_of(model: adr_runtime.Model) -> str:
    """The data set of the recipe that a bundle was trained by."""
    recipe = str(model.manifest.training.get("recipe"))
    if recipe not in available():
        raise TrainError(f"{model.name} was trained by {recipe!r}, which is no shipped recipe; give --dataset")
    return read_recipe(recipe, "cpu").dataset
