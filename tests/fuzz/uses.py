"""Uses of a model that was accepted, and what must hold of the results."""

import contextlib
from collections.abc import Iterator
from random import Random
from typing import Any

import numpy as np

from .cases import WrongResult


@contextlib.contextmanager
def watched_outputs() -> Iterator[list[str]]:
    """Collects what graphs gave that is not finite. Who uses such an output without complaint, is wrong: rounding to
    pixels hides it from everybody else. States are left out: what is wrong with them shows in the next outputs."""
    from adr_runtime.inference.session import Session

    original, found = Session.run, []

    def run(self: Any, *arguments: Any, **named: Any) -> dict[str, Any]:
        outputs = original(self, *arguments, **named)
        for name, value in outputs.items():
            plain = isinstance(value, np.ndarray) and value.dtype.kind == "f" and not name.startswith("present")
            if plain and not np.isfinite(value).all():
                found.append(name)
        return outputs

    Session.run = run  # type: ignore[method-assign]
    try:
        yield found
    finally:
        Session.run = original  # type: ignore[method-assign]


def use(model: Any, random: Random) -> None:
    """Make a little of whatever the model makes, and check it. Raises ADRError or WrongResult."""
    with watched_outputs() as found:
        if hasattr(model, "variables"):
            use_any_order(model, random)
        elif model.manifest.family == "masked":
            use_masked(model, random)
        elif model.manifest.image:
            use_pictures(model, random)
        elif model.speaks and random.random() < 0.6:
            use_speech(model)
        else:
            use_sound(model, random)
    if found:
        raise WrongResult(f"used {found[0]}, which is not finite")


def use_any_order(model: Any, random: Random) -> None:
    from adr_runtime.any_order.config import AnyOrderConfig

    spec, steps = model.variables, random.choice((None, model.variables.stages, model.variables.stages + 2))
    if spec.kind == "image":
        made = model.generate(count=2, steps=steps, seed=random.randrange(9)).pixels
        expect(made, (2, *spec.shape), np.uint8)
    elif spec.kind == "sound":
        length = spec.dimensions + 5
        made = model.generate_audio(seconds=length / spec.sample_rate, steps=steps, seed=0).samples
        expect(made, (1, length), np.int16)
    else:
        nothing = np.zeros((1, spec.dimensions + 3, 1), np.int64)
        made = model.fill(nothing, nothing == 0, 2, AnyOrderConfig(steps=steps, seed=0).resolve(model.manifest))
        expect(made, (2, *nothing.shape), np.int64)
        if made.min() < 0 or made.max() >= spec.levels:
            raise WrongResult(f"symbols from {made.min()} to {made.max()} of {spec.levels} levels")


def use_masked(model: Any, random: Random) -> None:
    image = model.manifest.image
    shape = (image.height, image.width, image.channels)
    options = {"label": random.choice([None, *model.labels[:2]]), "count": 2, "steps": random.choice((1, 3)), "seed": 1}
    if random.random() < 0.5:
        expect(model.generate(**options).pixels, (2, *shape), np.uint8)
        return
    mask = np.zeros(shape[:2], bool)
    mask[:, : image.width // 2] = True
    made = model.fill(np.full(shape, 90, np.uint8), mask, **options).pixels
    expect(made, (2, *shape), np.uint8)
    if not (made[:, ~mask] == 90).all():
        raise WrongResult("what is not to be filled in does not come back")


def use_pictures(model: Any, random: Random) -> None:
    image = model.manifest.image
    top = None
    if random.random() < 0.4:
        top = np.full((image.patch, image.width, image.channels), 90, np.uint8)
    label = random.choice([None, *model.labels[:2]])
    made = model.generate(label=label, count=2, steps=random.choice((1, 3)), prompt=top, seed=1).pixels
    expect(made, (2, image.height, image.width, image.channels), np.uint8)
    if top is not None and not (made[:, : image.patch] == 90).all():
        raise WrongResult("the top that was given does not come back")


def use_sound(model: Any, random: Random) -> None:
    audio = model.manifest.audio
    count = 3 * audio.hop + 1
    options = {"label": random.choice([None, *model.labels[:2]]), "steps": random.choice((1, 3)), "seed": 1}
    if random.random() < 0.4:
        options["prompt"] = np.sin(np.arange(5 * audio.hop, dtype=np.float32))
        expect_sound(model.stream(seconds=count / audio.sample_rate, **options), count + audio.delay)
        return
    stream = model.stream(seconds=count / audio.sample_rate, **options)
    state = stream.state()
    first = expect_sound(stream, count)
    again = expect_sound(model.resume(state), count)
    if not np.array_equal(first, again):
        raise WrongResult("a state does not go on as the stream did")


def use_speech(model: Any) -> None:
    words = []
    samples = np.concatenate(list(model.speak("Hello there. A cat, 2%!", tell=words.extend, steps=1, seed=1)), -1)
    expect(samples, (1, samples.shape[-1]), np.float32)
    times = [time for word in words for time in (word.start, word.end)]
    seconds = samples.shape[-1] / model.sample_rate
    if not words or times != sorted(times) or not 0 <= times[0] <= times[-1] <= seconds:
        raise WrongResult("words that are not heard one after the other while the sound lasts")


def expect_sound(stream: Any, count: int) -> np.ndarray:
    samples = np.concatenate(list(stream), -1)
    expect(samples, (1, count), np.float32)
    return samples


def expect(made: Any, shape: tuple[int, ...], dtype: Any) -> None:
    if made.shape != shape or made.dtype != dtype:
        raise WrongResult(f"made {made.dtype} {made.shape}, not {np.dtype(dtype)} {shape}")
    if made.dtype.kind == "f" and not np.isfinite(made).all():
        raise WrongResult("made samples that are not finite")
