"""The test vectors of a bundle, `vectors.json`: what it makes of given numbers, so that an installation, a provider or
an implementation in another language can check itself (docs/bundle-format.md).

The file stands beside the manifest, which does not name it: with it a bundle keeps its hash. Seeds are strings, since
many readers of JSON keep no more than 53 bits of a number.
"""

from dataclasses import dataclass

from adr_runtime.bundles.bundle import Bundle
from adr_runtime.bundles.strict_json import convert, read_json, refuse
from adr_runtime.errors import DamagedFileError
from adr_runtime.philox import SEED_BITS

VECTORS = "vectors.json"
MAX_BYTES = 1 << 22
SEED_DIGITS, MOST_COUNTER, MOST_TOKENS = 20, 1 << 32, 1 << 16


@dataclass(frozen=True)
class NoiseVector:
    """The noise float32 (channels,) of one row, token and step."""

    seed: str
    row: int
    token: int
    step: int
    values: tuple[float, ...]


@dataclass(frozen=True)
class SamplerVector:
    """Timesteps (K,) and coefficients (K, 7) of a sampler, by the bundle's schedule and spacing."""

    sampler: str
    steps: int
    temperature: float
    timesteps: tuple[int, ...]
    coefficients: tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Arguments:
    """One generation of one row. Sound has so many `tokens`; of any-order models, sound has so many samples
    (`length`), and text fills the holes ("?") of a `template`; masked models make `calls` of the network in an `order`.
    """

    seed: str
    steps: int | tuple[int, ...]
    temperature: float | tuple[float, ...]
    label: str | None = None
    speaker: str | None = None
    sampler: str | None = None
    guidance: float | tuple[float, ...] | None = None
    tokens: int | None = None
    length: int | None = None
    template: str | None = None
    calls: int | None = None
    order: str | None = None


@dataclass(frozen=True)
class ResultVector:
    """What a generation makes: the first tokens, and samples (float of causal models, integers of any-order ones),
    pixels (of 0 to 255; row, column, channel) or text. `tolerance` is the largest difference that passes, pixels taken
    as parts of 255; of any-order models it is the part of the values that may be others, since a drawn value is never
    close."""

    arguments: Arguments
    tolerance: float
    first_tokens: tuple[tuple[float, ...], ...] = ()
    samples: tuple[float, ...] = ()
    pixels: tuple[int, ...] = ()
    text: str = ""


@dataclass(frozen=True)
class Vectors:
    """All of a bundle, which is named by the SHA-256 of its manifest."""

    bundle: str
    results: tuple[ResultVector, ...]
    noise: tuple[NoiseVector, ...] = ()
    samplers: tuple[SamplerVector, ...] = ()


def read_vectors(bundle: Bundle) -> Vectors:
    """The vectors of a bundle. Raises ADRError where it has none, and where they are damaged or belong to another."""
    try:
        text = bundle.source.read(VECTORS, None, MAX_BYTES).decode()
    except UnicodeDecodeError as error:
        raise DamagedFileError(f"{bundle.folder / VECTORS}: not UTF-8 text") from error
    vectors: Vectors = convert(Vectors, read_json(text, VECTORS), "", VECTORS)
    check_vectors(vectors)
    if vectors.bundle != bundle.hash:
        raise DamagedFileError(
            f"{bundle.folder / VECTORS}: belongs to the bundle {vectors.bundle[:16]}…, and this one is "
            f"{bundle.hash[:16]}…; fetch or export the bundle again"
        )
    return vectors


def check_vectors(vectors: Vectors) -> None:
    """Raises DamagedFileError for values that no exporter writes, before anything is made of them."""
    for what, seed in (
        *(("noise", noise.seed) for noise in vectors.noise), *(("results", r.arguments.seed) for r in vectors.results),
    ):  # fmt: skip
        if not (seed.isascii() and seed.isdecimal() and len(seed) <= SEED_DIGITS and int(seed) < 1 << SEED_BITS):
            refuse(f"{what}.seed", "a whole number from 0 to 2^64 - 1 as text", seed, VECTORS)
    for noise in vectors.noise:
        for name in ("row", "token", "step"):
            if not 0 <= getattr(noise, name) < MOST_COUNTER:
                refuse(f"noise.{name}", f"0 to {MOST_COUNTER - 1}", getattr(noise, name), VECTORS)
    rectangles = [("samplers.coefficients", s.coefficients) for s in vectors.samplers]
    for where, rows in [*rectangles, *(("results.first_tokens", r.first_tokens) for r in vectors.results)]:
        if len({len(row) for row in rows}) > 1:
            refuse(where, "rows of one length", f"{len(rows)} of several", VECTORS)
    for result in vectors.results:
        for name in ("tokens", "length"):
            count = getattr(result.arguments, name)
            if count is not None and not 1 <= count <= MOST_TOKENS:
                refuse(f"results.arguments.{name}", f"1 to {MOST_TOKENS}", count, VECTORS)
        if not 0 < result.tolerance <= 1:
            refuse("results.tolerance", "more than 0, up to 1", result.tolerance, VECTORS)
    if not vectors.results:
        refuse("results", "at least one", (), VECTORS)
