"""adr-eval: a bundle -> the figures of its samples, with those of real data."""

import itertools
import os
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Optional

import adr_runtime
import typer
from adr_runtime import AnyOrderModel, AudioModel, ImageModel
from adr_runtime.causal.config import GenerationConfig
from adr_runtime.terminal.display import PlainConsole
from adr_runtime.terminal.interrupts import empty_handed

from adr_train.errors import TrainError
from adr_train.evaluation.table import Rows, print_rows

app = typer.Typer(add_completion=True, rich_markup_mode=None, pretty_exceptions_enable=False)
console = PlainConsole(stderr=True)

# The loudness at which the speech recipes train; a codec never saw louder or softer clips.
LOUDNESS = 0.07
EXAMPLE = "Example: adr-eval speech-digits --data fsdd --per-label 20"
SWEPT = {"steps": int, "guidance": float, "temperature": float, "sampler": str, "seed": int}


@app.command(epilog=EXAMPLE)
def evaluate(
    bundle: Annotated[str, typer.Argument(help="A shipped model's name or a bundle's folder.")],
    data: Annotated[Optional[Path], typer.Option(help="Folder of the data set; digits needs none.")] = None,
    dataset: Annotated[Optional[str], typer.Option(help="Name of the data set; the recipe's unless given.")] = None,
    per_label: Annotated[int, typer.Option(min=1, help="Samples of each label, as far as the split has as many.")] = 20,
    steps: Annotated[Optional[int], typer.Option(help="Denoising steps.")] = None,
    sampler: Annotated[Optional[str], typer.Option(help="ddpm, ddim or dpm++.")] = None,
    guidance: Annotated[Optional[float], typer.Option(help="Classifier-free guidance; 1 is none.")] = None,
    temperature: Annotated[Optional[float], typer.Option(help="Scale of the noise.")] = None,
    split: Annotated[
        str, typer.Option(help="Real data to compare with: validation to choose settings, test to report once.")
    ] = "validation",
    seed: Annotated[int, typer.Option(min=0, help="Seed; the two splits draw different numbers from it.")] = 0,
    seeds: Annotated[
        int, typer.Option(min=1, help="Draws whose mean and standard error are given; not for any-order models.")
    ] = 3,
    sweep: Annotated[
        Optional[list[str]], typer.Option(help="A row for each value, as guidance=1,2,3; may be given several times.")
    ] = None,
    beside: Annotated[
        Optional[list[str]], typer.Option(help="Another bundle as a row of its own, at its defaults.")
    ] = None,
    budgets: Annotated[
        Optional[str], typer.Option(help="Any-order models: network calls to measure, as full,250,50,20.")
    ] = None,
    count: Annotated[Optional[int], typer.Option(min=1, help="Any-order models: sequences; 100 unless given.")] = None,
    causal: Annotated[
        Optional[Path], typer.Option(help="Any-order models: a trained causal baseline as a row of its own.")
    ] = None,
    provider: Annotated[str, typer.Option(help="auto, cuda or cpu.")] = "auto",
    threads: Annotated[Optional[int], typer.Option(min=1, help="Threads of ONNX Runtime.")] = None,
    cache: Annotated[Optional[Path], typer.Option(help="Where trained judges are kept.")] = None,
    write: Annotated[
        bool, typer.Option("--write", help="Put the figures into the bundle's manifest and card.")
    ] = False,
    json_: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
) -> None:
    """Judge generated samples with classifiers trained on the real training data (minutes, the first time); any-order
    models by their bits per dimension. Choose settings on the validation split, then report once on the test split."""
    with empty_handed():
        from adr_train.evaluation.any_order import evaluate_any_order
        from adr_train.evaluation.evaluator import Evaluator, dataset_of
        from adr_train.evaluation.quality import record

    base = GenerationConfig(steps, sampler, guidance, temperature, seed)
    combinations = sweep_values(sweep or [])
    settings = [replace(base, **values) for values in combinations]
    check_choice(split, combinations, write)
    model = adr_runtime.load(bundle, provider, threads)
    if model.provider_note:
        console.print(f"on the CPU, because {model.provider_note}")
    if isinstance(model, AnyOrderModel):
        evaluate_any_order(model, dataset, data, split, budgets or "", count or 100, causal, seed, write, json_)
        return
    if budgets or causal or count:
        raise TrainError(f"{model.name} is no any-order model; --budgets, --causal and --count are for those")
    if not model.labels:
        raise TrainError(f"{model.name} has no labels; the protocol judges by label")
    for setting in settings:
        setting.resolve(model.manifest)
    baselines = [load_baseline(other, provider, threads) for other in beside or []]
    evaluator = Evaluator(dataset or dataset_of(model), data, split, cache or default_cache())
    if evaluator.train.names != model.labels:
        raise TrainError(f"{model.name} has other labels than the data set: {', '.join(model.labels)}")
    samples = min(per_label * len(model.labels), evaluator.most)
    if samples < per_label * len(model.labels):
        console.print(f"{samples} samples a row in place of {per_label} of each label: as many as {split} has")
    rows: Rows = {}
    for setting, values in zip(settings, combinations, strict=True):
        name = " ".join(f"{k}={v}" for k, v in values.items()) or "generated"
        rows[name] = evaluator.generated(model, samples, setting, seeds)
        console.print(f"{name}: accuracy {rows[name]['accuracy']:.3f} of {seeds} x {samples}")
    for baseline in baselines:
        rows[baseline.bundle.folder.name] = evaluator.generated(baseline, samples, GenerationConfig(seed=seed), seeds)
    if isinstance(model, AudioModel) and model.manifest.tokens.geometry == "codec_latent":
        rows[f"reconstructed {split}"] = evaluator.reconstructed(model, LOUDNESS, samples)
    rows |= evaluator.real_rows(samples, seeds)
    if isinstance(model, AudioModel) and model.speakers:
        from adr_train.evaluation.voices import voice_rows

        voices = voice_rows(evaluator, model, samples, settings[0], seeds, cache or default_cache())
        for row, figures in voices.items():
            rows.setdefault(row, {}).update(figures)
    if write:
        record(model, rows, settings, samples, split, seeds)
    print_rows(model, split, {"samples": samples, "seed": seed, "seeds": seeds}, rows, json_)


