"""What `adr-run compress`, `decompress` and `score` do."""

import contextlib
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from rich.progress import Progress

from adr_runtime.any_order import AnyOrderModel, random_order
from adr_runtime.any_order_manifest import AnyOrderManifest
from adr_runtime.archive import BATCH, File, Tell, compress, decompress, identity
from adr_runtime.atomic import write_whole
from adr_runtime.blocks import Blocks, batches, to_blocks
from adr_runtime.bundle import open_bundle, shipped
from adr_runtime.cli_load import load
from adr_runtime.cli_make import tell
from adr_runtime.coded_files import kind_of, read_exactly, write_exactly
from adr_runtime.container import Section, pack, unpack
from adr_runtime.display import PlainConsole
from adr_runtime.errors import ADRError
from adr_runtime.philox import checked_seed

console = PlainConsole(stderr=True)
DEFAULT_MODELS = {"image": "pictures", "text": "shakespeare"}


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


def source_files(source: Path) -> list[tuple[str, Path]]:
    """(path inside the folder, file) of every file; one with an empty path for a single file."""
    if source.is_file():
        return [("", source)]
    if not source.is_dir():
        raise ADRError(f"{source}: no such file or folder")
    found = [p for p in sorted(source.rglob("*")) if p.is_file() and not p.is_symlink()]
    left_out = [p for p in source.rglob("*") if p.is_symlink() or not (p.is_file() or p.is_dir())]
    if left_out:
        raise ADRError(f"{left_out[0]}: is no plain file; take links and devices out of the folder first")
    return [(p.relative_to(source).as_posix(), p) for p in found]


def read_file(inside: str, path: Path, kind: str) -> File:
    found, _, data = read_exactly(path, kind)
    return File(inside, found, data)


def grouped(
    source: Path, models: dict[str, AnyOrderModel], exact: bool = True
) -> tuple[list[tuple[AnyOrderModel, list[File]]], int]:
    """Files by the model that codes them, and their bytes on disk; `exact` as in `adr_runtime.blocks.to_blocks`."""
    groups: dict[str, list[File]] = {}
    total = 0
    for inside, path in source_files(source):
        kind = kind_of(path, "sound" in models)
        if kind not in models:
            raise ADRError(f"{path}: no model for {kind} is shipped; give one with --model")
        try:
            found = read_file(inside, path, kind)
            if kind != "text" and found.data.size:
                # Before anything is coded: can the model say every value?
                to_blocks(found.kind, found.data, models[kind].variables, exact)
        except ADRError as error:
            if not inside or kind == "text":
                raise
            # In a folder, a picture or sound that cannot be coded as such is kept byte for byte.
            if "text" not in models:
                raise ADRError(f"{error}; give a --model for bytes as well") from error
            kind, found = "text", read_file(inside, path, "text")
        groups.setdefault(kind, []).append(found)
        total += path.stat().st_size
    return [(models[kind], files) for kind, files in groups.items()], total


@contextlib.contextmanager
def bar(title: str) -> Iterator[Tell]:
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(title)
        yield lambda done, total: progress.update(task, completed=done, total=total)


def compress_path(
    source: Path, out: Path, names: list[str], steps: int | None, seed: int, verify: bool, provider: str,
    threads: int | None, as_json: bool,
) -> None:  # fmt: skip
    if out.is_dir():
        raise ADRError(f"{out}: is a folder; give a file")
    # A container keeps the seed as one of its numbers, of which none has 64 bits.
    seed = checked_seed(seed, bits=32)
    started = time.perf_counter()
    groups, size = grouped(source, open_models(names, provider, threads))
    with bar("compressing") as progress:
        container = compress(groups, source.is_dir(), steps, seed, verify, progress)
    data = pack(container)
    write_whole(out, lambda beside: beside.write_bytes(data))
    coded = sum(map(len, container.coded))
    values = sum(f.data.size for _, files in groups for f in files)
    seconds = time.perf_counter() - started
    report = {
        "file": str(out), "bytes": len(data), "coded_bytes": coded, "source_bytes": size, "values": values,
        "bits_per_value": round(8 * len(data) / max(values, 1), 4), "files": len(container.entries),
        "models": [model.name for model, _ in groups], "seconds": round(seconds, 3), "verified": verify,
    }  # fmt: skip
    line = f"{out}: {size} bytes in {len(container.entries)} file(s) -> {len(data)} ({len(data) / max(size, 1):.1%}), "
    tell(report, as_json, line + f"{report['bits_per_value']} bits a value, {seconds:.1f} s")


