"""How files are called."""

import re
from collections.abc import Sequence
from pathlib import Path

from adr_runtime.errors import InputError


def numbered(path: Path, count: int) -> list[Path]:
    """ "name-000.ending" and so on, beside `path`. Raises InputError for a path without a name."""
    if not path.name:
        raise InputError(f"{path}: is a folder; give a file")
    return [path.with_name(f"{path.stem}-{i:03d}{path.suffix}") for i in range(count)]


def default_name(model: str, labels: Sequence[str | None], seed: int, ending: str) -> Path:
    """A file in the working folder, named after what the labels have in common, or the model, and the seed."""
    what = labels[0] if len(set(labels)) == 1 else "mixed"
    return Path(f"{file_stem(what or model)}-{seed}{ending}")


def file_stem(name: str) -> str:
    """A label or a model's name, which the bundle's author chose, as part of a file's name in this folder."""
    return re.sub(r"[^\w.-]+", "-", name)[:50]
