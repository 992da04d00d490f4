"""Faults that the harness must find, one a seed. Not part of a run unless asked for by name."""

import os
import signal
import time

import numpy as np

from .cases import Case, WrongResult
from .shell import check, run

# What must come of each seed.
OUTCOMES = (
    "refused", "accepted", "crash", "traceback", "wrong", "memory", "memory", "wrong", "wrong", "refused", "hang",
)  # fmt: skip


def attack(case: Case) -> str:
    from adr_runtime import ADRError

    fault = case.seed
    if fault == 0:
        raise ADRError("as it should be")
    if fault == 2:
        os.kill(os.getpid(), signal.SIGSEGV)
    if fault == 3:
        raise ValueError("two\nlines")
    if fault == 4:
        raise WrongResult("NaN")
    if fault == 5:
        # More than the address space that a case may have.
        np.empty(1 << 40, np.uint8)
    if fault == 6:
        np.ones(1 << 25, np.float64)
    if fault == 7:
        raise ADRError("two\nlines")
    if fault == 8:
        (case.work / ".x.123.part").write_bytes(b"left behind")
    if fault == 9:
        check(run(case, "info", "nothing-of-the-kind"))
    if fault == 10:
        time.sleep(3600)
    return "nothing"
