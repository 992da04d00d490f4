"""adr-run serve: models behind HTTP, for OpenAI's clients and anybody's."""

import os
import socket
from typing import Annotated, Optional

import typer

from adr_runtime.any_order.model import AnyOrderModel
from adr_runtime.causal.audio_model import AudioModel
from adr_runtime.causal.image_model import ImageModel
from adr_runtime.cli.options import DebugOption, ProviderOption, app
from adr_runtime.cli.output import announced, console
from adr_runtime.errors import ADRError, InputError, ProviderError, install_hint
from adr_runtime.loading import GENERATORS, load
from adr_runtime.masked.model import MaskedModel
from adr_runtime.spoken_text.numbers import engine_class

ModelsOption = Annotated[
    Optional[list[str]],
    typer.Option(
        "--model",
        help="A shipped model's name, a bundle's folder, or hf:owner/name; may be given several times. Those of"
        " adr-run audio and adr-run image unless given.",
    ),
]
HostOption = Annotated[str, typer.Option(help="The address to listen at; 0.0.0.0 for every one of this machine.")]
PortOption = Annotated[int, typer.Option(min=0, max=65535, help="0 for any that is free.")]
PlacesOption = Annotated[int, typer.Option(min=1, help="Requests that are served at a time; others get status 503.")]
WorkersOption = Annotated[Optional[int], typer.Option(min=1, help="Threads that compute; one a core unless given.")]
SecondsOption = Annotated[float, typer.Option(min=0.1, help="Where a longer sound is cut off.")]


@app.command(epilog="Example: adr-run serve --model voice --port 8000")
def serve(
    model: ModelsOption = None, host: HostOption = "127.0.0.1", port: PortOption = 8000, places: PlacesOption = 32,
    workers: WorkersOption = None, seconds: SecondsOption = 120.0, provider: ProviderOption = "auto",
    debug: DebugOption = False,
) -> None:  # fmt: skip
    """Serve models by HTTP: /v1/audio/speech and /v1/images/generations as OpenAI's clients call them, /v1/models,
    /health, and /metrics for Prometheus. SIGTERM gives what is being served 30 seconds to finish."""
    try:
        import uvicorn

        from adr_runtime.serving.application import Service
        from adr_runtime.serving.desk import ServeConfig
    except ImportError as error:
        raise ProviderError(f"serving needs more packages: {install_hint('serve')}") from error
    models: dict[str, AudioModel | ImageModel] = {}
    for name in model or [GENERATORS[what] for what in ("speech", "audio", "image")]:
        loaded = announced(load(name, provider))
        if isinstance(loaded, AnyOrderModel | MaskedModel):
            kind = "a masked" if isinstance(loaded, MaskedModel) else "an any-order"
            raise InputError(f"{loaded.name} is {kind} model, which is not served")
        if loaded.name in models:
            raise InputError(f"two models are called {loaded.name}; give one of them")
        if isinstance(loaded, AudioModel) and loaded.speaks:
            # Better told now than in every answer.
            engine_class()
        models[loaded.name] = loaded
    service = Service(models, ServeConfig(places, workers or os.cpu_count() or 1, seconds=seconds))
    server = uvicorn.Server(uvicorn.Config(service.application(), log_level="warning", timeout_graceful_shutdown=30))
    with listening(host, port) as place:
        address = f"http://{host}:{place.getsockname()[1]}"
        console.print(f"{address} serves {', '.join(models)}; Ctrl-C ends it", highlight=False, soft_wrap=True)
        server.run(sockets=[place])


def listening(host: str, port: int) -> socket.socket:
    """A socket that clients can reach. Raises ADRError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        place = socket.create_server((host, port), family=family)
    except OSError as error:
        raise ADRError(f"cannot listen at {host}:{port}: {error.strerror or error}; choose another --port") from error
    # Its connections inherit this. asyncio says so only of sockets that name their protocol, which this one does not,
    # and what is sent behind the headers would wait 40 ms for the client's acknowledgement.
    place.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return place
