"""The console of all commands."""

from typing import Any

from rich.console import Console
from rich.style import Style
from rich.text import Text

from adr_runtime.terminal.plain_text import escaped


class PlainConsole(Console):
    """A console to which a string is nothing but its characters: no markup, no emoji codes, no highlighting, and
    control characters escaped. A `Text` is shown as it was made."""

    def render_str(self, text: str, *, style: str | Style = "", **_: Any) -> Text:
        return Text(escaped(text), style=style)
