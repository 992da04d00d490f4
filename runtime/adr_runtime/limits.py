"""Limits that the commands and both families of models share. They hold before anything is allocated."""

from operator import index
from typing import SupportsFloat, SupportsIndex

from adr_runtime.errors import InputError

MAX_COUNT = 4096
MAX_THREADS = 1024
# Of a distribution of values, or of the noise of a diffusion step.
MAX_TEMPERATURE = 10
# Seconds of sound: of a prompt, and of what is made into a file.
MAX_SECONDS = 3600.0
# Seconds behind a word of a playlist, or behind a sentence.
MAX_PAUSE = 60
# Pixels of one picture that is written, and values (pixels times channels) of one that is read.
MAX_PIXELS = MAX_VALUES = 1 << 26
# What a generation may take, by an estimate from its settings.
MAX_BYTES = 4 << 30


def whole_number(value: SupportsIndex, name: str) -> int:
    """The number as Python's own, whichever library it comes from. Raises InputError for what is no whole number."""
    try:
        return index(value)
    except TypeError as error:
        raise InputError(f"{name} must be a whole number, not {str(value)[:40]!r}") from error


def real_number(value: SupportsFloat, name: str) -> float:
    """The number as Python's own. Raises InputError for what is none."""
    try:
        return float(value)
    except (TypeError, ValueError) as error:
        raise InputError(f"{name} must be a number, not {str(value)[:40]!r}") from error


def checked_temperature(value: SupportsFloat | None, default: float) -> float:
    """The temperature, `default` for None. Raises InputError."""
    temperature = default if value is None else real_number(value, "temperature")
    if not 0 <= temperature <= MAX_TEMPERATURE:
        raise InputError(f"temperature must be from 0 to {MAX_TEMPERATURE}, not {temperature:g}")
    return temperature


def check_count(count: int, name: str = "count") -> None:
    whole_number(count, name)
    if not 1 <= count <= MAX_COUNT:
        raise InputError(f"{name} must be from 1 to {MAX_COUNT}, not {count}")


def check_threads(threads: int | None, name: str = "threads") -> None:
    if threads is not None and not 1 <= whole_number(threads, name) <= MAX_THREADS:
        raise InputError(f"{name} must be from 1 to {MAX_THREADS}, not {threads}")


def check_samples(count: int, samples: float) -> None:
    """Raises InputError where `count` sounds of so many samples each are too long to be kept in memory."""
    check_bytes(12.0 * count * samples, f"{count} sound(s) of {samples:.0f} samples")


def check_bytes(needed: float, what: str) -> None:
    """Raises InputError where `what`, as "9 sounds of 3600 s", is estimated to need more than MAX_BYTES."""
    if needed > MAX_BYTES:
        raise InputError(
            f"{what} would take about {needed / 2**30:.1f} GiB of memory, and up to {MAX_BYTES >> 30} GiB are taken; "
            "ask for fewer or less at a time"
        )


def check_sheet(count: int, height: int, width: int, scale: int) -> None:
    """Raises InputError where `count` pictures, enlarged `scale` times and put into one, have more than MAX_PIXELS."""
    if count * height * width * scale * scale > MAX_PIXELS:
        raise InputError(
            f"{count} x {width} x {height} pixels, enlarged {scale} times, are more than the {MAX_PIXELS} of one "
            "picture; lower scale or count, or save them separately"
        )
