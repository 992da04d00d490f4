"""Calls of the Python interface with arguments of the right type and of any value."""

from collections.abc import Callable
from random import Random
from typing import Any

import numpy as np

from .cases import Case, WrongResult
from .mutate import STRINGS
from .uses import expect, watched_outputs

COUNTS = (0, -1, 4097, 1 << 31, 1 << 63, 1 << 64, 10**20, -(10**20), 1, 2)
FLOATS = (float("nan"), float("inf"), -float("inf"), -1.0, 0.0, 1e-320, 1e300, 1e18, 0.5)
SECONDS = (*FLOATS[:4], 0.0, -0.0, 1e300, 1e-320, 1e-9, 0.02)
SMALL = {"steps": 2, "seed": 1}


def attack(case: Case) -> str:
    random = case.random
    name = random.choice(list(CALLS))
    with watched_outputs() as found:
        CALLS[name](case, random)
    if found:
        raise WrongResult(f"used {found[0]}, which is not finite")
    return name


def options(random: Random, **right: Any) -> dict[str, Any]:
    """Right ones, of which one or two are replaced."""
    wrong: dict[str, tuple[Any, ...]] = {
        "label": (*STRINGS, -1, 99, 1 << 70, ["low", "x"], [], ["low"] * 5000, None), "count": COUNTS, "steps": COUNTS,
        "seed": (*COUNTS, None), "guidance": FLOATS, "temperature": FLOATS, "sampler": STRINGS, "speaker": STRINGS,
        "seconds": SECONDS, "chunk_tokens": (0, -1, 1, 3), "pause": FLOATS, "playlist": (["low"], ["x"], [99], [""]),
        "template": STRINGS, "hole": STRINGS,
    }  # fmt: skip
    chosen = dict(right)
    for key in random.sample(sorted(right), min(random.choice((0, 1, 1, 2)), len(right))):
        chosen[key] = random.choice(wrong[key]) if key in wrong else odd_array(random)
    return chosen


def odd_array(random: Random) -> np.ndarray:
    """An array of any shape and type, or of values that are no numbers."""
    shape = random.choice(
        ((0,), (1,), (7,), (64,), (6, 4, 3), (8, 8, 3), (0, 4, 3), (6, 4), (1, 1, 1, 1), (), (100_000,))
    )
    dtype = random.choice((np.uint8, np.int16, np.float32, np.float64, np.bool_, np.int64, np.complex64, object, "<U3"))
    made = np.zeros(shape, dtype)
    if made.dtype.kind == "f" and made.size:
        made.reshape(-1)[0] = random.choice((np.nan, np.inf, 1e38, 0.5))
    return made


def pictures(case: Case, random: Random) -> None:
    top = np.full((2, 4, 3), 9, np.uint8)
    given = {"prompt": top} if random.random() < 0.5 else {}
    asked = options(random, label="dot", count=1, guidance=2.0, temperature=1.0, sampler="ddim", **given, **SMALL)
    made = case.seeds.models["picture"].generate(**asked).pixels
    several = isinstance(asked["label"], list)
    expect(made, (len(asked["label"]) if several else asked["count"], 6, 4, 3), np.uint8)


def sounds(case: Case, random: Random) -> None:
    given = {"prompt": np.zeros(64, np.float32)} if random.random() < 0.5 else {}
    asked = options(random, label="low", seconds=0.05, speaker="ann", temperature=1.0, guidance=2.0, **given, **SMALL)
    made = case.seeds.models["latent"].generate(**asked).samples
    if not np.isfinite(made).all() or made.dtype != np.float32:
        raise WrongResult("made samples that are not finite")


def streams(case: Case, random: Random) -> None:
    asked = options(
        random, playlist=["low", "mid"], pause=0.1, chunk_tokens=2, temperature=1.0, sampler="ddim", **SMALL
    )
    for _, chunk in zip(range(4), case.seeds.models["latent"].stream(**asked), strict=False):
        expect(chunk, chunk.shape, np.float32)


