"""Whose voice is it? Rows of figures for models that were trained on several speakers."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from adr_runtime import AudioModel
from adr_runtime.causal.config import GenerationConfig

from adr_train.data.types import AudioClips
from adr_train.evaluation.crossfit import CrossFit, part
from adr_train.evaluation.evaluator import Evaluator, Figures, generate
from adr_train.evaluation.metrics import average, with_errors


def voice_rows(
    evaluator: Evaluator, model: AudioModel, count: int, config: GenerationConfig, repeats: int, cache: Path
) -> dict[str, Figures]:
    """For generated clips, `count` or a few more of the speakers in turn, and for those of the real split: the part
    whose speaker classifiers of speakers find right, and the mean cosine of a clip's embedding with the speaker's mean
    one. The classifiers are trained on folds of the training split; the means are of the fold that is new to each."""
    assert isinstance(evaluator.train, AudioClips) and isinstance(evaluator.real, AudioClips)
    names = model.manifest.speakers
    train, real = (named(data, names) for data in (evaluator.train, evaluator.real))
    judges = CrossFit(train, cache)
    centres = []
    for i, (_, embeddings) in enumerate(judges.judge(train.clips)):
        new = judges.fold == i
        centres.append(np.stack([embeddings[new & (train.labels == k)].mean(0) for k in range(len(names))]))

    def figures(clips: list[np.ndarray], truth: np.ndarray) -> Figures:
        return average([
            agreement(*judgement, truth, centre) for judgement, centre in zip(judges.judge(clips), centres, strict=True)
        ])  # fmt: skip

    each = -(-count // len(names))
    rows = []
    for repeat in range(repeats):
        clips: list[np.ndarray] = []
        for name in names:
            clips += generate(model, each, replace(config, speaker=name), evaluator.split, repeat, evaluator.real)[0]
        rows.append(figures(clips, np.arange(len(names)).repeat(each)))
    return {"generated": with_errors(rows), f"real {evaluator.split}": figures(real.clips, real.labels)}


def named(data: AudioClips, names: tuple[str, ...]) -> AudioClips:
    """The clips of these speakers, with their speakers as labels."""
    known = part(data, np.flatnonzero(np.isin(data.speakers, names)))
    assert isinstance(known, AudioClips)
    return replace(known, labels=np.array([names.index(s) for s in known.speakers], np.int64), names=names)


def heard(evaluator: Evaluator, model: AudioModel) -> bool:
    """Whether both splits have recordings of all the speakers of a model."""
    splits = (evaluator.train, evaluator.real)
    return all(isinstance(data, AudioClips) and set(model.speakers) <= set(data.speakers) for data in splits)


def agreement(probabilities: np.ndarray, embeddings: np.ndarray, truth: np.ndarray, centres: np.ndarray) -> Figures:
    own = centres[truth]
    cosine = (embeddings * own).sum(1) / (np.linalg.norm(embeddings, axis=1) * np.linalg.norm(own, axis=1))
    return {
        "speaker_accuracy": float((probabilities.argmax(1) == truth).mean()),
        "speaker_similarity": float(cosine.mean()),
    }
