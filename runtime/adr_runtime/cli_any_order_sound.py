"""What `adr-run audio` does with a model that makes waveforms in any order."""

import time
from pathlib import Path
from typing import Any

import numpy as np

from adr_runtime import AnyOrderModel, __version__
from adr_runtime.cli_make import file_names, file_stem, tell
from adr_runtime.cli_sound import Request
from adr_runtime.errors import ADRError
from adr_runtime.limits import check_count
from adr_runtime.media import check_target, write_sound
from adr_runtime.plot import write_plot
from adr_runtime.prompts import read_sound
from adr_runtime.provenance import SOUNDS


def audio(model: AnyOrderModel, request: Request, options: dict[str, Any]) -> None:
    """`request.seconds` of new sound, one unless given, behind the prompt if there is one."""
    asked = {
        "label": request.label not in (None, "none"), "labels": request.labels is not None, "stream": request.stream,
        "realtime": request.realtime is not None, "out -": request.piped,
    } | {k: options[k] is not None for k in ("sampler", "guidance", "speaker")}  # fmt: skip
    for option, given in asked.items():
        if given:
            raise ADRError(f"{model.name} is an any-order model, which takes no --{option}")
    rate, seed, count = model.variables.sample_rate, options["seed"], 1 if request.count is None else request.count
    check_count(count, "--count")
    seconds = 1.0 if request.seconds is None else request.seconds
    temperature = 1.0 if options["temperature"] is None else options["temperature"]
    files = file_names(request.out or Path(f"{file_stem(model.name)}-{seed}.wav"), count, count > 1)
    for file in files:
        check_target(file, tuple(SOUNDS))
    if request.plot:
        check_target(request.plot, (".png",))
    prompt = None
    if request.prompt is not None:
        # Files hold 16 bits as multiples of 2^-15; those of 16 bits come back exactly.
        prompt = np.clip(np.round(read_sound(request.prompt, rate) * 32768), -32768, 32767).astype(np.int16)
    calls = sum(map(len, model.policy(options["steps"])))
    started = time.perf_counter()
    made = model.sound(
        seconds=seconds, count=count, steps=options["steps"], seed=seed, temperature=temperature, prompt=prompt
    )
    taken = time.perf_counter() - started
    provenance = {
        "adr": __version__, "model": model.name, "bundle": model.bundle.hash, "seed": seed, "steps": calls,
        "temperature": temperature, "provider": model.provider, "sample_rate": rate,
    }  # fmt: skip
    for file, sound in zip(files, made, strict=True):
        write_sound(file, sound, rate, provenance)
    if request.plot:
        write_plot(request.plot, made.reshape(-1) / 32768, rate, provenance)
    report = {
        **provenance, "files": [str(f) for f in files], "seconds": round(taken, 3),
        "real_time_factor": round(taken / seconds / count, 4),
    }  # fmt: skip
    shown = str(files[0]) if len(files) == 1 else f"{files[0]} to {files[-1].name}"
    line = f"{shown}: {made.shape[1] / rate:.2f} s at {rate} Hz, {calls} network calls a window, seed {seed}, "
    tell(report, request.json, line + f"real-time factor {report['real_time_factor']:.2f} on {model.provider}")
