"""The server on more than one machine: replicas of the same application, over which Ray Serve spreads requests.

    pip install '.[cpu,serve]' 'ray[serve]'
    cd examples/ray_serve && serve run config.yaml

`config.yaml` says how many replicas there are, and with which models; on a cluster, where the package is installed on
every node, `serve deploy config.yaml` hands it over. A replica batches what it is given, and answers 503 beyond its
own places. `/health` and `/metrics` are those of the replica that happens to answer.
"""

from collections.abc import Callable
from typing import Any

from adr_runtime import AudioModel, ImageModel, load
from adr_runtime.serving.application import Service
from adr_runtime.serving.desk import ServeConfig
from ray import serve
from starlette.applications import Starlette


def builder(models: list[str], places: int) -> Callable[[], Starlette]:
    """What makes the application in each replica: models and threads cannot travel between processes."""

    def build() -> Starlette:
        loaded = {}
        for name in models:
            model = load(name)
            assert isinstance(model, AudioModel | ImageModel), f"{name} cannot be served"
            loaded[model.name] = model
        return Service(loaded, ServeConfig(places)).application()

    return build


def application(args: dict[str, Any]) -> serve.Application:
    """What `args` of config.yaml come to."""
    replica = serve.deployment(serve.ingress(builder(**args))(), name="replica")
    return replica.bind()
