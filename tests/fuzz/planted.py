"""What the harness must find: one fault a seed, each planted here. Not part of a run unless asked for by name."""

import os
import signal
import time

import numpy as np

from .cases import Case, WrongResult
from .shell import check, run

FAULTS = ("refused", "accepted", "crash", "traceback", "hang", "wrong", "memory", "memory", "wrong", "wrong", "refused")


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
        time.sleep(3600)
    if fault == 5:
        raise WrongResult("NaN")
    if fault == 6:
        # More than the address space that a case may have.
        np.empty(1 << 40, np.uint8)
    if fault == 7:
        np.ones(1 << 26, np.float64)
    if fault == 8:
        raise ADRError("two\nlines")
    if fault == 9:
        (case.work / ".x.123.part").write_bytes(b"left behind")
    if fault == 10:
        check(run(case, "info", "nothing-of-the-kind"))
    return "nothing"
