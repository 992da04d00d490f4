"""Whether an installation makes what the test vectors of a bundle have (`adr_runtime.vectors`)."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from adr_runtime.any_order.model import AnyOrderModel
from adr_runtime.causal.audio_model import AudioModel
from adr_runtime.causal.config import GenerationConfig
from adr_runtime.causal.generator import TokenGenerator
from adr_runtime.causal.image_model import ImageModel
from adr_runtime.causal.parts import parts_text
from adr_runtime.causal.samplers import coefficients
from adr_runtime.errors import DamagedFileError
from adr_runtime.masked.config import MaskedConfig
from adr_runtime.masked.filler import TokenFiller
from adr_runtime.masked.model import MaskedModel
from adr_runtime.philox import normal
from adr_runtime.vectors import VECTORS, Arguments, ResultVector, read_vectors

# What another processor's logarithms, sines and roots may differ by.
TABLE_TOLERANCE = 1e-5
FIRST_TOKENS = 4
# The first values of a large picture say enough.
MOST_PIXELS = 1 << 14


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


def self_test(model: AudioModel | ImageModel | AnyOrderModel | MaskedModel) -> list[Check]:
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
    return ", ".join(f"{k} {parts_text(v)}" for k, v in said.items() if v is not None)


def compare(expected: ResultVector, made: dict[str, Any], name: str) -> list[Check]:
    """One check for each thing that the vector has."""
    checks = []
    for what, value in made.items():
        wanted = getattr(expected, what)
        if "first_tokens" not in made:
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


def noise_of(model: AudioModel | ImageModel | MaskedModel, seed: int, row: int, token: int, step: int) -> np.ndarray:
    """float32 (channels,)."""
    channels = model.manifest.tokens.channels
    noise: np.ndarray = normal(seed, np.array([row]), np.array([token]), np.array([step]), channels).reshape(-1)
    return noise


def table_of(
    model: AudioModel | ImageModel | MaskedModel, sampler: str, steps: int, temperature: float
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Timesteps int64 (K,) and coefficients float32 (K, 7)."""
    schedule = model.manifest.schedule
    return coefficients(
        np.array(schedule.betas), schedule.prediction, schedule.learned_variance, sampler, steps, temperature,
        model.manifest.defaults.spacing,
    )  # fmt: skip


def result_of(
    model: AudioModel | ImageModel | AnyOrderModel | MaskedModel, arguments: Arguments
) -> dict[str, Any]:  # fmt: skip
    """What a generation makes, under the names that a `ResultVector` has for it. Raises ADRError."""
    if isinstance(model, AnyOrderModel):
        return any_order_result(model, arguments)
    if isinstance(model, MaskedModel):
        return masked_result(model, arguments)
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
    return first | {"pixels": (np.clip(decoded, 0, 1) * 255).round().astype(np.uint8).reshape(-1)[:MOST_PIXELS]}


def masked_result(model: MaskedModel, arguments: Arguments) -> dict[str, Any]:
    settings = MaskedConfig(
        steps=arguments.steps, sampler=arguments.sampler, guidance=arguments.guidance,
        temperature=arguments.temperature, seed=int(arguments.seed), calls=arguments.calls, order=arguments.order,
    ).resolve(model.manifest, [arguments.label])  # fmt: skip
    manifest = model.manifest
    nothing = np.zeros((1, manifest.length, manifest.tokens.channels), np.float32)
    tokens = TokenFiller(model.opened, settings, settings.seed).fill(nothing, np.zeros(manifest.length, bool))
    return {"first_tokens": tokens[0, :FIRST_TOKENS], "pixels": model.decode(tokens).reshape(-1)[:MOST_PIXELS]}


def any_order_result(model: AnyOrderModel, arguments: Arguments) -> dict[str, Any]:
    seed, steps, temperature = int(arguments.seed), arguments.steps, arguments.temperature
    if isinstance(steps, tuple) or isinstance(temperature, tuple):
        raise DamagedFileError(f"{VECTORS}: an any-order model takes one number of steps and one temperature")
    if model.kind == "text":
        texts = model.fill_text(arguments.template or "?", seed=seed, steps=steps, temperature=temperature)
        return {"text": str(texts)}
    if model.kind == "image":
        images = model.generate(count=1, seed=seed, steps=steps, temperature=temperature)
        return {"pixels": images.pixels.reshape(-1)[:MOST_PIXELS]}
    seconds = (arguments.length or 1) / model.variables.sample_rate
    audio = model.generate_audio(seconds=seconds, seed=seed, steps=steps, temperature=temperature)
    return {"samples": audio.samples.reshape(-1)}