def check_choice(split: str, combinations: list[dict[str, Any]], write: bool) -> None:
    """What is reported is one setting, at several numbers of steps perhaps, and was not chosen by its own report."""
    if split not in ("validation", "test"):
        raise TrainError(f"--split {split!r}: choose settings on validation, then report once on test")
    if any(set(values) - {"steps"} for values in combinations):
        if split == "test":
            raise TrainError("--split test is for reporting: sweep on --split validation, here steps alone")
        if write:
            raise TrainError("--write takes one setting, or --sweep steps=...; leave the other sweeps out")


def load_baseline(bundle: str, provider: str, threads: Optional[int]) -> AudioModel | ImageModel:
    model = adr_runtime.load(bundle, provider, threads)
    if isinstance(model, AnyOrderModel):
        raise TrainError(f"--beside {bundle}: an any-order model makes no samples of labels")
    return model


def sweep_values(sweep: list[str]) -> list[dict[str, Any]]:
    """Every combination of the swept values; one empty one without a sweep."""
    axes = []
    for item in sweep:
        name, _, values = item.partition("=")
        if name not in SWEPT or not values:
            raise TrainError(f"--sweep {item!r}: expected one of {', '.join(SWEPT)} with values, as guidance=1,2,3")
        try:
            axes.append([(name, SWEPT[name](value)) for value in values.split(",")])
        except ValueError as error:
            raise TrainError(f"--sweep {item!r}: {error}") from error
    return [dict(combination) for combination in itertools.product(*axes)]


def default_cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "adr"
