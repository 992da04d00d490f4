"""Requests that are under way at the same time advance together, a token of each a round."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Generic, TypeVar

import numpy as np

from adr_runtime.causal.image_model import Growing
from adr_runtime.causal.joined import kind
from adr_runtime.causal.stream import Stream
from adr_runtime.serving.desk import Desk

Part = TypeVar("Part", bound=Stream | Growing)
Advance = Callable[[Sequence[Part]], list[np.ndarray]]
# Rounds that a request may be ahead of its reader, so that the next one need not wait until the last one is sent.
AHEAD = 4
# Of one run. More of them make a round longer, and hardly cheaper.
MAX_ROWS = 32


class Seat(Generic[Part]):
    """A request under way. `made` is what nobody has fetched yet, and None behind the last; `idle` unless it waits for
    a round or is in one."""

    def __init__(self, part: Part):
        self.part, self.made = part, asyncio.Queue[np.ndarray | Exception | None]()
        self.idle, self.left = True, False


class Rounds(Generic[Part]):
    """Who waits for a round, in the order in which they came. All of it lives on the event loop; the desk's threads
    only compute. Who comes or goes does so between two rounds."""

    def __init__(self, desk: Desk, advance: Advance[Part]):
        self.desk, self.advance = desk, advance
        self.seats: set[Seat[Part]] = set()
        self.waiting: deque[Seat[Part]] = deque()
        self.playing = 0
        self.tasks: set[asyncio.Task[None]] = set()

    @contextmanager
    def seat(self, part: Part) -> Iterator[AsyncIterator[np.ndarray]]:
        """What is made of a stream or of pictures, token by token, until the context is left or all is made. The
        iterator raises ADRError where a graph fails, TimeoutError where the next one is not made in time."""
        seat = Seat(part)
        self.seats.add(seat)
        self.offer(seat)
        try:
            yield self.fetch(seat)
        finally:
            seat.left = True
            self.seats.discard(seat)
            if seat in self.waiting:
                self.waiting.remove(seat)

    async def fetch(self, seat: Seat[Part]) -> AsyncIterator[np.ndarray]:
        while True:
            async with asyncio.timeout(self.desk.config.wait):
                made = await seat.made.get()
            if made is None:
                return
            if isinstance(made, Exception):
                raise made
            self.offer(seat)
            yield made

    def offer(self, seat: Seat[Part]) -> None:
        """Let a seat wait for a round, unless it does, or is far enough ahead, and have rounds played while a thread is
        free."""
        if seat.left or not seat.idle or seat.part.over or seat.made.qsize() >= AHEAD:
            return
        seat.idle = False
        self.waiting.append(seat)
        if self.playing < self.desk.config.threads:
            self.playing += 1
            task = asyncio.get_running_loop().create_task(self.play())
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)

    async def play(self) -> None:
        """Rounds, one after the other, until nobody waits."""
        try:
            await self.play_rounds()
        finally:
            self.playing -= 1

    async def play_rounds(self) -> None:
        while self.waiting:
            seats = self.next_round()
            parts = [seat.part for seat in seats]
            made: Sequence[np.ndarray | Exception]
            try:
                made = await self.desk.compute(partial(self.advance_each, parts))
            except Exception as error:
                made = [error] * len(seats)
            for seat, result in zip(seats, made, strict=True):
                seat.made.put_nowait(result)
                if seat.part.over:
                    seat.made.put_nowait(None)
                seat.idle, seat.left = True, seat.left or isinstance(result, Exception)
                self.offer(seat)

    def next_round(self) -> list[Seat[Part]]:
        """Take those out of who waits that can be joined with the first, up to a thread's share of all rows."""
        first, rows, seats = kind(self.waiting[0].part), 0, list[Seat[Part]]()
        share = sum(seat.part.generator.batch for seat in self.seats) / self.desk.config.threads
        for seat in list(self.waiting):
            if rows < min(share, MAX_ROWS) and kind(seat.part) == first:
                self.waiting.remove(seat)
                seats.append(seat)
                rows += seat.part.generator.batch
        return seats

    def advance_each(self, parts: Sequence[Part]) -> list[np.ndarray | Exception]:
        """A round. Where it fails, whatever the reason, each is tried alone, so that nobody fails by what another has
        asked for; but for those that have moved already, whose token is lost."""
        before = [part.progress.position for part in parts]
        try:
            return list(self.advance(parts))
        except Exception as error:
            if len(parts) == 1:
                return [error]
            moved = [part.progress.position != place for part, place in zip(parts, before, strict=True)]
            return [error if gone else self.advance_each([part])[0] for part, gone in zip(parts, moved, strict=True)]
