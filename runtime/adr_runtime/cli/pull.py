"""adr-run pull: a bundle from a hub."""

from pathlib import Path
from typing import Annotated

import typer

from adr_runtime.bundles.hub import pull_bundle
from adr_runtime.cli.options import DebugOption, app
from adr_runtime.loading import open_bundle


@app.command(epilog="Example: adr-run pull hf:someone/my-digits bundles/my-digits")
def pull(
    repository: Annotated[
        str,
        typer.Argument(help="hf:owner/name of a bundle on the Hugging Face hub; a branch, tag or commit behind an @."),
    ],
    out: Annotated[Path, typer.Argument(help="The bundle's folder, made new.")],
    debug: DebugOption = False,
) -> None:
    """Fetch a bundle from a hub into a folder of your own, and verify it."""
    pull_bundle(repository, out, open_bundle)
    print(out)
