"""The Starlette application: routes, limits, and errors as OpenAI's clients understand them."""

import asyncio
import base64
import io
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import numpy as np
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Message, Receive, Scope, Send

from adr_runtime.causal.audio_model import AudioModel
from adr_runtime.causal.image_model import ImageModel
from adr_runtime.causal.joined import grow_together, next_chunks
from adr_runtime.errors import ADRError, InputError
from adr_runtime.media.images import Images, save_png
from adr_runtime.serving.desk import Busy, Desk, ServeConfig
from adr_runtime.serving.requests import ImagesRequest, SpeechRequest, options_of, read_body
from adr_runtime.serving.rounds import Rounds
from adr_runtime.serving.speech import FORMATS, begin, encoded, heard, wav_header

Model = AudioModel | ImageModel
Handler = Callable[[Request], Awaitable[Response]]
MAX_PICTURES = 64
LOG = logging.getLogger("uvicorn.error")


class TooLarge(Exception):
    """A body of more bytes than are read."""


class Service:
    """The endpoints over some models, by the names of their bundles."""

    def __init__(self, models: dict[str, Model], config: ServeConfig):
        self.models, self.config, self.desk = models, config, Desk(config)
        self.streams, self.pictures = Rounds(self.desk, next_chunks), Rounds(self.desk, grow_together)

    def application(self) -> Starlette:
        routes = [
            Route("/v1/audio/speech", self.guarded("speech", self.speech), methods=["POST"]),
            Route("/v1/images/generations", self.guarded("images", self.images), methods=["POST"]),
            Route("/v1/models", self.list_models), Route("/health", self.health), Route("/metrics", self.metrics),
        ]  # fmt: skip
        return Starlette(routes=routes)

    def guarded(self, endpoint: str, handler: Handler) -> Handler:
        """Errors as one line of JSON, counted."""

        async def guard(request: Request) -> Response:
            try:
                response = await handler(request)
            except InputError as error:
                response = failure(400, "invalid_request_error", str(error))
            except TooLarge:
                response = failure(413, "invalid_request_error", f"a request has up to {self.config.body_bytes} bytes")
            except Busy:
                line = f"all {self.config.places} places are taken; try again in a moment"
                response = failure(503, "overloaded_error", line)
                response.headers["retry-after"] = "1"
            except ClientDisconnect:
                response = Response(status_code=499)
            except TimeoutError:
                response = failure(504, "timeout_error", f"not done within {self.config.wait:g} seconds")
            except ADRError as error:
                response = failure(500, "server_error", str(error))
            self.desk.requests.labels(endpoint, str(response.status_code)).inc()
            return response

        return guard

    async def body(self, request: Request) -> bytes:
        """Raises TooLarge as soon as there is too much of it, or is said to come."""
        said = request.headers.get("content-length", "")
        if said.isdecimal() and int(said[:20]) > self.config.body_bytes:
            raise TooLarge
        parts, size = [], 0
        async for part in request.stream():
            size += len(part)
            if size > self.config.body_bytes:
                raise TooLarge
            parts.append(part)
        return b"".join(parts)

    def model(self, name: str | None, kind: type[Model]) -> Model:
        """A model by name, or the only one of its kind where none is named. Raises InputError."""
        known = {key: model for key, model in self.models.items() if isinstance(model, kind)}
        if name is None and len(known) == 1:
            return next(iter(known.values()))
        if name not in known:
            raise InputError(f"unknown model {str(name)[:40]!r}; there are {', '.join(known) or 'none of this kind'}")
        return known[name]

    async def speech(self, request: Request) -> Response:
        asked, started = read_body(SpeechRequest, await self.body(request)), time.perf_counter()
        model = self.model(asked.model, AudioModel)
        assert isinstance(model, AudioModel)
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self.desk.place())
            stream = await self.desk.run(lambda: begin(model, asked, self.config.seconds))
            media_type, form = FORMATS[asked.response_format]
            made = heard(self.desk, model.sample_rate, stack.enter_context(self.streams.seat(stream)))
            first = await anext(made, np.zeros(0, np.int16))
            self.desk.first.observe(time.perf_counter() - started)
            headers = {"x-seed": str(stream.seed), "x-sample-rate": str(model.sample_rate)}
            if form is None:
                before = wav_header(model.sample_rate) if asked.response_format == "wav" else b""
                return Streamed(sent(before, first, made), stack.pop_all(), self.config.wait, media_type, headers)
            parts = [first]
            async for chunk in made:
                parts.append(chunk)
                if await request.is_disconnected():
                    return Response(status_code=499)
            whole = await self.desk.run(lambda: encoded(np.concatenate(parts), stream, form))
            return Response(whole, media_type=media_type, headers=headers)

    async def images(self, request: Request) -> Response:
        asked = read_body(ImagesRequest, await self.body(request))
        model = self.model(asked.model, ImageModel)
        assert isinstance(model, ImageModel)
        size = f"{model.size[1]}x{model.size[0]}"
        if asked.size not in (None, "auto", size):
            raise InputError(f"size must be {size}, not {asked.size[:20]!r}")
        if asked.response_format not in (None, "b64_json") or asked.output_format not in (None, "png"):
            raise InputError("pictures come as b64_json, in PNG; leave other formats out")
        if not 1 <= asked.n <= MAX_PICTURES:
            raise InputError(f"n must be from 1 to {MAX_PICTURES}, not {asked.n}")
        label = asked.prompt.strip() or None
        async with self.desk.place():
            growing = await self.desk.run(lambda: model.start(label=label, count=asked.n, **options_of(asked)))
            with self.pictures.seat(growing) as made:
                async for _ in made:
                    if await request.is_disconnected():
                        return Response(status_code=499)
            images = await self.desk.run(growing.images)
            data = await self.desk.run(lambda: as_base64(images))
        self.desk.pictures.inc(asked.n)
        return JSONResponse({"created": int(time.time()), "data": data}, headers={"x-seed": str(images.seed)})

    async def list_models(self, request: Request) -> Response:
        data = [{"id": name, "object": "model", "created": 0, "owned_by": "adr"} for name in self.models]
        return JSONResponse({"object": "list", "data": data})

    async def health(self, request: Request) -> Response:
        return JSONResponse({"status": "ok", "models": list(self.models), "serving": self.desk.taken})

    async def metrics(self, request: Request) -> Response:
        return Response(generate_latest(self.desk.registry), media_type=CONTENT_TYPE_LATEST)


