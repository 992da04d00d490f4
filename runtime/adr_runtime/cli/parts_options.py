"""Options that may be one number, or one for each part of a picture's tokens: 12:8:6."""

from collections.abc import Callable
from typing import Annotated, Any, Optional

import typer

from adr_runtime.causal.parts import read_parts


def parts(kind: type[int] | type[float]) -> Callable[[str], Any]:
    """Reads a number, or several with colons between them. Raises typer.BadParameter."""

    def read(text: str) -> Any:
        try:
            return read_parts(text, kind)
        except ValueError as error:
            what = "a whole number" if kind is int else "a number"
            raise typer.BadParameter(f"{text!r} is neither {what} nor several with colons, as 12:8:6") from error

    return read


PictureStepsOption = Annotated[
    Optional[Any],
    typer.Option(parser=parts(int), metavar="<int>", help="Denoising steps a token; 12:8:6 gives parts their own."),
]
PictureGuidanceOption = Annotated[
    Optional[Any],
    typer.Option(parser=parts(float), metavar="<float>", help="Classifier-free guidance; 1 is none; 6:5:4 in parts."),
]
PictureTemperatureOption = Annotated[
    Optional[Any],
    typer.Option(
        parser=parts(float), metavar="<float>", help="Scale of the noise; 1 is the model's own; 1.1:1:1 in parts."
    ),
]
