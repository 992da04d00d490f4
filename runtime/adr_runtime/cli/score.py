"""adr-run score: how likely models find files."""

from pathlib import Path
from typing import Annotated, Any

import typer

from adr_runtime.cli.options import (
    BudgetOption,
    DebugOption,
    JsonOption,
    ModelsOption,
    ProviderOption,
    ThreadsOption,
    app,
)
from adr_runtime.cli.output import announced, bar, report
from adr_runtime.coding.scoring import score_path
from adr_runtime.loading import load_coders
from adr_runtime.philox import checked_seed


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
    seed = checked_seed(seed)
    networks = {kind: announced(network) for kind, network in load_coders(model or [], provider, threads).items()}
    for group in score_path(source, networks, steps, seed, bar):
        network, found = group.network, group.score
        seconds = round(group.seconds, 3)
        values: dict[str, Any] = {
            "model": network.name, "files": group.files, "dimensions": found.dimensions,
            "bits": round(found.bits, 2), "bits_per_dimension": round(found.bits_per_dimension, 4),
            "steps": network.manifest.defaults.steps if steps is None else steps, "network_calls": found.calls,
            "seconds": seconds,
        }  # fmt: skip
        line = f"{source}: {values['bits_per_dimension']} bits per dimension over {found.dimensions} by "
        report(values, json_, line + f"{network.name}, {found.calls} network calls, {seconds} s")