async def sent(before: bytes, first: np.ndarray, rest: AsyncIterator[np.ndarray]) -> AsyncIterator[bytes]:
    """The bytes of a streamed answer."""
    yield before + first.astype("<i2").tobytes()
    async for chunk in rest:
        yield chunk.astype("<i2").tobytes()


class Streamed(StreamingResponse):
    """A streamed answer. It gives its place back when the last chunk is sent, when nobody listens any more, and when
    nobody has read for `wait` seconds; what goes wrong behind the first chunk ends the connection."""

    def __init__(
        self, body: AsyncIterator[bytes], place: AsyncExitStack, wait: float, media_type: str, headers: dict[str, str]
    ):
        super().__init__(body, media_type=media_type, headers=headers)
        self.place, self.wait = place, wait

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def patient(message: Message) -> None:
            async with asyncio.timeout(self.wait):
                await send(message)

        async with self.place:
            try:
                await super().__call__(scope, receive, patient)
            except* (TimeoutError, ADRError) as group:
                LOG.warning("a stream broke off: %s", str(group.exceptions[0]) or "not made, or not read, in time")


def as_base64(images: Images) -> list[dict[str, str]]:
    """Each picture as a PNG file, as OpenAI's clients take them."""
    data = []
    for picture in images.pixels:
        file = io.BytesIO()
        save_png(file, picture, images.provenance)
        data.append({"b64_json": base64.b64encode(file.getvalue()).decode()})
    return data


def failure(status: int, kind: str, message: str) -> Response:
    return JSONResponse({"error": {"message": message, "type": kind, "param": None, "code": None}}, status)
