"""adr-run: pictures, sound and text from the command line."""

from typing import Annotated

import typer

# In the order in which --help lists them.
from adr_runtime.cli import audio, compress, doctor, image, info, pull, score, text  # noqa: F401
from adr_runtime.cli.options import app as app


def show_version(wanted: bool) -> None:
    if wanted:
        from adr_runtime import __version__

        print(__version__)
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=show_version, help="Show the version and leave.")
    ] = False,
) -> None:
    pass
