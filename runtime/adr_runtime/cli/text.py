"""adr-run text: text, whole or with its holes filled."""

import json
from typing import Annotated, Optional

import typer

from adr_runtime.any_order.templates import LONGEST, check_hole
from adr_runtime.cli.options import DebugOption, JsonOption, ModelOption, ProviderOption, SeedOption, ThreadsOption, app
from adr_runtime.cli.output import announced
from adr_runtime.errors import InputError
from adr_runtime.limits import check_count
from adr_runtime.loading import GENERATORS, load_any_order


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
    check_count(count)
    check_hole(hole)
    if template is not None and length is not None:
        raise InputError("--template has its own length; leave --length out")
    if length is not None and not 1 <= length <= LONGEST:
        raise InputError(f"--length must be from 1 to {LONGEST}, not {length}")
    opened = announced(load_any_order(model or GENERATORS["text"], provider, threads))
    if template is None:
        template = hole * (opened.variables.dimensions if length is None else length)
    answers = opened.fill_text(template, hole=hole, count=count, steps=steps, seed=seed, temperature=temperature)
    if json_:
        print(json.dumps({"model": opened.name, "seed": answers.seed, "texts": answers.texts}))
    else:
        print(answers)
