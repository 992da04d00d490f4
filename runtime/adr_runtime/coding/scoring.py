"""How likely models find whatever lies in a folder."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from adr_runtime.any_order.network import AnyOrderNetwork
from adr_runtime.any_order.scoring import Score, Show, read_to_score, score_files, show_nothing
from adr_runtime.coding.sources import find_sources
from adr_runtime.errors import InputError
from adr_runtime.media.exact.files import File, kind_of


@dataclass(frozen=True)
class GroupScore:
    """The score of all files of one kind by the model for it; `files` are those that are not empty, and `seconds`
    what scoring them took."""

    network: AnyOrderNetwork
    score: Score
    files: int
    seconds: float


def score_path(
    source: Path, networks: Mapping[str, AnyOrderNetwork], steps: int | None, seed: int,
    show: Show = show_nothing,
) -> Iterator[GroupScore]:  # fmt: skip
    """The score of a file, or of each kind of file in a folder. Raises InputError."""
    groups: dict[str, list[File]] = {}
    for inside, path in find_sources(source):
        if path.is_file():
            kind = "text" if kind_of(path) == "sound" and "sound" not in networks else kind_of(path)
            if kind not in networks:
                raise InputError(f"{path}: no model for {kind} is shipped; name one")
            groups.setdefault(kind, []).append(read_to_score(path, networks[kind], inside))
    for kind, files in groups.items():
        if not any(f.data.size for f in files):
            raise InputError(f"{source}: is empty; there is nothing to score")
        started = time.perf_counter()
        with show("scoring") as progress:
            score = score_files(networks[kind], files, steps, seed, progress)
        yield GroupScore(networks[kind], score, sum(f.data.size > 0 for f in files), time.perf_counter() - started)
