"""What adr-train and adr-eval refuse."""

from adr_runtime.errors import ADRError


class TrainError(ADRError):
    """A recipe, data, a checkpoint or an option is not what it can be. What fails by itself is an ADRError."""
