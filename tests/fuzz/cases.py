"""What a case is, what may come of it, and which part of the runtime to blame."""

import re
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

FAILURES = ("crash", "traceback", "hang", "wrong", "memory")
OUTCOMES = ("refused", "accepted", *FAILURES)


class WrongResult(Exception):
    """Something was accepted and gave what is false, or was refused in another way than it should be."""


class Traceback(Exception):
    """A command met an exception that it did not expect."""


@dataclass(frozen=True)
class Seeds:
    """Valid things to damage. `models` are the loaded `bundles`, `media` and `containers` files by name, `states`
    those of streams of the bundle `latent`."""

    bundles: dict[str, Path]
    models: dict[str, Any]
    media: dict[str, bytes]
    containers: dict[str, bytes]
    states: tuple[bytes, ...]


@dataclass(frozen=True)
class Case:
    """One attack: all its choices come from `random`, and it writes below `folder` alone. Commands run in `work`,
    some levels below, so that what climbs out is still seen."""

    target: str
    seed: int
    folder: Path
    seeds: Seeds
    random: Random

    @property
    def work(self) -> Path:
        return self.folder / "a" / "b" / "work"


# Damages something, uses it, and says in a word or two what was damaged. Raises ADRError where that was refused.
Target = Callable[[Case], str]


@dataclass(frozen=True)
class Verdict:
    """`outcome` is one of OUTCOMES; `where` is equal for failures of one cause, `detail` tells them apart."""

    outcome: str
    where: str = ""
    detail: str = ""
    trace: str = ""


def judge(target: Target, case: Case) -> Verdict:
    """The verdict on one case, but for what only the parent process sees: crashes, hangs and memory."""
    from adr_runtime import ADRError

    try:
        found = Verdict("accepted", detail=target(case))
    except ADRError as error:
        found = check_refusal(str(error))
    except WrongResult as error:
        found = Verdict("wrong", without_numbers(str(error)), str(error))
    except MemoryError as error:
        found = Verdict("memory", f"MemoryError in {blame(error)}", str(error), traceback.format_exc())
    except Traceback as error:
        found = Verdict("traceback", without_numbers(str(error)), str(error))
    except Exception as error:
        where = f"{type(error).__name__} in {blame(error)}"
        found = Verdict("traceback", where, " ".join(str(error).split())[:200], traceback.format_exc())
    return found if found.outcome in FAILURES else check_folder(case, found)


def check_refusal(line: str) -> Verdict:
    if not line.strip() or set(line) & set("\n\r\x1b"):
        return Verdict("wrong", "a refusal that is not one line", repr(line[:300]))
    return Verdict("refused", detail=line[:300])


def check_folder(case: Case, found: Verdict) -> Verdict:
    """Nothing half-written may be left behind, whatever came of it."""
    left = [str(path) for path in case.folder.rglob("*.part*")]
    return Verdict("wrong", "a .part file is left behind", left[0]) if left else found


def blame(error: BaseException) -> str:
    """The innermost frame of the runtime, or of ours where the runtime is not to blame."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [f for f in frames if "/adr_runtime/" in f.filename] or frames
    return f"{Path(ours[-1].filename).name}:{ours[-1].name}"


def without_numbers(text: str) -> str:
    """Failures of one cause differ in numbers, names and paths; the rest of the line is the same."""
    text = re.sub(r"'[^']*'|\"[^\"]*\"|/\S+", "…", text)
    return re.sub(r"[-+]?\d[\d.e+]*", "N", text)[:120]
