"""What `adr-run decompress` and `score` do."""

import time
from pathlib import Path
from typing import Any

from adr_runtime.any_order import AnyOrderModel
from adr_runtime.archive import identity
from adr_runtime.blocks import Blocks
from adr_runtime.bundle import shipped
from adr_runtime.cli_code import bar, grouped, open_any_order, open_models
from adr_runtime.cli_make import tell
from adr_runtime.coded_files import read_bytes
from adr_runtime.coding import dimensions, score
from adr_runtime.container import Section
from adr_runtime.errors import ADRError
from adr_runtime.philox import checked_seed
from adr_runtime.restore import refuse_special, restore
from adr_runtime.sources import find_sources, read_to_score


class Finder:
    """The very model of a section, opened once however many sections ask for it."""

    def __init__(self, names: list[str], file: str):
        self.names, self.file = names, file
        self.opened: dict[tuple[str, int], AnyOrderModel] = {}

    def __call__(self, section: Section) -> AnyOrderModel:
        tried = []
        # Another number of threads may compute other numbers, so it is that of the encoder, whatever this machine has.
        threads = section.environment.threads
        for name in [*self.names, *([section.model] if section.model in shipped() else [])]:
            model = self.opened.get((name, threads)) or open_any_order(name, "cpu", threads)
            self.opened[name, threads] = model
            if identity(model) == section.hash:
                return model
            tried.append(f"{model.name} {identity(model).hex()[:8]}")
        raise ADRError(
            f"{self.file}: was made with the model {section.model} {section.hash.hex()[:8]}"
            + (f", not with {', '.join(tried)}" if tried else "")
            + "; give its bundle with --model"
        )


def decompress_path(source: Path, out: Path, names: list[str], as_json: bool) -> None:
    refuse_special(source)
    raw, started = read_bytes(source), time.perf_counter()
    with bar("decompressing") as progress:
        files = restore(raw, str(source), out, Finder(names, str(source)), progress)
    seconds = time.perf_counter() - started
    report = {
        "file": str(out), "files": len(files), "seconds": round(seconds, 3),
        "contents": [{"path": f.path, "kind": f.kind, "contract": f.contract} for f in files],
    }  # fmt: skip
    tell(report, as_json, f"{out}: {len(files)} file(s), exact by checksum, {seconds:.1f} s")


def score_path(
    source: Path, names: list[str], steps: int | None, seed: int, provider: str, threads: int | None, as_json: bool
) -> None:
    """Bits per dimension of each kind of file, without coding anything; a mu-law model scores sound as it hears it."""
    seed = checked_seed(seed)
    models, paths = open_models(names, provider, threads), find_sources(source)
    sources = [read_to_score(inside, path, models) for inside, path in paths if path.is_file()]
    for model, files in grouped(sources):
        assert model is not None
        blocks = Blocks([(f.kind, f.data.shape) for f in files], model.variables)
        if not len(blocks):
            raise ADRError(f"{source}: is empty; there is nothing to score")
        started = time.perf_counter()
        with bar("scoring") as progress:
            bits, calls = score(model, blocks, [f.data for f in files], steps, seed, tell=progress)
        wanted = dimensions(blocks)
        report: dict[str, Any] = {
            "model": model.name, "files": sum(f.data.size > 0 for f in files), "dimensions": wanted,
            "bits": round(float(bits.sum()), 2), "bits_per_dimension": round(float(bits.sum()) / wanted, 4),
            "steps": model.manifest.defaults.steps if steps is None else steps, "network_calls": calls,
            "seconds": round(time.perf_counter() - started, 3),
        }  # fmt: skip
        line = f"{source}: {report['bits_per_dimension']} bits per dimension over {wanted} by {model.name}, "
        tell(report, as_json, line + f"{calls} network calls, {report['seconds']} s")
