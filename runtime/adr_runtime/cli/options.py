"""The options that several commands of adr-run share, and the application that they belong to."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Optional

import typer

from adr_runtime.errors import InputError

app = typer.Typer(
    add_completion=True, rich_markup_mode=None, pretty_exceptions_enable=False,
    help="Generate images, sound and text, and compress them, with ONNX Runtime alone.",
)  # fmt: skip

LabelOption = Annotated[
    Optional[str], typer.Option(help="What to make; without it each is drawn by the seed, 'none' is unconditional.")
]
StepsOption = Annotated[Optional[int], typer.Option(help="Denoising steps a token; fewer are faster.")]
SamplerOption = Annotated[Optional[str], typer.Option(help="ddpm, ddim or dpm++.")]
GuidanceOption = Annotated[Optional[float], typer.Option(help="Classifier-free guidance; 1 is none.")]
TemperatureOption = Annotated[Optional[float], typer.Option(help="Scale of the noise; 1 is the model's own.")]
SeedOption = Annotated[Optional[int], typer.Option(help="Equal seeds give equal results; drawn when left out.")]
ModelOption = Annotated[
    Optional[str], typer.Option(help="A shipped model (see list), a bundle's folder, or hf:owner/name.")
]
ProviderOption = Annotated[str, typer.Option(help="auto, cuda or cpu; only auto falls back.")]
ThreadsOption = Annotated[Optional[int], typer.Option(help="Threads of ONNX Runtime; 1 suits small models.")]
CountOption = Annotated[Optional[int], typer.Option("-n", "--count", help="How many.")]
PromptOption = Annotated[Optional[Path], typer.Option(help="A file to continue.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Describe the result as JSON on standard output.")]
DebugOption = Annotated[bool, typer.Option("--debug", help="Show tracebacks.")]
ModelsOption = Annotated[
    Optional[list[str]],
    typer.Option(
        "--model", help="An any-order model, its folder or hf:owner/name, for its kind of file; several times too."
    ),
]
BudgetOption = Annotated[
    Optional[int],
    typer.Option(help="Network calls a block; more are slower and smaller. The model's default unless given."),
]


def refuse_options(model: str, asked: Mapping[str, object], kind: str = "an any-order model") -> None:
    """Raises InputError for an option, asked for unless None or False, that models of a kind do not have."""
    for option, value in asked.items():
        if value is not None and value is not False:
            raise InputError(f"{model} is {kind}, which takes no --{option}")
