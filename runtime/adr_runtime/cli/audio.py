"""adr-run audio: clips into files, or a stream as it is made."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Optional

import numpy as np
import typer

from adr_runtime.any_order.model import AnyOrderModel
from adr_runtime.causal.audio_model import AudioModel
from adr_runtime.causal.config import GenerationConfig, GenerationOptions
from adr_runtime.causal.playlist import LONGEST
from adr_runtime.causal.real_time import Pace, affordable_steps
from adr_runtime.causal.stream import Stream
from adr_runtime.cli.any_order_audio import generate_any_order
from adr_runtime.cli.audio_request import AudioRequest, TextRequest
from adr_runtime.cli.chunks import pipe, watched
from adr_runtime.cli.labels import choose_labels
from adr_runtime.cli.options import (
    CountOption,
    DebugOption,
    GuidanceOption,
    JsonOption,
    LabelOption,
    ModelOption,
    PromptOption,
    ProviderOption,
    SamplerOption,
    SeedOption,
    StepsOption,
    TemperatureOption,
    ThreadsOption,
    app,
)
from adr_runtime.cli.output import announced, console, listed, listed_labels, report
from adr_runtime.cli.speaking import speak
from adr_runtime.errors import InputError
from adr_runtime.limits import check_samples
from adr_runtime.loading import GENERATORS, load
from adr_runtime.media.audio import Audio
from adr_runtime.media.naming import default_name
from adr_runtime.media.reading import read_audio
from adr_runtime.media.spectrogram import write_plot
from adr_runtime.philox import checked_seed


@app.command(epilog="Example: adr-run audio --label seven --out seven.wav")
def audio(
    label: LabelOption = None,
    labels: Annotated[
        Optional[str], typer.Option(help='Several words in one sound, as "three one four"; repeated with --seconds.')
    ] = None,
    text: Annotated[Optional[str], typer.Option(help="English to speak.")] = None,
    text_file: Annotated[
        Optional[Path], typer.Option(help="The same out of a file, or - for standard input, spoken as it arrives.")
    ] = None,
    speed: Annotated[Optional[float], typer.Option(help="Of a text, from 0.5 to 2; 2 is twice as fast.")] = None,
    pause: Annotated[
        Optional[float], typer.Option(help="Seconds between sentences; the model's own unless given.")
    ] = None,
    timestamps: Annotated[
        Optional[Path], typer.Option(help="A file for when each word is heard: .json, or subtitles as .srt or .vtt.")
    ] = None,
    speaker: Annotated[
        Optional[str], typer.Option("--speaker", "--voice", help="Whose voice; drawn by the seed unless given.")
    ] = None,
    seconds: Annotated[
        Optional[float],
        typer.Option(help="Length; until the word is over unless given; inf with --out - goes on for ever."),
    ] = None,
    count: CountOption = None,
    out: Annotated[
        Optional[Path], typer.Option(help="A .wav, .flac or .ogg file, or - for raw 16-bit PCM on standard output.")
    ] = None,
    plot: Annotated[Optional[Path], typer.Option(help="A .png file: waveform and mel spectrogram.")] = None,
    stream: Annotated[
        bool, typer.Option("--stream", help="Make one token at a time and report first sound and under-runs.")
    ] = False,
    realtime: Annotated[
        Optional[float], typer.Option(help="Take as many steps as stay this many times ahead of playback.")
    ] = None,
    steps: StepsOption = None,
    sampler: SamplerOption = None,
    guidance: GuidanceOption = None,
    temperature: TemperatureOption = None,
    seed: SeedOption = None,
    prompt: PromptOption = None,
    model: ModelOption = None,
    provider: ProviderOption = "auto",
    threads: ThreadsOption = None,
    json_: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Make sound; --text is spoken, --prompt continues a recording, and --seconds counts what is added to it."""
    spoken = TextRequest(text, text_file, speed, pause, timestamps)
    request = AudioRequest(label, labels, seconds, count, out, plot, prompt, stream, realtime, json_, spoken)
    request.check()
    options = GenerationOptions(
        steps=steps, sampler=sampler, guidance=guidance, temperature=temperature, seed=checked_seed(seed),
        speaker=speaker,
    )  # fmt: skip
    opened = announced(load(model or GENERATORS["speech" if spoken.asked else "audio"], provider, threads))
    if isinstance(opened, AnyOrderModel):
        generate_any_order(opened, request, options)
    elif isinstance(opened, AudioModel):
        if request.realtime is not None:
            options["steps"] = affordable_steps(opened, request.realtime, options)
            console.print(f"{options['steps']} steps stay {request.realtime:g} times ahead of playback")
        (speak if spoken.asked else generate)(opened, request, options)
    else:
        raise InputError(f"{opened.name} makes pictures; use adr-run image")