def settings(case: Case, random: Random) -> None:
    from adr_runtime.causal.config import GenerationConfig, label_rows

    manifest = case.seeds.models[random.choice(("latent", "picture"))].manifest
    asked = options(random, label=None, count=1, guidance=1.0, temperature=1.0, sampler="ddpm", **SMALL)
    rows = label_rows(asked.pop("label"), asked.pop("count"))
    GenerationConfig(**asked).resolve(manifest, rows)


def any_pictures(case: Case, random: Random) -> None:
    model = case.seeds.models[random.choice(("greys", "colours"))]
    shape = model.variables.shape
    asked = options(random, count=1, temperature=1.0, **SMALL)
    if random.random() < 0.6:
        asked |= options(random, picture=np.full(shape, 51, np.uint8), mask=np.ones(shape[:2], bool))
        shape = asked["picture"].shape
    expect(model.generate(**asked).pixels, (asked["count"] or model.manifest.defaults.count, *shape), np.uint8)


def any_sounds(case: Case, random: Random) -> None:
    prompt = np.arange(20, dtype=np.int16)
    asked = options(random, seconds=0.004, count=1, temperature=1.0, prompt=prompt, **SMALL)
    made = case.seeds.models["samples"].generate_audio(**asked).samples
    expect(made, (asked["count"], made.shape[1]), np.int16)


def fill(case: Case, random: Random) -> None:
    from adr_runtime.any_order.config import AnyOrderConfig

    values, model = np.zeros((1, 30, 1), np.int64), case.seeds.models["symbols"]
    asked = options(random, values=values, target=values == 0, count=1, temperature=1.0, **SMALL)
    config = AnyOrderConfig(*(asked.pop(name) for name in ("steps", "temperature", "seed")))
    made = model.fill(**asked, settings=config.resolve(model.manifest))
    expect(made, (asked["count"], *asked["values"].shape), np.int64)


def texts(case: Case, random: Random) -> None:
    asked = options(random, template="to be ??? not", hole="?", count=1, temperature=1.0, **SMALL)
    template, hole = asked.pop("template"), asked["hole"]
    made = case.seeds.models["symbols"].fill_text(template, **asked)
    kept = all(text.startswith(template.partition(hole)[0]) for text in made.texts)
    if len(made) != asked["count"] or not kept:
        raise WrongResult(f"{len(made)} texts for {asked['count']}, or what is no hole was changed")


def budgets(case: Case, random: Random) -> None:
    model = case.seeds.models[random.choice(("greys", "colours", "samples"))]
    steps = random.choice(COUNTS)
    counted = [sum(stage) for stage in model.policy(steps)]
    if set(counted) != {model.variables.dimensions}:
        raise WrongResult(f"a policy that adds up to {counted}")
    model.predicted_bits(steps)


def reconstruct(case: Case, random: Random) -> None:
    samples = random.choice((odd_array(random), np.zeros(100, np.float32)))
    made = case.seeds.models["latent"].reconstruct(samples)
    expect(made, samples.shape, np.float32)


def resume(case: Case, random: Random) -> None:
    case.seeds.models["latent"].resume(random.choice((*case.seeds.states, b"", b"\0" * 99)))


def load(case: Case, random: Random) -> None:
    """Of a name that there is, mostly by the class of another kind of model."""
    import adr_runtime

    bundles = (str(case.seeds.bundles[name]) for name in ("greys", "latent", "picture"))
    name = random.choice((*STRINGS, "/dev/null", "/dev/zero", "/", *bundles))
    provider = random.choice(("cpu", "auto", *STRINGS))
    loaders = (adr_runtime.AudioModel, adr_runtime.ImageModel, adr_runtime.AnyOrderModel)
    chosen = random.choice((adr_runtime.load, *(kind.load for kind in loaders)))
    chosen(name, provider, random.choice((None, 1, *COUNTS)))


CALLS: dict[str, Callable[[Case, Random], None]] = {
    "pictures": pictures, "sounds": sounds, "streams": streams, "settings": settings, "any_pictures": any_pictures,
    "any_sounds": any_sounds, "fill": fill, "texts": texts, "budgets": budgets, "reconstruct": reconstruct,
    "resume": resume, "load": load,
}  # fmt: skip
