"""What adr-eval does with models that generate samples of labels: a row of figures a setting, and for real data."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from adr_runtime import AudioModel, ImageModel, MaskedModel
from adr_runtime.causal.config import GenerationConfig
from adr_runtime.terminal.display import PlainConsole

from adr_train.data.datasets import SOUNDS
from adr_train.errors import TrainError
from adr_train.evaluation.evaluator import Evaluator, LabelledModel
from adr_train.evaluation.nearest import nearest_rows
from adr_train.evaluation.quality import record
from adr_train.evaluation.report import COLUMNS, Report
from adr_train.evaluation.table import Rows, print_rows
from adr_train.evaluation.voices import heard, voice_rows
from adr_train.recipes.recipe import dataset_of

console = PlainConsole(stderr=True)

# The loudness at which the speech recipes train; a codec never saw louder or softer clips.
LOUDNESS = 0.07


@dataclass(frozen=True)
class Comparison:
    """The real data that generated samples are compared with, and how many samples of each label by how many seeds."""

    dataset: str | None
    folder: Path | None
    split: str
    per_label: int
    seed: int
    seeds: int
    cache: Path


def evaluate_labelled(
    model: LabelledModel, baselines: list[LabelledModel], settings: dict[str, GenerationConfig],
    comparison: Comparison, write: bool, as_json: bool, report: Path | None = None,
) -> None:  # fmt: skip
    """Prints a row for each of `settings` under its name, for each baseline at its defaults, and for real data, and
    puts them on a page in the folder `report`."""
    split, requested = comparison.split, comparison.per_label * len(model.labels)
    dataset = comparison.dataset or dataset_of(str(model.manifest.training.get("recipe")))
    if dataset == SOUNDS:
        evaluate_sounds(model, baselines, settings, comparison, write, as_json, report)
        return
    shape = model.size if isinstance(model, ImageModel | MaskedModel) else None
    evaluator = Evaluator(dataset, comparison.folder, split, comparison.cache, shape=shape)
    if evaluator.train.names != model.labels:
        raise TrainError(f"{model.name} has other labels than the data set: {', '.join(model.labels)}")
    samples = min(requested, evaluator.most)
    if samples < requested:
        each = comparison.per_label
        console.print(f"{samples} samples a row in place of {each} of each label: as many as {split} has")
    rows, judged = measure_rows(evaluator, model, baselines, settings, samples, comparison)
    if write:
        record(model, rows, list(settings.values()), samples, split, comparison.seeds)
    about = {"samples": samples, "seed": comparison.seed, "seeds": comparison.seeds}
    print_rows(model, split, about, rows, as_json)
    if report:
        Report(report, evaluator, model, judged).write(settings, rows, about)
        console.print(f"{report / 'index.html'}")


def evaluate_sounds(
    model: LabelledModel, baselines: list[LabelledModel], settings: dict[str, GenerationConfig],
    comparison: Comparison, write: bool, as_json: bool, report: Path | None,
) -> None:  # fmt: skip
    """The same for one's own sounds, of which there may be few: no judge is trained on them."""
    if write or report:
        raise TrainError(f"--write and --report are for data that judges are trained on, which {SOUNDS} have none of")
    others = [other for other in baselines if isinstance(other, AudioModel)]
    if not isinstance(model, AudioModel) or len(others) < len(baselines):
        raise TrainError(f"{SOUNDS} are for models of sound")
    rows = nearest_rows(
        model, others, settings, comparison.folder, comparison.split, comparison.per_label, comparison.seed,
        comparison.seeds,
    )  # fmt: skip
    about = {
        "samples": comparison.per_label * len(model.labels), "seed": comparison.seed, "seeds": comparison.seeds,
    }  # fmt: skip
    print_rows(model, comparison.split, about, rows, as_json)


def measure_rows(
    evaluator: Evaluator, model: LabelledModel, baselines: list[LabelledModel], settings: dict[str, GenerationConfig],
    samples: int, comparison: Comparison,
) -> tuple[Rows, dict[str, list[np.ndarray]]]:  # fmt: skip
    """The rows, and for each setting the first of the samples that were judged, as many as a report may show."""
    rows: Rows = {}
    judged: dict[str, list[np.ndarray]] = {}
    seeds = comparison.seeds
    for name, setting in settings.items():
        rows[name], made = evaluator.generated(model, samples, setting, seeds)
        judged[name] = made[: COLUMNS * len(model.labels)]
        console.print(f"{name}: accuracy {rows[name]['accuracy']:.3f} of {seeds} x {samples}")
    for baseline in baselines:
        defaults = GenerationConfig(seed=comparison.seed)
        rows[baseline.bundle.folder.name], _ = evaluator.generated(baseline, samples, defaults, seeds)
    if isinstance(model, AudioModel) and model.manifest.tokens.geometry == "codec_latent":
        rows[f"reconstructed {evaluator.split}"] = evaluator.reconstructed(model, LOUDNESS, samples)
    rows |= evaluator.real_rows(samples, seeds)
    if isinstance(model, AudioModel) and model.speakers and not heard(evaluator, model):
        console.print("voices are not judged: the data has none of some of the model's speakers")
    elif isinstance(model, AudioModel) and model.speakers:
        first = next(iter(settings.values()))
        for name, figures in voice_rows(evaluator, model, samples, first, seeds, comparison.cache).items():
            rows.setdefault(name, {}).update(figures)
    return rows, judged
