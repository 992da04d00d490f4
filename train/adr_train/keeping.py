"""Tensors that are costly to make again, kept in a file: all of them or none."""

from pathlib import Path

from adr_runtime.media.atomic import write_atomic
from safetensors.torch import save_file
from torch import Tensor

from adr_train.errors import TrainError


def keep(path: Path, tensors: dict[str, Tensor], metadata: dict[str, str] | None = None) -> None:
    """Write a safetensors file, and the folders that it is in. Raises TrainError where that cannot be done."""
    contiguous = {name: value.detach().contiguous() for name, value in tensors.items()}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, lambda temporary: save_file(contiguous, temporary, metadata))
    except OSError as error:
        raise TrainError(f"{path.parent}: cannot be written: {error.strerror}") from error
