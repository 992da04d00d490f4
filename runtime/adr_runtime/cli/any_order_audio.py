"""adr-run audio with a model that makes waveforms in any order."""

import time
from pathlib import Path

import numpy as np

from adr_runtime.any_order.model import AnyOrderModel
from adr_runtime.causal.config import GenerationOptions
from adr_runtime.cli.any_order_image import any_order_options
from adr_runtime.cli.audio_request import AudioRequest
from adr_runtime.cli.options import refuse_options
from adr_runtime.cli.output import listed, report
from adr_runtime.errors import InputError
from adr_runtime.limits import check_count
from adr_runtime.media.audio import Audio
from adr_runtime.media.naming import file_stem
from adr_runtime.media.reading import read_audio
from adr_runtime.media.spectrogram import write_plot


def generate_any_order(model: AnyOrderModel, request: AudioRequest, options: GenerationOptions) -> None:
    """`request.seconds` of new sound, one unless given, behind the prompt if there is one."""
    if model.kind != "audio":
        raise InputError(f"{model.name} makes {model.kind} in any order; use adr-run {model.kind}")
    refuse_options(model.name, {
        "label": request.label != "none" and request.label, "labels": request.labels, "stream": request.stream,
        "realtime": request.realtime, "out -": request.piped, "sampler": options["sampler"],
        "guidance": options["guidance"], "speaker": options["speaker"], "text": request.text.asked,
    })  # fmt: skip
    rate, seed, count = model.variables.sample_rate, options["seed"], 1 if request.count is None else request.count
    check_count(count)
    seconds = 1.0 if request.seconds is None else request.seconds
    out = request.out or Path(f"{file_stem(model.name)}-{seed}.wav")
    Audio.files(out, count)
    prompt = None
    if request.prompt is not None:
        # Files hold 16 bits as multiples of 2^-15; those of 16 bits come back exactly.
        prompt = np.clip(np.round(read_audio(request.prompt, rate) * 32768), -32768, 32767).astype(np.int16)
    started = time.perf_counter()
    clips = model.generate_audio(
        seconds=seconds, count=count, prompt=prompt, **any_order_options(model.name, options)
    )  # fmt: skip
    taken = time.perf_counter() - started
    files = clips.save(out)
    if request.plot:
        write_plot(request.plot, clips.samples.reshape(-1) / 32768, rate, clips.provenance)
    factor = round(taken / seconds / count, 4)
    values = {
        **clips.provenance, "files": [str(f) for f in files], "seconds": round(taken, 3), "real_time_factor": factor,
    }  # fmt: skip
    length, calls = clips.samples.shape[1] / rate, clips.provenance["steps"]
    line = f"{listed(files)}: {length:.2f} s at {rate} Hz, {calls} network calls a window, seed {seed}, "
    report(values, request.json, line + f"real-time factor {factor:.2f} on {model.provider}")
