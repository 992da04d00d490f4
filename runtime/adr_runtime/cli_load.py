"""Loading a model for a command, which says where it runs if that is not where it could have."""

import functools
import sys

import adr_runtime
from adr_runtime.any_order import AnyOrderModel
from adr_runtime.model import Model


def load(name: str, provider: str, threads: int | None) -> Model | AnyOrderModel:
    """`adr_runtime.load`; why `auto` had to fall back is said once on standard error."""
    model = adr_runtime.load(name, provider, threads)
    if model.provider_note:
        say(model.provider_note)
    return model


@functools.cache
def say(note: str) -> None:
    print(f"adr-run: on the CPU, because {note}", file=sys.stderr)