def generate(model: AudioModel, request: AudioRequest, options: GenerationOptions) -> None:
    """Make what was asked for, and tell what became of it."""
    seed = checked_seed(options["seed"])
    labels = choose_labels(model.manifest, request.label, 1 if request.count is None else request.count, seed)
    # Before a prompt of an hour is read.
    GenerationConfig(**options).resolve(model.manifest, labels)
    prompt = None if request.prompt is None else read_audio(request.prompt, model.sample_rate)
    out = request.out or default_name(model.name, [request.labels] if request.words else labels, seed, ".wav")
    if not request.piped:
        Audio.files(out, len(labels))
        check_length(model, request, len(labels), 0 if prompt is None else len(prompt))
    pace = Pace(model.sample_rate)
    streamed = request.piped or request.stream or request.words or request.seconds is not None or prompt is not None
    if not streamed and model.manifest.ends:
        clips = model.generate(label=labels, **options)
        pace.add(max(clips.lengths))
    else:
        stream = open_stream(model, request, labels, prompt, options)
        pace.started = time.perf_counter()
        if request.piped:
            pipe(stream, pace, stream.prompt)
        else:
            clips = stream.as_audio(list(watched(stream, pace, request.seconds)))
    if request.piped:
        if request.stream:
            console.print(pace.line())
        return
    files = clips.save(out)
    if request.plot:
        write_plot(request.plot, np.concatenate(clips.clips), model.sample_rate, clips.provenance)
    tell(model, request, clips, files, pace)


def check_length(model: AudioModel, request: AudioRequest, count: int, prompt: int) -> None:
    """Raises InputError where `count` clips behind a prompt of so many samples are too long to be kept in memory."""
    seconds = model.manifest.defaults.seconds if request.seconds is None else request.seconds
    if request.words and request.seconds is None:
        seconds = len(request.words) * LONGEST
    check_samples(count, seconds * model.sample_rate + prompt)


def open_stream(
    model: AudioModel, request: AudioRequest, labels: Sequence[str | None], prompt: np.ndarray | None,
    options: GenerationOptions,
) -> Stream:  # fmt: skip
    """The stream that was asked for. Where the model knows when a word is over, it ends there unless --seconds is
    given; an endless one says its word again and again, or without a label all words in an order drawn by the seed."""
    seconds = None if request.endless else request.seconds
    chunk = 1 if request.piped or request.stream else 16
    ends, playlist = model.manifest.ends and prompt is None, list[str | None](request.words)
    if request.endless and not playlist and ends:
        order = np.random.default_rng(options["seed"]).permutation(len(model.labels))
        playlist = [model.labels[i] for i in order] if request.label is None and model.labels else [labels[0]]
    if ends and seconds is None and not request.endless and not playlist and len(labels) == 1:
        playlist = [labels[0]]
    if playlist:
        cycle = seconds is not None or request.endless
        return model.stream(playlist=playlist, cycle=cycle, seconds=seconds, chunk_tokens=chunk, **options)
    if seconds is None and not request.endless:
        seconds = model.manifest.defaults.seconds
    return model.stream(label=labels, seconds=seconds, prompt=prompt, chunk_tokens=chunk, **options)


def tell(model: AudioModel, request: AudioRequest, clips: Audio, files: list[Path], pace: Pace) -> None:
    total, longest = sum(clips.lengths) / model.sample_rate, max(clips.lengths) / model.sample_rate
    values: dict[str, Any] = {
        **clips.provenance, "files": [str(f) for f in files], "seconds": round(pace.taken, 3),
        "real_time_factor": round(pace.taken / total, 4),
    }  # fmt: skip
    if request.stream:
        values |= pace.report()
    labels = listed_labels(clips.provenance["labels"])
    line = f"{listed(files)}: {labels}, {longest:.2f} s at {model.sample_rate} Hz, seed {clips.seed}, "
    report(values, request.json, line + f"real-time factor {values['real_time_factor']:.2f} on {model.provider}")
    if request.stream:
        console.print(pace.line())
