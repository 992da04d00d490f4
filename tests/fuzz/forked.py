"""Each case in a process of its own, forked from this one, with a limit on memory and on time."""

import contextlib
import faulthandler
import json
import os
import re
import resource
import select
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from random import Random

from .cases import Case, Seeds, Target, Verdict, judge

MIB = 1 << 20
# Address space is reserved generously by allocators and threads; what counts is the memory that is really used.
ADDRESS_SPACE, LARGEST_FILE = 3 << 30, 256 << 20


@dataclass(frozen=True)
class Limits:
    """Seconds on the clock, and resident MiB, of one case."""

    seconds: float = 60.0
    memory: int = 1024


@dataclass(frozen=True)
class Result:
    """`peak` in MiB is that of the process and of those that it started; `seconds` are on the clock."""

    target: str
    seed: int
    verdict: Verdict
    peak: float
    seconds: float
    output: str
    folder: Path


@dataclass
class Running:
    target: str
    seed: int
    pid: int
    pipe: int
    folder: Path
    started: float


def run_all(
    wanted: Iterator[tuple[str, int]], targets: dict[str, Target], seeds: Seeds, limits: Limits, jobs: int, keep: bool
) -> Iterator[Result]:
    """Results in the order in which they end; `keep` leaves the folders of the cases."""
    running: dict[int, Running] = {}
    waiting = True
    while waiting or running:
        while waiting and len(running) < jobs:
            one = next(wanted, None)
            if one is None:
                waiting = False
            else:
                begun = start(*one, targets[one[0]], seeds)
                running[begun.pipe] = begun
        ready = select.select(list(running), [], [], 0.2)[0] if running else []
        for pipe in list(running):
            late = time.monotonic() - running[pipe].started > limits.seconds
            if pipe in ready or late:
                yield finish(running.pop(pipe), limits, late and pipe not in ready, keep)


def start(target: str, seed: int, attack: Target, seeds: Seeds) -> Running:
    folder = Path(tempfile.mkdtemp(prefix=f"fuzz-{target}-{seed}-"))
    case = Case(target, seed, folder, seeds, Random(f"{target} {seed}"))
    case.work.mkdir(parents=True)
    reading, writing = os.pipe()
    sys.stdout.flush()
    pid = os.fork()
    if not pid:
        os.close(reading)
        become_a_case(attack, case, writing)
    os.close(writing)
    return Running(target, seed, pid, reading, folder, time.monotonic())


def become_a_case(attack: Target, case: Case, pipe: int) -> None:
    """The child's life: it reports through the pipe and ends without any of the parent's clean-up."""
    status = 70
    try:
        os.setsid()
        resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
        resource.setrlimit(resource.RLIMIT_FSIZE, (LARGEST_FILE, LARGEST_FILE))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(os.open(case.folder / "output", os.O_RDWR | os.O_CREAT), 1)
        os.dup2(1, 2)
        faulthandler.register(signal.SIGUSR2, open(case.folder / "stack", "w"))  # noqa: SIM115
        os.chdir(case.work)
        found = judge(attack, case)
        # All of it has to fit into the pipe.
        verdict = replace(found, where=found.where[:300], detail=found.detail[:1000], trace=found.trace[-5000:])
        inner = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        report = {"verdict": asdict(verdict), "peak": inner}
        os.write(pipe, json.dumps(report).encode())
        status = 0
    finally:
        os._exit(status)


def stop(run: Running) -> str:
    """End a case that takes too long, and say where it was."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(run.pid, signal.SIGUSR2)
        time.sleep(0.3)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(run.pid, signal.SIGKILL)
    stack = (run.folder / "stack").read_text() if (run.folder / "stack").exists() else ""
    frames = re.findall(r'File ".*/(?:adr_runtime|fuzz)/([^"]+)", line \d+ in (\S+)', stack)
    return ":".join(frames[0]) if frames else "an unknown place"


def finish(run: Running, limits: Limits, late: bool, keep: bool) -> Result:
    """Reap the process, and all that it started."""
    where = stop(run) if late else ""
    data = b""
    while part := os.read(run.pipe, 1 << 16):
        data += part
    os.close(run.pipe)
    status, usage = os.wait4(run.pid, 0)[1:]
    with contextlib.suppress(ProcessLookupError):
        os.killpg(run.pid, signal.SIGKILL)
    seconds, peak = time.monotonic() - run.started, usage.ru_maxrss / 1024
    if data and not late:
        report = json.loads(data)
        verdict, peak = Verdict(**report["verdict"]), max(peak, report["peak"])
    elif late:
        verdict = Verdict("hang", f"longer than {limits.seconds:g} s in {where}")
    else:
        code = os.waitstatus_to_exitcode(status)
        verdict = Verdict("crash", signal.Signals(-code).name if code < 0 else f"ended with status {code}")
    if peak > limits.memory and verdict.outcome != "crash":
        verdict = replace(verdict, outcome="memory", where=f"more than {limits.memory} MiB", detail=f"{peak:.0f} MiB")
    output = (run.folder / "output").read_text(errors="replace")[-4000:] if (run.folder / "output").exists() else ""
    if not keep:
        shutil.rmtree(run.folder, ignore_errors=True)
    return Result(run.target, run.seed, verdict, peak, seconds, output, run.folder)
