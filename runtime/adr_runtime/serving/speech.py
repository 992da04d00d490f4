"""Speech: text, or labels, to chunks of sound, in the formats that OpenAI's clients ask for."""

import io
import re
import struct
from collections.abc import AsyncIterator

import numpy as np

from adr_runtime.causal.audio_model import AudioModel
from adr_runtime.causal.playlist import PAUSE
from adr_runtime.causal.stream import Stream
from adr_runtime.errors import InputError
from adr_runtime.media.audio import to_pcm, write_pcm
from adr_runtime.media.provenance import encode_provenance
from adr_runtime.serving.desk import Desk
from adr_runtime.serving.requests import SpeechRequest, options_of

# Media type, and libsndfile's format and subtype of what is encoded whole; the first two are streamed.
FORMATS: dict[str, tuple[str, tuple[str, str] | None]] = {
    "pcm": ("audio/pcm", None), "wav": ("audio/wav", None), "flac": ("audio/flac", ("FLAC", "PCM_16")),
    "opus": ("audio/ogg", ("OGG", "OPUS")), "mp3": ("audio/mpeg", ("MP3", "MPEG_LAYER_III")),
}  # fmt: skip
# Of a length that is not known yet.
ENDLESS = 0xFFFFFFFF


def begin(model: AudioModel, request: SpeechRequest, seconds: float) -> Stream:
    """The stream that a request asks for. Raises InputError."""
    if request.response_format not in FORMATS:
        raise InputError(f"response_format must be one of {', '.join(FORMATS)}, not {request.response_format[:20]!r}")
    check_rate(request.response_format, model.sample_rate)
    if request.stream_format != "audio":
        raise InputError("stream_format must be audio")
    voice = request.voice if model.speakers and request.voice != "any" else None
    if voice is not None and voice not in model.speakers:
        raise InputError(f"unknown voice {voice[:40]!r}; {model.name} has any, {', '.join(model.speakers)}")
    options = options_of(request)
    options["speaker"] = voice
    if model.speaks:
        return model.speak(request.input, speed=request.speed, pause=request.pause, **options).whole(seconds)
    if request.speed != 1:
        raise InputError("speed must be 1: this model speaks at one speed")
    pause = PAUSE if request.pause is None else request.pause
    return model.stream(playlist=asked_labels(model, request.input), seconds=seconds, pause=pause, **options)


def asked_labels(model: AudioModel, text: str) -> list[str]:
    """The labels that a text names. Raises InputError for any other word."""
    words = [word for word in re.split(r"[\s,.;:!?]+", text) if word]
    if not words:
        raise InputError(f"input has no word; {model.name} says {', '.join(model.labels)}")
    known = {label.casefold(): label for label in model.labels}
    for word in words:
        if word.casefold() not in known:
            raise InputError(f"input: unknown word {word[:40]!r}; {model.name} says {', '.join(model.labels)}")
    return [known[word.casefold()] for word in words]


def check_rate(name: str, rate: int) -> None:
    """Raises InputError for a format that has no such rate; libsndfile says so when it begins to write."""
    import soundfile

    form = FORMATS[name][1]
    if form is None:
        return
    try:
        write_pcm(io.BytesIO(), np.zeros(1, np.int16), rate, *form, "none")
    except soundfile.LibsndfileError as error:
        line = f"response_format {name} has no sound at {rate} Hz; take wav, pcm or flac"
        raise InputError(line) from error


async def heard(desk: Desk, rate: int, made: AsyncIterator[np.ndarray]) -> AsyncIterator[np.ndarray]:
    """Samples int16 (samples,) of chunks float32 (1, samples), counted; those that are all delay are left out."""
    async for chunk in made:
        if chunk.size:
            desk.made.inc(chunk.shape[1] / rate)
            yield to_pcm(chunk[0])


def wav_header(rate: int) -> bytes:
    """That of 16-bit mono of a length that is not known yet."""
    return (
        struct.pack("<4sI4s", b"RIFF", ENDLESS, b"WAVE")
        + struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, rate, 2 * rate, 2, 16)
        + struct.pack("<4sI", b"data", ENDLESS)
    )  # fmt: skip


def encoded(samples: np.ndarray, stream: Stream, form: tuple[str, str]) -> bytes:
    """A whole file of int16 samples, which carries its provenance where the format has room for it."""
    file = io.BytesIO()
    write_pcm(file, samples, stream.generator.audio.sample_rate, *form, encode_provenance(stream.provenance))
    return file.getvalue()
