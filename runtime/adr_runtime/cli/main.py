"""adr-run: pictures, audio and text from the command line."""

from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

from adr_runtime.cli.options import app as app
from adr_runtime.terminal.interrupts import empty_handed

# The module of each command, and what --help says of it, in that order.
COMMANDS = {
    "audio": ("audio", "Make sound, or continue a recording."),
    "image": ("image", "Make pictures, or complete one."),
    "text": ("text", "Make text, or fill the holes of a given one."),
    "compress": ("compress", "Compress files without loss."),
    "decompress": ("compress", "Bring back exactly what was compressed."),
    "score": ("score", "How likely a model finds a file."),
    "list": ("info", "The models that come with the package."),
    "info": ("info", "What a model is; where a file came from."),
    "doctor": ("doctor", "What ONNX Runtime finds on this machine."),
    "serve": ("serve", "Models behind HTTP, as OpenAI's clients call them."),
    "demo": ("demo", "A page that computes in your browser."),
    "pull": ("pull", "Fetch a bundle from a hub and verify it."),
}


class Commands(TyperGroup):
    """The commands, of which only the module of the one that is asked for is loaded: NumPy and ONNX Runtime's friends
    would keep --help waiting."""

    def __init__(self, **attributes: Any):
        super().__init__(**attributes)
        # Typer offers the nearest of these names for one that is mistyped.
        self.commands = {**dict.fromkeys(COMMANDS), **self.commands}  # type: ignore[dict-item]

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in COMMANDS:
            return None
        with empty_handed():
            import_module(f"adr_runtime.cli.{COMMANDS[cmd_name][0]}")
        return get_command(app).commands[cmd_name]  # type: ignore[attr-defined]

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


def show_version(wanted: bool) -> None:
    if wanted:
        from adr_runtime import __version__

        print(__version__)
        raise typer.Exit


@app.callback(cls=Commands)
def root(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=show_version, help="Show the version and leave.")
    ] = False,
) -> None:
    pass
