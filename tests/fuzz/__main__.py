"""The command: spreads cases over the targets, prints the failures and the table; status 1 if anything failed."""

import argparse
import contextlib
import gc
import itertools
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

# A forked process has no threads but its own, so none may be lost on the way.
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[name] = "1"
# ONNX Runtime may take three quarters of what a case may, as a careful host would say.
os.environ.update(COLUMNS="200", MALLOC_ARENA_MAX="4", ADR_MEMORY_MIB="768")

from . import api, command, container, graph, manifest, media, planted, state  # noqa: E402
from .cases import FAILURES, Seeds, Target  # noqa: E402
from .forked import Limits, Result, run_all  # noqa: E402
from .report import Tally  # noqa: E402
from .seeds import make_seeds  # noqa: E402

# Cases in a hundred.
SHARES: dict[str, int] = {
    "manifest": 17, "graph": 20, "container": 15, "state": 12, "media": 14, "command": 14, "api": 8,
}  # fmt: skip
TARGETS: dict[str, Target] = {
    "manifest": manifest.attack, "graph": graph.attack, "container": container.attack, "state": state.attack,
    "media": media.attack, "command": command.attack, "api": api.attack, "planted": planted.attack,
}  # fmt: skip


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--count", type=int, default=1000, help="cases in all (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of the first case of each target (%(default)s)")
    parser.add_argument("--target", choices=TARGETS, action="append", help="only this; may be given several times")
    parser.add_argument("--jobs", type=int, default=1, help="cases at a time (%(default)s)")
    parser.add_argument("--timeout", type=float, default=Limits.seconds, help="seconds a case (%(default)s)")
    parser.add_argument("--memory", type=int, default=Limits.memory, help="resident MiB a case (%(default)s)")
    parser.add_argument("--bundles", type=Path, help="folder of the small bundles to attack; made where there are none")
    parser.add_argument("--debug", action="store_true", help="show what each case said, and keep its folder")
    return parser.parse_args()


def plan(targets: list[str], count: int, seed: int) -> Iterator[tuple[str, int]]:
    """(target, seed) of `count` cases, the targets taking turns by their shares."""
    shares = {target: SHARES.get(target, 1) for target in targets}
    given = dict.fromkeys(targets, 0)
    for done in range(1, count + 1):
        target = max(targets, key=lambda t: done * shares[t] / sum(shares.values()) - given[t])
        yield target, seed + given[target]
        given[target] += 1


def export(folder: Path) -> None:
    """In a process of its own: PyTorch's threads must not be there when cases are forked."""
    subprocess.run([sys.executable, "-m", "tests.fuzz.bundles", str(folder)], check=True, stdout=subprocess.DEVNULL)


def show(result: Result) -> None:
    verdict = result.verdict
    print(f"{result.target} {result.seed}: {verdict.outcome}: {verdict.where} {verdict.detail}")
    left = f", in {result.folder}" if result.folder.exists() else ""
    print(f"  {result.seconds:.2f} s, {result.peak:.0f} MiB{left}")
    if verdict.trace or result.output:
        print(verdict.trace or result.output)


def main() -> int:
    options = arguments()
    # What cases say may hold anything.
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    started = time.monotonic()
    with contextlib.ExitStack() as stack:
        targets = options.target or list(SHARES)
        folder = options.bundles or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="fuzz-bundles-")))
        if targets == ["planted"]:
            seeds = Seeds({}, {}, {}, {}, ())
        else:
            export(folder)
            seeds = make_seeds(folder)
        ready = time.monotonic()
        gc.collect()
        gc.freeze()
        cases = plan(targets, options.count, options.seed)
        tally = Tally()
        limits = Limits(options.timeout, options.memory)
        for number, result in zip(
            itertools.count(1), run_all(cases, TARGETS, seeds, limits, options.jobs, options.debug), strict=False
        ):
            tally.add(result)
            if options.debug or result.verdict.outcome in FAILURES:
                show(result)
            if number % 500 == 0:
                print(f"{number} cases, {tally.failures} failures, {time.monotonic() - ready:.0f} s", flush=True)
    print(f"\n{tally.table()}\n")
    print(*tally.list_causes(), sep="\n")
    print(f"{ready - started:.0f} s to prepare, {time.monotonic() - ready:.0f} s to attack; failures: {tally.failures}")
    return 1 if tally.failures else 0


if __name__ == "__main__":
    sys.exit(main())