def decompress_path(source: Path, out: Path, names: list[str], as_json: bool) -> None:
    try:
        raw = source.read_bytes()
    except OSError as error:
        raise ADRError(f"{source}: cannot read: {error.strerror}") from error
    started = time.perf_counter()
    container = unpack(raw, str(source))
    if container.folder and out.exists():
        raise ADRError(f"{out} exists; a folder was coded: give the name of a new one")
    if not container.folder and out.is_dir():
        raise ADRError(f"{out}: is a folder; a single file was coded: give a file")
    for entry in container.entries:
        check_path(entry.path, container.folder, str(source))
    with bar("decompressing") as progress:
        files = decompress(container, lambda section: find_model(section, names, str(source)), str(source), progress)
    if container.folder:
        write_tree(out, files)
    else:
        write_exactly(out, files[0].kind, files[0].data)
    seconds = time.perf_counter() - started
    report = {"file": str(out), "files": len(files), "seconds": round(seconds, 3)}
    tell(report, as_json, f"{out}: {len(files)} file(s), exact by checksum, {seconds:.1f} s")


def check_path(path: str, folder: bool, file: str) -> None:
    """A path in a container comes from others: it may lead nowhere but into the folder."""
    parts = path.split("/")
    bad = any(part in ("", ".", "..") or set(part) & set("\\:\0") for part in parts)
    if folder == (path == "") or (folder and bad):
        raise ADRError(f"{file}: damaged: {path!r} is no path inside a folder")


def write_tree(out: Path, files: list[File]) -> None:
    beside = out.with_name(f".{out.name}.{os.getpid()}.part")
    try:
        beside.mkdir(parents=True)
        for file in files:
            target = beside / file.path
            target.parent.mkdir(parents=True, exist_ok=True)
            write_exactly(target, file.kind, file.data)
        os.replace(beside, out)
    except OSError as error:
        raise ADRError(f"{out}: cannot write: {error.strerror}", exit_status=1) from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def find_model(section: Section, names: list[str], file: str) -> AnyOrderModel:
    """The very model of a section, with its provider and thread count."""
    was, tried = section.environment, []
    for name in [*names, *([section.model] if section.model in shipped() else [])]:
        model = open_any_order(name, was.provider, was.threads)
        if identity(model) == section.hash:
            return model
        tried.append(f"{model.name} {identity(model).hex()[:8]}")
    raise ADRError(
        f"{file}: was made with the model {section.model} {section.hash.hex()[:8]}"
        + (f", not with {', '.join(tried)}" if tried else "")
        + "; give its bundle with --model"
    )


def score_path(
    source: Path, names: list[str], steps: int | None, seed: int, provider: str, threads: int | None, as_json: bool
) -> None:
    """Bits per dimension of each kind of file, without coding anything; a mu-law model scores sound as it hears it."""
    seed = checked_seed(seed)
    for model, files in grouped(source, open_models(names, provider, threads), exact=False)[0]:
        full = [f for f in files if f.data.size]
        if not full:
            raise ADRError(f"{source}: is empty; there is nothing to score")
        started = time.perf_counter()
        blocks = Blocks.join([to_blocks(f.kind, f.data, model.variables, exact=False) for f in full])
        with bar("scoring") as progress:
            bits, calls = score(model, blocks, steps, seed, progress)
        dimensions = int(blocks.wanted.sum())
        report: dict[str, Any] = {
            "model": model.name, "files": len(full), "dimensions": dimensions, "bits": round(float(bits.sum()), 2),
            "bits_per_dimension": round(float(bits.sum()) / dimensions, 4),
            "steps": model.manifest.defaults.steps if steps is None else steps, "network_calls": calls,
            "seconds": round(time.perf_counter() - started, 3),
        }  # fmt: skip
        line = f"{source}: {report['bits_per_dimension']} bits per dimension over {dimensions} by {model.name}, "
        tell(report, as_json, line + f"{calls} network calls, {report['seconds']} s")


def score(
    model: AnyOrderModel, blocks: Blocks, steps: int | None, seed: int, progress: Tell = lambda done, total: None
) -> tuple[np.ndarray, int]:
    """Bits float64 (blocks,) and the network calls of all batches."""
    bits, calls, done = np.zeros(len(blocks.values)), 0, 0
    for rows in batches(blocks, BATCH):
        wanted = np.flatnonzero(blocks.wanted[rows[0]])
        order = np.stack([random_order(seed, int(row), wanted) for row in rows])
        bits[rows], made = model.bits(blocks.values[rows], blocks.given[rows], order, steps)
        calls, done = calls + made, done + len(rows)
        progress(done, len(bits))
    return bits, calls
