"""Saved states of streams: damaged bytes, values that no stream has, and states of other bundles."""

import dataclasses
import json
from random import Random
from typing import Any

import numpy as np

from .cases import Case, WrongResult
from .container import resealed
from .manifest import edit, respell
from .mutate import damage, like
from .uses import watched_outputs

CHUNKS = 4


def attack(case: Case) -> str:
    random, model = case.random, case.seeds.models["latent"]
    state = random.choice(case.seeds.states)
    how = random.choices(("bytes", "resealed", "header", "arrays", "values", "foreign"), (15, 20, 25, 15, 20, 5))[0]
    if how == "bytes":
        data = damage(random, state)
    elif how == "resealed":
        data = resealed(damage(random, state[:-4]))
    elif how == "values":
        data, how = other_values(random, model, state)
    elif how == "foreign":
        few = (b"", b"\0", state[:4], state[:100], state * 2, random.randbytes(1000), b"PK\x03\x04")
        data = random.choice((*few, *case.seeds.containers.values()))
    else:
        header, arrays = opened(state)
        if how == "header":
            values = json.loads(header)
            how = "; ".join(edit(random, values) for _ in range(random.choice((1, 1, 2))))
            header = respell(random, json.dumps(values))
        else:
            arrays = other_arrays(random, arrays)
        data = resealed(state[:5] + len(header).to_bytes(4, "little") + header + arrays)
    stream = model.resume(data)
    with watched_outputs() as found:
        for _, samples in zip(range(CHUNKS), stream, strict=False):
            check_chunk(stream, samples)
    if found:
        raise WrongResult(f"used {found[0]}, which is not finite")
    stream.state()
    return how


def opened(state: bytes) -> tuple[bytes, bytes]:
    """The JSON header and the arrays of a state; before them stand magic, version and the header's length."""
    end = 9 + int.from_bytes(state[5:9], "little")
    return state[9:end], state[end:-4]


def other_arrays(random: Random, arrays: bytes) -> bytes:
    """Floats that are no numbers, or bytes too few or too many."""
    out = bytearray(arrays)
    for _ in range(random.choice((1, 1, 3))):
        at = random.randrange(len(out) // 4) * 4
        out[at : at + 4] = np.array(random.choice((np.nan, np.inf, -np.inf, 1e38, 1e-45, -1.0)), "<f4").tobytes()
    return random.choice((bytes(out), bytes(out), bytes(out), bytes(out[:-4]), bytes(out) * 2))


def check_chunk(stream: Any, samples: np.ndarray) -> None:
    hop, rows = stream.generator.audio.hop, stream.generator.batch
    fits = samples.ndim == 2 and samples.shape[0] == rows and 0 < samples.shape[1] <= stream.chunk_tokens * hop
    if not fits or samples.dtype != np.float32:
        raise WrongResult(f"a chunk of {samples.dtype} {samples.shape} for {rows} rows of {stream.chunk_tokens} tokens")
    if not np.isfinite(samples).all():
        raise WrongResult("made samples that are not finite")


def other_values(random: Random, model: Any, state: bytes) -> tuple[bytes, str]:
    """A state that was saved as it should be, of a stream that cannot be."""
    for _ in range(100):
        stream = model.resume(state)
        done = [change(random, stream) for _ in range(random.choice((1, 1, 2)))]
        try:
            return stream.state(), "; ".join(done)
        except Exception:
            # What cannot be saved is no attack.
            continue
    return state, "nothing"


def change(random: Random, stream: Any) -> str:
    """One value of the stream, its settings, its arrays or its playlist becomes another one."""
    progress = stream.progress
    what = random.choice(("stream", "progress", "array", "settings", "playlist"))
    if what == "stream":
        name = random.choice(("limit", "chunk_tokens", "emitted", "skip", "bundle"))
        if name == "bundle":
            foreign(random, stream.generator)
        else:
            setattr(stream, name, like(random, getattr(stream, name)))
        return name
    if what == "progress":
        name = random.choice(("position", "labels", "finished"))
        value = getattr(progress, name)
        setattr(progress, name, value[:0] if name == "finished" else others(random, value))
        return name
    if what == "array":
        return array(random, progress)
    if what == "settings":
        settings = stream.generator.settings
        name = random.choice([f.name for f in dataclasses.fields(settings)])
        value = others(random, getattr(settings, name))
        stream.generator.settings = dataclasses.replace(settings, **{name: value})
        return f"settings.{name}"
    if stream.playlist is None:
        return change(random, stream)
    name = random.choice([f.name for f in dataclasses.fields(stream.playlist)])
    stream.playlist = dataclasses.replace(stream.playlist, **{name: others(random, getattr(stream.playlist, name))})
    return f"playlist.{name}"


def foreign(random: Random, generator: Any) -> None:
    """The hash of the generator's bundle becomes another one."""
    opened = generator.opened
    bundle = dataclasses.replace(opened.bundle, hash=like(random, opened.bundle.hash))
    generator.opened = dataclasses.replace(opened, bundle=bundle)


def others(random: Random, value: Any) -> Any:
    if isinstance(value, tuple) and value:
        at = random.randrange(len(value))
        # Not so many that another turn of this would fill the memory of the fuzzer itself.
        many = (value * 100_000)[:100_000]
        return random.choice((value[:at] + (like(random, value[at]),) + value[at + 1 :], value[1:], value * 3, many))
    return like(random, value)


def array(random: Random, progress: Any) -> str:
    """A state tensor with another value, type or shape."""
    holder = random.choice((progress.backbone, progress.decoder, None))
    name = random.choice(list(holder)) if holder else "token"
    found = np.array(holder[name] if holder else progress.token)
    how = random.choice(("value", "value", "dtype", "shape", "cut", "all"))
    if how == "value" and found.size:
        at = random.randrange(found.size)
        value = random.choice((np.nan, np.inf, 1e30, -1, 1 << 40))
        with np.errstate(all="ignore"):
            found.reshape(-1)[at] = np.array(value).astype(found.dtype)
    elif how == "dtype":
        found = found.astype(random.choice((np.float64, np.float16, np.int8, np.complex64)))
    elif how == "shape":
        found = random.choice((found[None], found.reshape(-1), np.repeat(found, 1000, 0)))
    elif how == "cut":
        found = found[..., :-1]
    else:
        found = np.full_like(found, -(2**31))
    if holder:
        holder[name] = found
    else:
        progress.token = found
    return f"{name} {how}"
