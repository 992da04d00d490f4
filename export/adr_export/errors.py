"""What adr-export refuses."""

from adr_runtime.errors import ADRError


class ExportError(ADRError):
    """A checkpoint or an option is not what it can be. What fails by itself is an ADRError."""
