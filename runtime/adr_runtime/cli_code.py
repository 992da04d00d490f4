"""What `adr-run compress` does."""

import contextlib
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import typer
from rich.progress import Progress

from adr_runtime.any_order import AnyOrderModel
from adr_runtime.any_order_manifest import AnyOrderManifest
from adr_runtime.archive import compress, identity
from adr_runtime.atomic import check_place, write_whole
from adr_runtime.bundle import open_bundle, shipped
from adr_runtime.cli_load import load
from adr_runtime.cli_make import tell
from adr_runtime.coded_files import File, contract
from adr_runtime.coding import Tell
from adr_runtime.container import MAX_THREADS, Container, pack
from adr_runtime.display import PlainConsole
from adr_runtime.errors import ADRError
from adr_runtime.philox import checked_seed
from adr_runtime.plain_codecs import NAMES
from adr_runtime.restore import folder_beside, restore
from adr_runtime.sources import Source, find_sources, read_source, refuse_changed

console = PlainConsole(stderr=True)
DEFAULT_MODELS = {"image": "pictures", "text": "shakespeare"}
# Seconds that are worth a word, and those that are worth a question.
SOME, LONG = 10, 60


def open_any_order(name: str, provider: str, threads: int | None) -> AnyOrderModel:
    model = load(name, provider, threads)
    if not isinstance(model, AnyOrderModel):
        known = [n for n, folder in shipped().items() if isinstance(open_bundle(folder).manifest, AnyOrderManifest)]
        raise ADRError(f"{model.name} is no any-order model; shipped ones are {', '.join(known)}")
    return model


def open_models(names: list[str], provider: str, threads: int | None) -> dict[str, AnyOrderModel]:
    """A model for each kind of file: those named, and shipped ones for the other kinds."""
    models: dict[str, AnyOrderModel] = {}
    for name in names:
        model = open_any_order(name, provider, threads)
        if model.kind in models:
            raise ADRError(f"{models[model.kind].name} and {model.name} are both for {model.kind}; give one of them")
        models[model.kind] = model
    for kind, name in DEFAULT_MODELS.items():
        if kind not in models and name in shipped():
            models[kind] = open_any_order(name, provider, threads)
    return models


@contextlib.contextmanager
def bar(title: str) -> Iterator[Tell]:
    progress = Progress(console=console, transient=True, disable=not console.is_terminal)
    task = progress.add_task(title)

    def show(done: int, total: int) -> None:
        # Not before: until then there may be a question.
        progress.start()
        progress.update(task, completed=done, total=total)

    try:
        yield show
    finally:
        progress.stop()


def grouped(sources: list[Source]) -> list[tuple[AnyOrderModel | None, list[File]]]:
    """Files by the model that codes them, or None."""
    groups: dict[int, tuple[AnyOrderModel | None, list[File]]] = {}
    for source in sources:
        groups.setdefault(id(source.model), (source.model, []))[1].append(source.file)
    return list(groups.values())


def compress_path(
    source: Path, out: Path, names: list[str], steps: int | None, seed: int, verify: bool, provider: str,
    threads: int | None, as_json: bool,
) -> None:  # fmt: skip
    if provider == "cuda":
        raise ADRError("--provider cuda: only what the CPU computes is sure to be the same tomorrow; leave it out")
    # A container keeps the seed as one of its numbers, of which none has 64 bits.
    seed = checked_seed(seed, bits=32)
    if threads is not None and not 1 <= threads <= MAX_THREADS:
        raise ADRError(f"--threads must be from 1 to {MAX_THREADS} for compression, not {threads}")
    check_out(source, out)
    paths = find_sources(source)
    started = time.perf_counter()
    models = open_models(names, "cpu", threads)
    sources = [read_source(inside, path, models) for inside, path in paths]
    groups = grouped(sources)
    agree = lambda seconds: settle(seconds * (2 if verify else 1), bool(names))  # noqa: E731
    with bar("compressing") as progress:
        container = compress(groups, source.is_dir(), steps, seed, agree=agree, tell=progress)
    data = pack(container)
    if verify:
        with bar("verifying") as progress:
            check_back(data, source, out, sources, {identity(m): m for m in models.values()}, progress)
    write_whole(out, lambda beside: beside.write_bytes(data))
    report(container, data, groups, sources, out, time.perf_counter() - started, verify, as_json)


def check_out(source: Path, out: Path) -> None:
    """Before anything is read: may the output be written, and is it no part of the source?"""
    check_place(out)
    # A link is followed when it is written.
    place = Path(os.path.realpath(out))
    if source.is_dir() and source.resolve() in place.parents:
        raise ADRError(f"{out}: lies in the folder that is to be compressed; give a place outside of it")
    if out.exists() and source.exists() and out.samefile(source):
        raise ADRError(f"{out}: is the file that is to be compressed; give another name")


def settle(seconds: float, named: bool) -> bool:
    """Whether models shall work for about so long: told when it is some time, asked for when it is long."""
    if seconds < SOME:
        return True
    about = f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
    if seconds < LONG or named:
        console.print(f"the models take about {about}", highlight=False)
        return True
    if sys.stdin.isatty() and console.is_terminal:
        return typer.confirm(f"The models take about {about}, ordinary codecs a moment. Take the models?", err=True)
    console.print(
        f"the models would take about {about}: ordinary codecs instead (--model takes a model)", soft_wrap=True
    )
    return False


def check_back(
    data: bytes, source: Path, out: Path, sources: list[Source], models: dict[bytes, AnyOrderModel], progress: Tell
) -> None:
    """Unpack what was packed, as `decompress` does, beside `out`, and compare it with the source file by file."""
    with folder_beside(out, 0o700) as beside:
        # Only the endings of pictures and sound matter, and are short.
        back = beside / ("back" if source.is_dir() or sources[0].file.kind == "text" else f"back{source.suffix}")
        restore(data, str(out), back, lambda section: models[section.hash], progress)
        for found in sources:
            refuse_changed(found, back / found.file.path if source.is_dir() else back)


def report(
    container: Container, data: bytes, groups: list[tuple[AnyOrderModel | None, list[File]]], sources: list[Source],
    out: Path, seconds: float, verify: bool, as_json: bool,
) -> None:  # fmt: skip
    size, values = sum(s.size for s in sources), sum(s.file.data.size for s in sources)
    reasons = {s.file.path: s.reason for s in sources}
    files = []
    for entry, cost in zip(container.entries, container.costs, strict=True):
        coder = NAMES[entry.codec] if entry.codec else container.sections[entry.section].model
        row = {"path": entry.path, "kind": entry.kind, "contract": contract(entry.kind), "coder": coder, "bytes": cost}
        files.append(row | ({"reason": reasons[entry.path]} if reasons[entry.path] else {}))
    whole = {
        "file": str(out), "bytes": len(data), "coded_bytes": sum(map(len, container.coded)), "source_bytes": size,
        "values": values, "bits_per_value": round(8 * len(data) / max(values, 1), 4), "files": len(files),
        "models": [model.name for model, _ in groups if model], "seconds": round(seconds, 3), "verified": verify,
        "contents": files,
    }  # fmt: skip
    counts = Counter(row["contract"] for row in files)
    contracts = ", ".join(f"{count} with the {contract}" for contract, count in sorted(counts.items()))
    line = f"{out}: {size} bytes in {len(files)} file(s) -> {len(data)} ({len(data) / max(size, 1):.1%}), "
    line += f"{whole['bits_per_value']} bits a value, {seconds:.1f} s; comes back: {contracts}"
    tell(whole, as_json, line)
