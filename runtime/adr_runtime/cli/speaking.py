"""adr-run audio with a text: into a file while it is spoken, or to whoever listens."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from adr_runtime.causal.audio_model import AudioModel
from adr_runtime.causal.config import GenerationOptions
from adr_runtime.causal.real_time import Pace
from adr_runtime.causal.speech import Speech
from adr_runtime.cli.audio_request import AudioRequest
from adr_runtime.cli.chunks import pipe, watched
from adr_runtime.cli.output import console, report
from adr_runtime.media.audio import Audio, Tell, write_chunks, write_timestamps
from adr_runtime.media.naming import default_name
from adr_runtime.media.reading import read_text

# Tokens of a chunk where nobody listens yet.
CHUNK = 16


def speak(model: AudioModel, request: AudioRequest, options: GenerationOptions) -> None:
    """Speak what was asked for, and tell what became of it."""
    asked, seed = request.text, options["seed"]
    text: str | Iterable[str] = read_text(asked.file) if asked.file else asked.text or ""
    speech = model.speak(
        text, speed=1.0 if asked.speed is None else asked.speed, pause=asked.pause,
        chunk_tokens=1 if request.piped or request.stream else CHUNK, **options,
    )  # fmt: skip
    out = request.out or default_name(model.name, [None], seed or 0, ".wav")
    if not request.piped:
        Audio.files(out, 1)
    if asked.file and str(asked.file) != "-" and os.path.isfile(asked.file) and model.front_end:
        # What cannot be said on the last page is known before the first one is spoken.
        model.front_end.check(read_text(asked.file))
    pace = Pace(model.sample_rate)

    def run(tell: Tell) -> None:
        speech.tell = tell
        if request.piped:
            pipe(speech, pace)
        else:
            chunks = (chunk[0] for chunk in watched(speech, pace, None))
            write_chunks(out, chunks, model.sample_rate, speech.provenance)

    if asked.timestamps:
        write_timestamps(asked.timestamps, run)
    else:
        run(speech.tell)
    if not request.piped:
        show(model, request, speech, out, pace)
    if request.stream:
        console.print(pace.line())


def show(model: AudioModel, request: AudioRequest, speech: Speech, out: Path, pace: Pace) -> None:
    stamps = request.text.timestamps
    files, factor = [str(file) for file in (out, stamps) if file], round(pace.taken / pace.made, 4)
    values: dict[str, Any] = {
        **speech.provenance, "files": files, "seconds": round(pace.taken, 3), "real_time_factor": factor,
    }  # fmt: skip
    if request.stream:
        values |= pace.report()
    voice = f" by {values['speaker']}" if values["speaker"] else ""
    line = f"{' and '.join(files)}: {pace.made:.2f} s of speech{voice} at {model.sample_rate} Hz, seed {speech.seed}, "
    report(values, request.json, line + f"real-time factor {factor:.2f} on {model.provider}")
