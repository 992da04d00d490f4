"""Filling in: do the parts of a picture fit together? A classifier of real pictures judges what models completed.

    python bench/fill.py digits-any --count 200 --split test
    python bench/fill.py pictures bundles/mine --dataset cifar10 --data DIR --parts quarters --split test

Rows: real pictures, evenly spread over the split (choose settings on validation); each half or quarter of them made
anew by every model, which is told no label, and filled with the mean training picture, as a floor. For halves of digits
also what half a picture tells at all: a classifier trained on that half alone, taking the likeliest digit, and drawing
one by its probabilities as a sampler must. Every known pixel must come back as it was.
"""

import argparse
import time
from pathlib import Path

import adr_runtime
import numpy as np
from adr_train.data.datasets import load_dataset
from adr_train.data.splits import call_seed, spread
from adr_train.data.types import Images
from adr_train.evaluation.classifiers import cached_judge
from adr_train.evaluation.cli import default_cache
from adr_train.evaluation.crossfit import CrossFit
from adr_train.evaluation.picture_judge import SMALLEST
from sklearn.calibration import CalibratedClassifierCV
from sklearn.svm import SVC

Model = adr_runtime.AnyOrderModel | adr_runtime.MaskedModel


def parts_of(kind: str, height: int, width: int) -> dict[str, np.ndarray]:
    """What is made anew, bool (height, width), by name."""
    rows, columns = np.mgrid[:height, :width]
    top, left = rows < height // 2, columns < width // 2
    if kind == "halves":
        return {"top": top, "bottom": ~top, "left": left, "right": ~left}
    sides = (("top", top), ("bottom", ~top)), (("left", left), ("right", ~left))
    return {f"{a} {b}": x & y for a, x in sides[0] for b, y in sides[1]}


def complete(model: Model, picture: np.ndarray, mask: np.ndarray, given: argparse.Namespace, number: int) -> np.ndarray:
    options = {"steps": given.steps, "temperature": given.temperature, "seed": call_seed(given.split, number)}
    if isinstance(model, adr_runtime.MaskedModel):
        return model.fill(picture, mask, calls=given.calls, order=given.order, **options).pixels[0]
    return model.generate(count=1, picture=picture, mask=mask, **options).pixels[0]


def half_alone(train: Images, pixels: np.ndarray, labels: np.ndarray, mask: np.ndarray) -> str:
    half = CalibratedClassifierCV(SVC(C=10), ensemble=False).fit(train.pixels[:, ~mask, 0] / 255.0, train.labels)
    sure = half.predict_proba(pixels[:, ~mask, 0] / 255.0)
    told, drawn = (sure.argmax(1) == labels).mean(), sure[np.arange(len(labels)), labels].mean()
    return f"; from the other half alone: {told:.3f}, drawn: {drawn:.3f}"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("bundle", nargs="+")
    parser.add_argument("--dataset", default="digits")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--parts", choices=("halves", "quarters"), default="halves")
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--split", choices=("validation", "test"), default="validation")
    parser.add_argument("--steps", type=int, help="network calls of any-order models, denoising steps of masked ones")
    parser.add_argument("--calls", type=int, help="network calls of masked models")
    parser.add_argument("--order")
    parser.add_argument("--temperature", type=float)
    parser.add_argument("--cache", type=Path)
    return parser.parse_args()


def main() -> None:
    given = arguments()
    models: list[Model] = [adr_runtime.load(bundle, "cpu") for bundle in given.bundle]
    train, test = (load_dataset(given.dataset, given.data, split) for split in ("train", given.split))
    chosen = spread(len(test.labels), given.count)
    pixels, labels = test.pixels[chosen], test.labels[chosen]
    cache = given.cache or default_cache()
    # Larger pictures are judged by those whom adr-eval keeps.
    large = pixels.shape[1] >= SMALLEST
    judges = CrossFit(train, cache).judges if large else [cached_judge(train, cache)]
    mean = train.pixels.mean(0).round().astype(np.uint8)

    def right(pictures: np.ndarray) -> float:
        return float(np.mean([judge.judge(pictures)[0].argmax(1) == labels for judge in judges]))

    print(f"real pictures: {right(pixels):.3f} of {len(pixels)} named right")
    for name, mask in parts_of(given.parts, *pixels.shape[1:3]).items():
        for model in models:
            started = time.perf_counter()
            made = np.stack([complete(model, p, mask, given, i) for i, p in enumerate(pixels)])
            seconds = (time.perf_counter() - started) / len(pixels)
            assert (made[:, ~mask] == pixels[:, ~mask]).all()
            error = float(np.sqrt(np.square(made[:, mask].astype(float) - pixels[:, mask]).mean()))
            print(f"{name} by {model.name}: {right(made):.3f}; rms error {error:.1f}, {seconds:.2f} s each")
        blind = np.where(mask[..., None], mean, pixels)
        alone = half_alone(train, pixels, labels, mask) if given.dataset == "digits" and given.parts == "halves" else ""
        print(f"{name} filled with the mean picture: {right(blind):.3f}{alone}")


if __name__ == "__main__":
    main()
