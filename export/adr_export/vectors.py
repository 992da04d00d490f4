"""Test vectors of a bundle: a small choice of what it makes, by the runtime on a CPU (`adr_runtime.self_test`)."""

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from adr_runtime.any_order.model import AnyOrderModel
from adr_runtime.causal.audio_model import AudioModel
from adr_runtime.causal.image_model import ImageModel
from adr_runtime.causal.samplers import SAMPLERS
from adr_runtime.loading import load
from adr_runtime.masked.model import MaskedModel
from adr_runtime.self_test import noise_of, result_of, table_of
from adr_runtime.vectors import VECTORS, Arguments, NoiseVector, ResultVector, SamplerVector, Vectors

# A seed that a double does not hold.
SEED = (1 << 53) + 1
SOUND_TOKENS, SOUND_SAMPLES, CALLS = 8, 256, 8
TEMPLATE = "to be or not to be ???????? and by the ????? of"
# Sound; pictures, whose steps of 1/255 a small difference turns over; drawn values.
SOUND_TOLERANCE, PICTURE_TOLERANCE, DRAWN_TOLERANCE = 1e-3, 1e-2, 0.05


def write_vectors(folder: Path) -> None:
    """Write `vectors.json` into a bundle's folder. Raises ADRError where the runtime refuses the bundle."""
    model = load(folder, "cpu")
    vectors = any_order_vectors(model) if isinstance(model, AnyOrderModel) else causal_vectors(model)
    text = json.dumps(said(asdict(vectors)), ensure_ascii=False, separators=(",", ":"))
    (folder / VECTORS).write_text(text.replace('},{"', '},\n{"') + "\n", encoding="utf-8")


def said(value: Any) -> Any:
    """Without the fields that say nothing."""
    if isinstance(value, dict):
        return {k: said(v) for k, v in value.items() if v is not None and v != () and v != ""}
    return [said(item) for item in value] if isinstance(value, (list, tuple)) else value


def causal_vectors(model: AudioModel | ImageModel | MaskedModel) -> Vectors:
    manifest = model.manifest
    timesteps = len(manifest.schedule.betas)
    samplers = []
    for sampler in SAMPLERS:
        steps = min(4, timesteps)
        taken, table = table_of(model, sampler, steps, 0.5)
        samplers.append(SamplerVector(sampler, steps, 0.5, tuple(taken.tolist()), tuple(map(floats, table))))
    defaults, tokens = manifest.defaults, SOUND_TOKENS if isinstance(model, AudioModel) else None
    first, last = (manifest.labels[0], manifest.labels[-1]) if manifest.labels else (None, None)
    speaker = manifest.speakers[-1] if manifest.speakers else None
    # Whose guidance is built in, makes with more of it what nobody wants, and the least difference large.
    guidance = 1.5 if defaults.guidance != 1 else 1.0
    choices = (
        Arguments("1", defaults.steps, defaults.temperature, first, None, defaults.sampler, defaults.guidance, tokens),
        Arguments(str(SEED), min(3, timesteps), 0.9, last, speaker, "ddpm", guidance, tokens),
    )
    if isinstance(model, MaskedModel):
        orders, calls = model.manifest.orders, model.manifest.defaults.calls
        # Fewer calls than by default make more tokens at a time.
        fewer = max(calls // 2, model.spec.levels)
        choices = replace(choices[0], calls=calls, order=orders[0]), replace(choices[1], calls=fewer, order=orders[-1])
    noise = NoiseVector(str(SEED), 1, 3, 2, floats(noise_of(model, SEED, 1, 3, 2)))
    tolerance = SOUND_TOLERANCE if isinstance(model, AudioModel) else PICTURE_TOLERANCE
    results = tuple(result(model, choice, tolerance) for choice in choices)
    return Vectors(model.bundle.hash, results, (noise,), tuple(samplers))


def any_order_vectors(model: AnyOrderModel) -> Vectors:
    least = model.variables.stages
    most = least * model.variables.dimensions
    length = SOUND_SAMPLES if model.kind == "audio" else None
    template = TEMPLATE if model.kind == "text" else None
    choices = (
        Arguments("1", min(max(CALLS, least), most), 1.0, length=length, template=template),
        Arguments(str(SEED), min(max(2 * CALLS, least), most), 0.8, length=length, template=template),
    )
    return Vectors(model.bundle.hash, tuple(result(model, choice, DRAWN_TOLERANCE) for choice in choices))


def result(
    model: AudioModel | ImageModel | AnyOrderModel | MaskedModel, arguments: Arguments, tolerance: float
) -> ResultVector:
    made: dict[str, Any] = {}
    for what, value in result_of(model, arguments).items():
        if isinstance(value, np.ndarray):
            value = tuple(map(floats, value)) if value.ndim == 2 else numbers(value)
        made[what] = value
    return ResultVector(arguments, tolerance, **made)


def numbers(values: np.ndarray) -> tuple[Any, ...]:
    return floats(values) if values.dtype.kind == "f" else tuple(values.tolist())


def floats(values: np.ndarray) -> tuple[float, ...]:
    """The shortest numbers that read back as these float32 values."""
    return tuple(float(str(value)) for value in np.asarray(values, np.float32))
