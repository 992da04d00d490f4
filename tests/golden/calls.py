"""Five calls of the Python interface, as digests of the arrays that they return."""

import adr_runtime
import numpy as np

from .commands import digest


def run_calls() -> dict[str, str]:
    found: dict[str, str] = {}
    speech = adr_runtime.load("speech-digits", "cpu")
    audio = speech.generate(label=["one", "two", None], seed=7, steps=3)
    found["generate audio"] = digest(np.ascontiguousarray(audio.samples).tobytes())
    stream = speech.stream(playlist=["three", "nine"], cycle=True, seed=8, chunk_tokens=3, guidance=1.5)
    heard = [next(stream).reshape(-1) for _ in range(5)]
    resumed = speech.resume(stream.state())
    heard += [next(resumed).reshape(-1) for _ in range(5)]
    found["stream and resume"] = digest(np.concatenate(heard).tobytes())
    pictures = adr_runtime.load("digits", "cpu").generate(label=[1, 5, 9], seed=9, sampler="ddim", steps=10)
    found["generate pictures"] = digest(pictures.pixels.tobytes())
    any_order = adr_runtime.load("digits-any", "cpu")
    made = any_order.generate(count=3, steps=20, seed=1)
    found["generate in any order"] = digest(made.pixels.tobytes())
    lower = np.arange(8)[:, None].repeat(8, 1) >= 4
    found["fill"] = digest(any_order.generate(picture=made.pixels[0], mask=lower, count=3, seed=2).pixels.tobytes())
    return found
