"""adr-run compress and decompress."""

import sys
import time
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from adr_runtime.cli.options import (
    BudgetOption,
    DebugOption,
    JsonOption,
    ModelsOption,
    ProviderOption,
    ThreadsOption,
    app,
)
from adr_runtime.cli.output import bar, console, report
from adr_runtime.coding import compression
from adr_runtime.coding.compression import Compressed
from adr_runtime.errors import InputError

# Seconds that are worth a word, and those that are worth a question.
SOME, LONG = 10, 60


@app.command(epilog="Example: adr-run compress photo.png photo.ardm")
def compress(
    source: Annotated[Path, typer.Argument(help="A picture, a text, any other file, or a folder of them.")],
    out: Annotated[Path, typer.Argument(help="The compressed file.")],
    model: ModelsOption = None,
    steps: BudgetOption = None,
    seed: Annotated[int, typer.Option(help="Seed of the orders.")] = 0,
    verify: Annotated[
        bool, typer.Option("--verify/--no-verify", help="Unpack once and compare every file; half of the time.")
    ] = True,
    provider: ProviderOption = "cpu",
    threads: ThreadsOption = None,
    json_: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Compress without loss. PPM, PGM, BMP, WAV and whatever is not understood as a plain picture come back with the
    same bytes; PNG, lossless WebP, TIFF and FLAC with the same pixels or samples, bit depth and metadata. --json tells
    which contract each file has. Names, contents and empty folders are kept; times and permissions are not."""
    if provider == "cuda":
        raise InputError("--provider cuda: only what the CPU computes is sure to be the same tomorrow; leave it out")
    started, names = time.perf_counter(), model or []

    def agree(seconds: float) -> bool:
        return settle(seconds * (2 if verify else 1), bool(names))

    done = compression.compress(
        source, out, models=names, steps=steps, seed=seed, verify=verify, threads=threads, agree=agree, show=bar
    )
    tell(done, time.perf_counter() - started, json_)


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


def tell(done: Compressed, seconds: float, as_json: bool) -> None:
    contents = [{k: v for k, v in asdict(file).items() if k != "reason" or v} for file in done.contents]
    bits = round(done.bits_per_value, 4)
    values = {
        "file": str(done.file), "bytes": done.bytes, "coded_bytes": done.coded_bytes,
        "source_bytes": done.source_bytes, "values": done.values, "bits_per_value": bits, "files": len(contents),
        "models": list(done.models), "seconds": round(seconds, 3), "verified": done.verified, "contents": contents,
    }  # fmt: skip
    counts = Counter(file.contract for file in done.contents)
    contracts = ", ".join(f"{count} with the {contract}" for contract, count in sorted(counts.items()))
    part = done.bytes / max(done.source_bytes, 1)
    line = f"{done.file}: {done.source_bytes} bytes in {len(contents)} file(s) -> {done.bytes} ({part:.1%}), "
    report(values, as_json, line + f"{bits} bits a value, {seconds:.1f} s; comes back: {contracts}")


@app.command(epilog="Example: adr-run decompress photo.ardm photo.png")
def decompress(
    source: Annotated[Path, typer.Argument(help="A file of adr-run compress.")],
    out: Annotated[Path, typer.Argument(help="The file to write, or the folder to make.")],
    model: ModelsOption = None,
    json_: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Bring back exactly what was compressed, or refuse in one line."""
    started = time.perf_counter()
    files = compression.decompress(source, out, models=model or [], show=bar)
    seconds = time.perf_counter() - started
    values = {
        "file": str(out), "files": len(files), "seconds": round(seconds, 3),
        "contents": [{"path": f.path, "kind": f.kind, "contract": f.contract} for f in files],
    }  # fmt: skip
    report(values, json_, f"{out}: {len(files)} file(s), exact by checksum, {seconds:.1f} s")
