"""Filling in: do the halves of a digit fit together? A classifier of real digits judges what a model completed.

    python bench/fill.py digits-any --count 200 --split test

Rows: real pictures, evenly spread over the split (choose --steps and --temperature on validation); each half of them
completed from the other by the model, and filled with the mean training picture, as a floor; and, for what half a
picture tells at all, a classifier trained on that half alone, taking the likeliest digit, and drawing one by its
probabilities as a sampler must. Every known pixel must come back as it was.
"""

import argparse
from pathlib import Path

import adr_runtime
import numpy as np
from adr_train.data.datasets import load_dataset
from adr_train.data.splits import call_seed, spread
from adr_train.evaluation.classifiers import cached_judge
from adr_train.evaluation.cli import default_cache
from sklearn.calibration import CalibratedClassifierCV
from sklearn.svm import SVC


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("bundle")
    arguments.add_argument("--count", type=int, default=200)
    arguments.add_argument("--split", choices=("validation", "test"), default="validation")
    arguments.add_argument("--steps", type=int)
    arguments.add_argument("--temperature", type=float, default=1.0)
    arguments.add_argument("--cache", type=Path)
    given = arguments.parse_args()
    model = adr_runtime.AnyOrderModel.load(given.bundle, "cpu")
    train, test = load_dataset("digits", None, "train"), load_dataset("digits", None, given.split)
    chosen = spread(len(test.labels), given.count)
    pixels, labels = test.pixels[chosen], test.labels[chosen]
    judge = cached_judge(train, given.cache or default_cache())
    mean = train.pixels.mean(0).round().astype(np.uint8)

    def right(pictures: np.ndarray) -> float:
        return float((judge.judge(pictures)[0].argmax(1) == labels).mean())

    print(f"real pictures: {right(pixels):.3f} of {len(pixels)} named right")
    rows, columns = np.mgrid[:8, :8]
    for name, mask in {
        "top": rows < 4, "bottom": rows >= 4, "left": columns < 4, "right": columns >= 4,
    }.items():  # fmt: skip
        made = np.stack([
            model.generate(
                count=1, steps=given.steps, seed=call_seed(given.split, i), temperature=given.temperature,
                picture=p, mask=mask,
            ).pixels[0]
            for i, p in enumerate(pixels)
        ])  # fmt: skip
        assert (made[:, ~mask] == pixels[:, ~mask]).all()
        blind = np.where(mask[..., None], mean, pixels)
        half = CalibratedClassifierCV(SVC(C=10), ensemble=False).fit(train.pixels[:, ~mask, 0] / 255.0, train.labels)
        sure = half.predict_proba(pixels[:, ~mask, 0] / 255.0)
        told, drawn = (sure.argmax(1) == labels).mean(), sure[np.arange(len(labels)), labels].mean()
        print(
            f"{name} half completed: {right(made):.3f}; filled with the mean picture: {right(blind):.3f}; "
            f"from the other half alone: {told:.3f}, drawn: {drawn:.3f}"
        )


if __name__ == "__main__":
    main()
