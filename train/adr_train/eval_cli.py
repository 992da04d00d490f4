"""adr-eval: a bundle -> the figures of the protocol, beside real data."""

import itertools
import json
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Optional

import typer
from adr_runtime import AnyOrderModel
from adr_runtime.command import run
from adr_runtime.display import PlainConsole
from adr_runtime.interrupts import empty_handed
from rich.table import Table

from adr_train.errors import TrainError

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
    per_label: Annotated[int, typer.Option(min=1, help="Samples of each label.")] = 20,
    steps: Annotated[Optional[int], typer.Option(help="Denoising steps.")] = None,
    sampler: Annotated[Optional[str], typer.Option(help="ddpm, ddim or dpm++.")] = None,
    guidance: Annotated[Optional[float], typer.Option(help="Classifier-free guidance; 1 is none.")] = None,
    temperature: Annotated[Optional[float], typer.Option(help="Scale of the noise.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed.")] = 0,
    sweep: Annotated[
        Optional[list[str]], typer.Option(help="A row for each value, as guidance=1,2,3; may be given several times.")
    ] = None,
    beside: Annotated[
        Optional[list[str]], typer.Option(help="Another bundle as a row of its own, at its defaults.")
    ] = None,
    budgets: Annotated[
        Optional[str], typer.Option(help="Any-order models: network calls to measure, as full,250,50,20.")
    ] = None,
    count: Annotated[
        Optional[int], typer.Option(min=1, help="Any-order models: test sequences; 100 unless given.")
    ] = None,
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
    """Judge generated samples with a classifier trained on the real training data (minutes, the first time); any-order
    models by their bits per dimension on the test split."""
    with empty_handed():
        import adr_runtime

        from adr_train.evaluate import Protocol, Setting, dataset_of, generate
        from adr_train.quality import record

    base = Setting(steps, sampler, guidance, temperature, seed)
    settings = [replace(base, **values) for values in sweep_values(sweep or [])]
    swept = [item.partition("=")[0] for item in sweep or []]
    if write and any(name != "steps" for name in swept):
        raise TrainError("--write takes one setting, or --sweep steps=...; leave the other sweeps out")
    model = adr_runtime.load(bundle, provider, threads)
    if isinstance(model, adr_runtime.AnyOrderModel):
        evaluate_any_order(model, dataset, data, budgets or "", count, causal, seed, write, json_)
        return
    if budgets or causal or count:
        raise TrainError(f"{model.name} is no any-order model; --budgets, --causal and --count are for those")
    if not model.labels:
        raise TrainError(f"{model.name} has no labels; the protocol judges by label")
    for setting in settings:
        model.settings(**{k: getattr(setting, k) for k in SWEPT})
    protocol = Protocol(dataset or dataset_of(model), data, cache or default_cache())
    if protocol.train.names != model.labels:
        raise TrainError(f"{model.name} has other labels than the data set: {', '.join(model.labels)}")
    rows: dict[str, dict[str, Any]] = {}
    for setting, values in zip(settings, sweep_values(sweep or []), strict=True):
        samples, labels, seconds = generate(model, per_label, setting)
        name = " ".join(f"{k}={v}" for k, v in values.items()) or "generated"
        rows[name] = protocol.measure(samples, labels) | {"seconds_per_sample": seconds / len(labels)}
        console.print(f"{name}: accuracy {rows[name]['accuracy']:.3f} of {len(labels)}")
    for other in beside or []:
        baseline = adr_runtime.load(other, provider, threads)
        if not isinstance(baseline, adr_runtime.Model):
            raise TrainError(f"--beside {other}: an any-order model makes no samples of labels")
        samples, labels, seconds = generate(baseline, per_label, Setting(seed=seed))
        rows[Path(other).name] = protocol.measure(samples, labels) | {"seconds_per_sample": seconds / len(labels)}
    if model.manifest.tokens.geometry == "codec_latent":
        rows["reconstructed test"] = protocol.reconstructed(model, LOUDNESS)
    rows |= protocol.real_rows()
    if model.manifest.speakers:
        for row, figures in protocol.speakers(model, per_label, settings[0]).items():
            rows.setdefault(row, {}).update(figures)
    if write:
        record(model, rows, settings, per_label)
    if json_:
        print(json.dumps({"model": model.name, "bundle": model.bundle.hash, "provider": model.provider, "rows": rows}))
    else:
        PlainConsole(width=None if sys.stdout.isatty() else 160).print(as_table(rows))


def evaluate_any_order(
    model: AnyOrderModel, dataset: Optional[str], data: Optional[Path], budgets: str, count: Optional[int],
    causal: Optional[Path], seed: int, write: bool, as_json: bool,
) -> None:  # fmt: skip
    """Bits per dimension at each budget; 16 random steps a sequence for the full one."""
    from adr_train import likelihood
    from adr_train.quality import record_rows

    dataset = dataset or likelihood.dataset_of(str(model.manifest.training.get("recipe")))
    wanted = budgets.split(",") if budgets else ["full", str(model.manifest.defaults.steps)]
    if not all(k == "full" or k.isdigit() for k in wanted):
        raise TrainError(f"--budgets {budgets!r}: expected numbers of network calls or full, as full,250,50,20")
    count = count or 100
    values = likelihood.held_out_values(model.variables, dataset, data, count)
    rows: dict[str, dict[str, Any]] = {}
    for budget in wanted:
        if budget == "full":
            rows["full"] = likelihood.measure_full(model, values, 16, seed)
        else:
            rows[budget] = likelihood.measure(model, values, int(budget), seed)
        console.print(f"{budget}: {rows[budget]['bits_per_dimension']:.4f} bits per dimension")
    if causal:
        rows["causal"] = likelihood.measure_causal(causal, dataset, data, count)
    if write:
        record_rows(model, rows, {"sequences": len(values), "dimensions": model.variables.dimensions, "seed": seed})
    if as_json:
        print(json.dumps({"model": model.name, "bundle": model.bundle.hash, "provider": model.provider, "rows": rows}))
    else:
        PlainConsole(width=None if sys.stdout.isatty() else 160).print(as_table(rows))


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


# Headings short enough for a terminal of 80 columns.
HEADINGS = {
    "samples": "count", "accuracy": "right", "confidence": "sure", "inception_score": "IS",
    "modified_inception_score": "mIS", "am_score": "AM", "frechet_distance": "FD", "nearest_training": "near",
    "seconds_per_sample": "s each", "bits_per_dimension": "bits/dim",
    "standard_error": "+-", "predicted": "predicted", "calls": "calls", "seconds_each": "s each",
    "speaker_accuracy": "voice", "speaker_similarity": "cosine",
}  # fmt: skip


def as_table(rows: dict[str, dict[str, Any]]) -> Table:
    """One line a setting: part judged right, mean confidence, Inception Score, modified Inception Score, AM score,
    Frechet distance to the real test split, median distance to the nearest training sample, seconds a sample, part
    whose speaker is found right, cosine with that speaker's mean embedding."""
    names = [name for name in HEADINGS if any(name in row for row in rows.values())]
    table = Table("", *(HEADINGS[name] for name in names), box=None)
    for title, row in rows.items():
        table.add_row(title, *(shown(name, row[name]) if name in row else "" for name in names))
    return table


def shown(name: str, value: float) -> str:
    return f"{value:.4g}" if name in ("bits_per_dimension", "predicted", "calls") else f"{value:.3g}"


def default_cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "adr"


def main() -> None:
    run("adr-eval", "adr_train.eval_cli")


if __name__ == "__main__":
    main()
