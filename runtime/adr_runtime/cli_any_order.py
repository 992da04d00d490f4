"""The commands of any-order models: text, compress, decompress, score."""

from pathlib import Path
from typing import Annotated, Optional

import typer

from adr_runtime.cli_options import DebugOption, JsonOption, ModelOption, ProviderOption, SeedOption, ThreadsOption, app

ModelsOption = Annotated[
    Optional[list[str]],
    typer.Option("--model", help="An any-order model or its folder, for its kind of file; may be given several times."),
]
BudgetOption = Annotated[
    Optional[int],
    typer.Option(help="Network calls a block; more are slower and smaller. The model's default unless given."),
]


@app.command(epilog='Example: adr-run text --template "to be ??? not to be" -n 3 --seed 1')
def text(
    template: Annotated[
        Optional[str], typer.Option(help="Text with holes; what is no hole comes back exactly.")
    ] = None,
    hole: Annotated[str, typer.Option(help="The character that marks a hole in the template.")] = "?",
    length: Annotated[Optional[int], typer.Option(help="Symbols to make without a template.")] = None,
    count: Annotated[int, typer.Option("-n", "--count", help="How many.")] = 1,
    steps: Annotated[Optional[int], typer.Option(help="Network calls a window; fewer are faster.")] = None,
    seed: SeedOption = None,
    temperature: Annotated[float, typer.Option(help="Below 1 plays safe; 0 takes the likeliest.")] = 1.0,
    model: ModelOption = None,
    provider: ProviderOption = "auto",
    threads: ThreadsOption = None,
    json_: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Make text, or fill the holes of a given one, in any order."""
    from adr_runtime import cli_text

    cli_text.text(model, template, hole, length, count, steps, seed, temperature, provider, threads, json_)


@app.command(epilog="Example: adr-run compress photo.png photo.ardm")
def compress(
    source: Annotated[Path, typer.Argument(help="A picture, a text, any other file, or a folder of them.")],
    out: Annotated[Path, typer.Argument(help="The compressed file.")],
    model: ModelsOption = None,
    steps: BudgetOption = None,
    seed: Annotated[int, typer.Option(help="Seed of the orders.")] = 0,
    verify: Annotated[
        bool, typer.Option("--verify/--no-verify", help="Unpack once and compare every file; half of the time.")
    ] = True,
    provider: ProviderOption = "cpu",
    threads: ThreadsOption = None,
    json_: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Compress without loss. PPM, PGM, BMP, WAV and whatever is not understood as a plain picture come back with the
    same bytes; PNG, lossless WebP, TIFF and FLAC with the same pixels or samples, bit depth and metadata. --json tells
    which contract each file has. Names, contents and empty folders are kept; times and permissions are not."""
    from adr_runtime import cli_code

    cli_code.compress_path(source, out, model or [], steps, seed, verify, provider, threads, json_)


@app.command(epilog="Example: adr-run decompress photo.ardm photo.png")
def decompress(
    source: Annotated[Path, typer.Argument(help="A file of adr-run compress.")],
    out: Annotated[Path, typer.Argument(help="The file to write, or the folder to make.")],
    model: ModelsOption = None,
    json_: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Bring back exactly what was compressed, or refuse in one line."""
    from adr_runtime import cli_decode

    cli_decode.decompress_path(source, out, model or [], json_)


@app.command(epilog="Example: adr-run score photo.png --steps 50")
def score(
    source: Annotated[Path, typer.Argument(help="A picture, a text, any other file, or a folder of them.")],
    model: ModelsOption = None,
    steps: BudgetOption = None,
    seed: Annotated[int, typer.Option(help="Seed of the orders.")] = 0,
    provider: ProviderOption = "auto",
    threads: ThreadsOption = None,
    json_: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """How likely a model finds a file, in bits per dimension."""
    from adr_runtime import cli_decode

    cli_decode.score_path(source, model or [], steps, seed, provider, threads, json_)
