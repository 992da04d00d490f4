"""The bodies of requests: JSON to dataclasses, strictly, with one line of what is wrong."""

from dataclasses import dataclass
from typing import Any, TypeVar

from adr_runtime.bundles.strict_json import convert, read_json
from adr_runtime.causal.config import GenerationOptions
from adr_runtime.errors import ADRError, InputError

Body = TypeVar("Body", "SpeechRequest", "ImagesRequest")
WHAT = "the request"


@dataclass(frozen=True)
class SpeechRequest:
    """What `/v1/audio/speech` takes: OpenAI's fields, then those of a generation. `input` is text for a model that
    speaks text, else labels with spaces or punctuation between them; `voice` a speaker's name, or anything for a model
    without speakers; `pause` seconds behind a sentence or a word."""

    model: str
    input: str
    voice: str | None = None
    response_format: str = "mp3"
    speed: float = 1.0
    instructions: str | None = None
    stream_format: str = "audio"
    seed: int | None = None
    steps: int | None = None
    guidance: float | None = None
    temperature: float | None = None
    pause: float | None = None


@dataclass(frozen=True)
class ImagesRequest:
    """What `/v1/images/generations` takes: OpenAI's fields, then those of a generation. `prompt` is a label."""

    prompt: str
    model: str | None = None
    n: int = 1
    size: str | None = None
    response_format: str | None = "b64_json"
    output_format: str | None = None
    quality: str | None = None
    style: str | None = None
    background: str | None = None
    user: str | None = None
    seed: int | None = None
    steps: int | None = None
    guidance: float | None = None
    temperature: float | None = None


def read_body(kind: type[Body], body: bytes) -> Body:
    """Raises InputError in one line that names the field."""
    try:
        values: Any = read_json(body.decode(), WHAT)
        read: Body = convert(kind, values, "", WHAT)
    except UnicodeDecodeError as error:
        raise InputError("the request is not UTF-8 text") from error
    except ADRError as error:
        raise InputError(str(error)) from error
    return read


def options_of(request: SpeechRequest | ImagesRequest) -> GenerationOptions:
    """What of a request are the fields of `GenerationConfig`."""
    return {
        "seed": request.seed, "steps": request.steps, "guidance": request.guidance, "temperature": request.temperature,
    }  # fmt: skip
