"""Texts that a model made."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adr_runtime.media.atomic import check_target, write_atomic


@dataclass(frozen=True, eq=False)
class Texts:
    """Texts and where they came from. `seed` makes the same again."""

    texts: tuple[str, ...]
    seed: int
    provenance: Mapping[str, Any]

    def __len__(self) -> int:
        return len(self.texts)

    def __str__(self) -> str:
        return "\n".join(self.texts)

    def save(self, path: str | Path) -> list[Path]:
        """Write all texts, each on lines of its own, as UTF-8 to a .txt file. -> the file. Raises ADRError."""
        target = Path(path)
        check_target(target, (".txt",))
        write_atomic(target, lambda temporary: temporary.write_bytes(f"{self}\n".encode()))
        return [target]
