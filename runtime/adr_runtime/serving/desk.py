"""Who is served: so many requests at a time, their work on a few threads, and the figures of it."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

Result = TypeVar("Result")


@dataclass(frozen=True)
class ServeConfig:
    """`places` requests are served at a time, on `threads` threads; a body has up to `body_bytes`, a clip up to
    `seconds`; `wait` seconds are spent on one piece of work before its request fails."""

    places: int = 32
    threads: int = 1
    body_bytes: int = 1 << 20
    seconds: float = 120.0
    wait: float = 60.0


class Busy(Exception):
    """All places are taken."""


class Desk:
    """Every request takes a place, or is told at once that there is none. Threads take work in the order in which it
    comes."""

    def __init__(self, config: ServeConfig):
        self.config, self.taken = config, 0
        self.pool = ThreadPoolExecutor(config.threads, "adr-serve")
        self.registry = CollectorRegistry()
        self.requests = Counter("adr_requests", "Requests.", ["endpoint", "status"], registry=self.registry)
        self.serving = Gauge("adr_serving", "Requests that are being served.", registry=self.registry)
        self.first = Histogram("adr_first_byte_seconds", "Until the first chunk is made.", registry=self.registry)
        self.made = Counter("adr_audio_seconds", "Seconds of sound.", registry=self.registry)
        self.pictures = Counter("adr_images", "Pictures.", registry=self.registry)
        self.work = Counter("adr_work_seconds", "Seconds that threads computed.", registry=self.registry)

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """Raises Busy."""
        if self.taken >= self.config.places:
            raise Busy
        self.taken += 1
        self.serving.set(self.taken)
        try:
            yield
        finally:
            self.taken -= 1
            self.serving.set(self.taken)

    async def run(self, work: Callable[[], Result]) -> Result:
        """The result of a piece of work on one of the threads. Raises TimeoutError."""
        async with asyncio.timeout(self.config.wait):
            return await self.compute(work)

    async def compute(self, work: Callable[[], Result]) -> Result:
        """The same, however long it takes."""

        def timed() -> Result:
            started = time.perf_counter()
            try:
                return work()
            finally:
                self.work.inc(time.perf_counter() - started)

        return await asyncio.get_running_loop().run_in_executor(self.pool, timed)
