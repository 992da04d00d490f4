"""adr-export: a checkpoint of adr-train -> a bundle that adr-run takes."""

import json
from pathlib import Path
from typing import Annotated, Any, Optional

import typer
from adr_runtime.cli.parts_options import parts
from adr_runtime.terminal.display import PlainConsole
from adr_runtime.terminal.interrupts import empty_handed

from adr_export.errors import ExportError

app = typer.Typer(add_completion=True, rich_markup_mode=None, pretty_exceptions_enable=False)
console = PlainConsole(stderr=True)

EXAMPLE = "Examples: adr-export runs/digits bundles/my-digits; adr-export bundles/my-digits --push someone/my-digits"


CheckpointArgument = Annotated[
    Path, typer.Argument(help="The --out folder of a training run, or one checkpoint in it; with --push also a bundle.")
]
OutArgument = Annotated[Optional[Path], typer.Argument(help="The bundle's folder, made new.")]
PortableOption = Annotated[
    bool, typer.Option("--portable", help="Only standard operators (opset 20), for other engines.")
]
NameOption = Annotated[Optional[str], typer.Option(help="The model's name; the recipe's unless given.")]
HalfOption = Annotated[
    bool, typer.Option("--half/--full", help="Store weights as float16: half the size, computed in float32.")
]
AverageOption = Annotated[
    str, typer.Option(help="Which average of the weights: long, or short, which forgets twice as fast.")
]
StepsOption = Annotated[
    Optional[Any],
    typer.Option(parser=parts(int), metavar="<int>", help="The bundle's default steps; the recipe's unless given."),
]
SamplerOption = Annotated[Optional[str], typer.Option(help="Its default sampler: ddpm, ddim or dpm++.")]
GuidanceOption = Annotated[
    Optional[Any], typer.Option(parser=parts(float), metavar="<float>", help="Its default guidance.")
]
TemperatureOption = Annotated[
    Optional[Any],
    typer.Option(
        parser=parts(float), metavar="<float>", help="Its default temperature; 1.1:1:1 gives parts their own."
    ),
]
CallsOption = Annotated[Optional[int], typer.Option(help="Its default network calls, of a masked model.")]
LexiconOption = Annotated[
    Optional[Path], typer.Option(help="For a run of letters: the dictionary of its bundle, as cmudict.dict.")
]
DurationsOption = Annotated[
    Optional[Path], typer.Option(help="For a run of letters: the --out folder of one of durations.")
]
AlignerOption = Annotated[
    Optional[Path], typer.Option(help="For a run of letters: the --out folder of one of an aligner.")
]
TextOption = Annotated[
    Optional[Path],
    typer.Option(
        help="For a run of speech-text: the bundle that turns text into phones, or a voice that has one. For a run "
        "of durations: OUT is that bundle with these durations."
    ),
]
PushOption = Annotated[
    Optional[str],
    typer.Option(metavar="OWNER/NAME", help="Upload the bundle to this repository on the Hugging Face hub."),
]
PrivateOption = Annotated[bool, typer.Option("--private", help="With --push: a repository that others do not see.")]
OverwriteOption = Annotated[bool, typer.Option("--overwrite", help="Replace OUT if it is there.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
DebugOption = Annotated[bool, typer.Option("--debug", help="Show tracebacks.")]


@app.command(epilog=EXAMPLE)
def export(
    checkpoint: CheckpointArgument, out: OutArgument = None, portable: PortableOption = False, name: NameOption = None,
    half: HalfOption = True, average: AverageOption = "long", steps: StepsOption = None, sampler: SamplerOption = None,
    guidance: GuidanceOption = None, temperature: TemperatureOption = None, calls: CallsOption = None,
    lexicon: LexiconOption = None, durations: DurationsOption = None, aligner: AlignerOption = None,
    text: TextOption = None, overwrite: OverwriteOption = False, push: PushOption = None,
    private: PrivateOption = False, json_: JsonOption = False, debug: DebugOption = False,
) -> None:  # fmt: skip
    """Export, prove that the graphs compute what PyTorch computes, and only then write the bundle."""
    dialect = "portable" if portable else "linear-attention"
    overrides = {
        "steps": steps, "sampler": sampler, "guidance": guidance, "temperature": temperature, "calls": calls,
    }  # fmt: skip
    if average not in ("long", "short"):
        raise ExportError(f"--average {average!r}: choose long or short")
    if private and push is None:
        raise ExportError("--private goes with --push")
    parts = {"lexicon": lexicon, "durations": durations, "aligner": aligner, "text": text}
    if out is None:
        options = {
            "portable": portable, "name": name, "full": not half, "short": average == "short",
            "overwrite": overwrite, **parts, **overrides,
        }  # fmt: skip
        asked = [option for option, value in options.items() if value is not None and value is not False]
        if push is None or asked or not (checkpoint / "manifest.json").is_file():
            raise ExportError("give OUT, the folder of the new bundle; only BUNDLE --push OWNER/NAME goes without")
    if push is not None:
        with empty_handed():
            from adr_export.push import check_push, push_bundle
        target = check_push(push)
    result: dict[str, Any] = {"bundle": str(out or checkpoint)}
    if out is not None:
        short = average == "short"
        result |= write(checkpoint, out, name, dialect, half, short, overrides, overwrite, parts, push is not None)
    if push is not None:
        result["address"] = push_bundle(out or checkpoint, target, private)
        console.print(f"adr-run info {target} shows it", soft_wrap=True)
    if json_:
        print(json.dumps(result))
    elif push is not None:
        print(result["address"])


def write(
    checkpoint: Path, out: Path, name: str | None, dialect: str, half: bool, short: bool, overrides: dict[str, Any],
    overwrite: bool, parts: dict[str, Path | None], push: bool,
) -> dict[str, Any]:  # fmt: skip
    """Export a checkpoint to `out`, with `parts` from elsewhere by the names of their options. -> the bundle's size and
    parity figures, by name."""
    with empty_handed():
        from adr_models.checkpoint import find_checkpoint

        from adr_export.bundle_writer import About
        from adr_export.checkpoint import load_checkpoint
        from adr_export.kinds import check_options, write_any_kind

    if out.exists() and not overwrite:
        raise ExportError(f"{out} exists; choose another folder or add --overwrite")
    model, config = load_checkpoint(find_checkpoint(checkpoint), short)
    about: About = {
        "name": name or config.recipe, "description": config.about["description"],
        "licence": config.about["licence"], "source": config.about["source"],
        "defaults": config.defaults | {k: v for k, v in overrides.items() if v is not None},
        "clip": config.clip, "training": config.training | ({"average": "short"} if short else {}),
    }  # fmt: skip
    given = overrides | parts
    check_options(model, about["name"], {k: v for k, v in given.items() if v is not None}, short, push)
    manifest = write_any_kind(model, about, out, dialect, half, overwrite, parts, short, console.print)
    size = sum(graph.bytes for graph in manifest.graphs.values())
    worst = max(manifest.parity, key=lambda k: float(manifest.parity[k] or 0))
    console.print(f"{out}: {size / 2**20:.1f} MiB, largest error {manifest.parity[worst]} ({worst})")
    return {"bytes": size, "parity": manifest.parity}
