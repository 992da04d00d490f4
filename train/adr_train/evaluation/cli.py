"""adr-eval: a bundle -> the figures of its samples, with those of real data."""

import itertools
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Optional

import adr_runtime
import typer
from adr_runtime import AnyOrderModel, AudioModel, ImageModel, MaskedConfig, MaskedModel
from adr_runtime.bundles.hub import is_hub_name
from adr_runtime.causal.config import GenerationConfig
from adr_runtime.causal.parts import parts_text, read_parts
from adr_runtime.cli.parts_options import parts
from adr_runtime.terminal.cache import default_cache
from adr_runtime.terminal.display import PlainConsole
from adr_runtime.terminal.interrupts import empty_handed

from adr_train.errors import TrainError

app = typer.Typer(add_completion=True, rich_markup_mode=None, pretty_exceptions_enable=False)
console = PlainConsole(stderr=True)

EXAMPLE = "Example: adr-eval speech-digits --data fsdd --per-label 20"
SWEPT: dict[str, Callable[[str], Any]] = {
    "steps": partial(read_parts, kind=int), "guidance": partial(read_parts, kind=float),
    "temperature": partial(read_parts, kind=float), "sampler": str, "seed": int, "calls": int, "order": str,
}  # fmt: skip


BundleArgument = Annotated[str, typer.Argument(help="A shipped model's name, a bundle's folder, or hf:owner/name.")]
DataOption = Annotated[Optional[Path], typer.Option(help="Folder of the data set; digits needs none.")]
DatasetOption = Annotated[Optional[str], typer.Option(help="Name of the data set; the recipe's unless given.")]
PerLabelOption = Annotated[int, typer.Option(min=1, help="Samples of each label, as far as the split has as many.")]
StepsOption = Annotated[Optional[Any], typer.Option(parser=parts(int), metavar="<int>", help="Denoising steps.")]
SamplerOption = Annotated[Optional[str], typer.Option(help="ddpm, ddim or dpm++.")]
GuidanceOption = Annotated[
    Optional[Any], typer.Option(parser=parts(float), metavar="<float>", help="Classifier-free guidance; 1 is none.")
]
TemperatureOption = Annotated[
    Optional[Any],
    typer.Option(parser=parts(float), metavar="<float>", help="Scale of the noise; 1.1:1:1 gives parts their own."),
]
SplitOption = Annotated[
    str, typer.Option(help="Real data to compare with: validation to choose settings, test to report once.")
]
SeedOption = Annotated[int, typer.Option(min=0, help="Seed; the two splits draw different numbers from it.")]
SeedsOption = Annotated[
    int, typer.Option(min=1, help="Draws whose mean and standard error are given; not for any-order models.")
]
SweepOption = Annotated[
    Optional[list[str]], typer.Option(help="A row for each value, as guidance=1,2,3; may be given several times.")
]
BesideOption = Annotated[Optional[list[str]], typer.Option(help="Another bundle as a row of its own, at its defaults.")]
BudgetsOption = Annotated[
    Optional[str], typer.Option(help="Any-order models: network calls to measure, as full,250,50,20.")
]
CountOption = Annotated[Optional[int], typer.Option(min=1, help="Any-order models: sequences; 100 unless given.")]
CausalOption = Annotated[
    Optional[Path], typer.Option(help="Any-order models: a trained causal baseline as a row of its own.")
]
ProviderOption = Annotated[str, typer.Option(help="auto, cuda or cpu.")]
ThreadsOption = Annotated[Optional[int], typer.Option(min=1, help="Threads of ONNX Runtime.")]
CacheOption = Annotated[Optional[Path], typer.Option(help="Where trained judges are kept.")]
WriteOption = Annotated[bool, typer.Option("--write", help="Put the figures into the bundle's manifest and card.")]
ReportOption = Annotated[
    Optional[Path],
    typer.Option(help="A new folder for a page with samples, their nearest training samples and curves."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
DebugOption = Annotated[bool, typer.Option("--debug", help="Show tracebacks.")]


@app.command(epilog=EXAMPLE)
def evaluate(
    bundle: BundleArgument, data: DataOption = None, dataset: DatasetOption = None, per_label: PerLabelOption = 20,
    steps: StepsOption = None, sampler: SamplerOption = None, guidance: GuidanceOption = None,
    temperature: TemperatureOption = None, split: SplitOption = "validation", seed: SeedOption = 0,
    seeds: SeedsOption = 3, sweep: SweepOption = None, beside: BesideOption = None, budgets: BudgetsOption = None,
    count: CountOption = None, causal: CausalOption = None, provider: ProviderOption = "auto",
    threads: ThreadsOption = None, cache: CacheOption = None, write: WriteOption = False, report: ReportOption = None,
    json_: JsonOption = False, debug: DebugOption = False,
) -> None:  # fmt: skip
    """Judge generated samples with classifiers trained on the real training data (minutes, the first time; for pictures
    of 28 pixels or more hours on a CPU); any-order models by their bits per dimension. Choose settings on the
    validation split, then report once on the test split."""
    with empty_handed():
        from adr_train.evaluation.any_order import evaluate_any_order
        from adr_train.evaluation.labelled import Comparison, evaluate_labelled
        from adr_train.evaluation.report import check_folder

    combinations = sweep_values(sweep or [])
    check_choice(split, combinations, write)
    if write and is_hub_name(bundle):
        raise TrainError(f"--write would change the cache of {bundle}; adr-run pull it to a folder first")
    if report:
        check_folder(report)
    model = adr_runtime.load(bundle, provider, threads)
    if model.provider_note:
        console.print(f"on the CPU, because {model.provider_note}")
    if isinstance(model, AnyOrderModel):
        if report:
            raise TrainError(f"--report is for models that generate samples of labels; {model.name} is none")
        evaluate_any_order(model, dataset, data, split, budgets or "", count or 100, causal, seed, write, json_)
        return
    if budgets or causal or count:
        raise TrainError(f"{model.name} is no any-order model; --budgets, --causal and --count are for those")
    if not model.labels:
        raise TrainError(f"{model.name} has no labels; samples are judged by label")
    own = MaskedConfig if isinstance(model, MaskedModel) else GenerationConfig
    base = own(steps, sampler, guidance, temperature, seed)
    foreign = {name for values in combinations for name in values if not hasattr(base, name)}
    if foreign:
        raise TrainError(f"{model.name} is no masked model, which --sweep {min(foreign)} is for; leave it out")
    settings = {name_of(values): replace(base, **values) for values in combinations}
    for setting in settings.values():
        setting.resolve(model.manifest)
    baselines = [load_baseline(other, provider, threads) for other in beside or []]
    comparison = Comparison(dataset, data, split, per_label, seed, seeds, cache or default_cache())
    evaluate_labelled(model, baselines, settings, comparison, write, json_, report)


def name_of(values: dict[str, Any]) -> str:
    """What the row of these swept values is called."""
    return " ".join(f"{k}={parts_text(v)}" for k, v in values.items()) or "generated"


def check_choice(split: str, combinations: list[dict[str, Any]], write: bool) -> None:
    """What is reported is one setting, at several numbers of steps perhaps, and was not chosen by its own report."""
    if split not in ("validation", "test"):
        raise TrainError(f"--split {split!r}: choose settings on validation, then report once on test")
    if any(set(values) - {"steps", "calls"} for values in combinations):
        if split == "test":
            raise TrainError("--split test is for reporting: sweep on --split validation, here steps and calls alone")
        if write:
            raise TrainError("--write takes one setting, or --sweep steps=...; leave the other sweeps out")


def load_baseline(bundle: str, provider: str, threads: Optional[int]) -> AudioModel | ImageModel | MaskedModel:
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
