"""The test vectors of a bundle, `vectors.json`: what it makes of given numbers, so that an installation, a provider or
an implementation in another language can check itself (docs/bundle-format.md).

The file stands beside the manifest, which does not name it: with it a bundle keeps its hash. Seeds are strings, since
many readers of JSON keep no more than 53 bits of a number.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from adr_runtime.any_order.model import AnyOrderModel
from adr_runtime.bundles.bundle import Bundle
from adr_runtime.bundles.strict_json import convert, read_json
from adr_runtime.causal.audio_model import AudioModel
from adr_runtime.causal.config import GenerationConfig
from adr_runtime.causal.generator import TokenGenerator
from adr_runtime.causal.image_model import ImageModel
from adr_runtime.causal.samplers import coefficients
from adr_runtime.errors import DamagedFileError
from adr_runtime.philox import normal

VECTORS = "vectors.json"
MAX_BYTES = 1 << 22
# What another processor's logarithms, sines and roots may differ by.
TABLE_TOLERANCE = 1e-5
FIRST_TOKENS = 4


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
    (`length`), and text fills the holes ("?") of a `template`."""

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


@dataclass(frozen=True)
class Check:
    """How far this installation is from the vectors in one thing."""

    what: str
    difference: float
    tolerance: float

    @property
    def passed(self) -> bool:
        """Whether it is near enough."""
        # A difference that is no number is none that passes.
        return self.difference <= self.tolerance


def read_vectors(bundle: Bundle) -> Vectors:
    """The vectors of a bundle. Raises ADRError where it has none, and where they are damaged or belong to another."""
    try:
        text = bundle.source.read(VECTORS, None, MAX_BYTES).decode()
    except UnicodeDecodeError as error:
        raise DamagedFileError(f"{bundle.folder / VECTORS}: not UTF-8 text") from error
    vectors: Vectors = convert(Vectors, read_json(text, VECTORS), "", VECTORS)
    if vectors.bundle != bundle.hash:
        raise DamagedFileError(
            f"{bundle.folder / VECTORS}: belongs to the bundle {vectors.bundle[:16]}…, and this one is "
            f"{bundle.hash[:16]}…; fetch or export the bundle again"
        )
    return vectors


def self_test(model: AudioModel | ImageModel | AnyOrderModel) -> list[Check]:
    """Make everything again that the bundle's vectors have, and compare. Raises ADRError."""
    vectors, checks = read_vectors(model.bundle), list[Check]()
    if not isinstance(model, AnyOrderModel):
        for noise in vectors.noise:
            made = noise_of(model, int(noise.seed), noise.row, noise.token, noise.step)
            checks.append(Check("noise", largest(made, noise.values), TABLE_TOLERANCE))
        for sampler in vectors.samplers:
            timesteps, table = table_of(model, sampler.sampler, sampler.steps, sampler.temperature)
            difference = max(largest(timesteps, sampler.timesteps), largest(table, sampler.coefficients))
            checks.append(Check(f"table of {sampler.sampler}", difference, TABLE_TOLERANCE))
    for result in vectors.results:
        checks += compare(result, result_of(model, result.arguments), describe(result.arguments))
    return checks


def describe(arguments: Arguments) -> str:
    said = {"sampler": arguments.sampler, "label": arguments.label, "steps": arguments.steps, "seed": arguments.seed}
    return ", ".join(f"{k} {v}" for k, v in said.items() if v is not None)


def compare(expected: ResultVector, made: dict[str, Any], name: str) -> list[Check]:
    """One check for each thing that the vector has."""
    checks = []
    for what, value in made.items():
        wanted = getattr(expected, what)
        if not expected.first_tokens:
            difference = differing(np.array(list(value)), np.array(list(wanted)))
        else:
            difference = largest(value, wanted) / (255 if what == "pixels" else 1)
        checks.append(Check(f"{what.replace('_', ' ')} ({name})", difference, expected.tolerance))
    return checks


def largest(made: Any, wanted: Any) -> float:
    """The largest absolute difference; infinite where the shapes are not the same."""
    # In float32, as which the decimal digits of a vector are meant.
    made, wanted = (np.asarray(values, np.float32).astype(np.float64) for values in (made, wanted))
    return float(np.abs(made - wanted).max(initial=0)) if made.shape == wanted.shape else float("inf")


def differing(made: np.ndarray, wanted: np.ndarray) -> float:
    """The part of the values that are others; all where there are more or fewer."""
    return float(np.mean(made != wanted)) if made.shape == wanted.shape else 1.0


def noise_of(model: AudioModel | ImageModel, seed: int, row: int, token: int, step: int) -> np.ndarray:
    """float32 (channels,)."""
    channels = model.manifest.tokens.channels
    noise: np.ndarray = normal(seed, np.array([row]), np.array([token]), np.array([step]), channels).reshape(-1)
    return noise


def table_of(
    model: AudioModel | ImageModel, sampler: str, steps: int, temperature: float
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Timesteps int64 (K,) and coefficients float32 (K, 7)."""
    schedule = model.manifest.schedule
    return coefficients(
        np.array(schedule.betas), schedule.prediction, schedule.learned_variance, sampler, steps, temperature,
        model.manifest.defaults.spacing,
    )  # fmt: skip


def result_of(model: AudioModel | ImageModel | AnyOrderModel, arguments: Arguments) -> dict[str, Any]:
    """What a generation makes, under the names that a `ResultVector` has for it. Raises ADRError."""
    if isinstance(model, AnyOrderModel):
        return any_order_result(model, arguments)
    settings = GenerationConfig(
        steps=arguments.steps, sampler=arguments.sampler, guidance=arguments.guidance,
        temperature=arguments.temperature, seed=int(arguments.seed), speaker=arguments.speaker,
    ).resolve(model.manifest, [arguments.label])  # fmt: skip
    generator = TokenGenerator(model.opened, settings)
    state = generator.start()
    count = model.length if isinstance(model, ImageModel) else arguments.tokens or FIRST_TOKENS
    tokens = np.stack([generator.next_token(state) for _ in range(count)], 1)
    decoded = generator.decode(state, tokens)[0]
    first = {"first_tokens": tokens[0, :FIRST_TOKENS]}
    if isinstance(model, AudioModel):
        return first | {"samples": decoded[model.spec.delay :]}
    return first | {"pixels": (np.clip(decoded, 0, 1) * 255).round().astype(np.uint8).reshape(-1)}


def any_order_result(model: AnyOrderModel, arguments: Arguments) -> dict[str, Any]:
    seed, steps, temperature = int(arguments.seed), arguments.steps, arguments.temperature
    if isinstance(steps, tuple) or isinstance(temperature, tuple):
        raise DamagedFileError(f"{VECTORS}: an any-order model takes one number of steps and one temperature")
    if model.kind == "text":
        texts = model.fill_text(arguments.template or "?", seed=seed, steps=steps, temperature=temperature)
        return {"text": str(texts)}
    if model.kind == "image":
        images = model.generate(count=1, seed=seed, steps=steps, temperature=temperature)
        return {"pixels": images.pixels.reshape(-1)}
    seconds = (arguments.length or 1) / model.variables.sample_rate
    audio = model.generate_audio(seconds=seconds, seed=seed, steps=steps, temperature=temperature)
    return {"samples": audio.samples.reshape(-1)}
