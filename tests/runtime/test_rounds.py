"""Who waits for whom in the server: rounds without a network, on a small model."""

import asyncio
import random
import threading

import adr_runtime
import numpy as np
import pytest
from adr_runtime.causal.joined import next_chunks
from adr_runtime.errors import ADRError
from adr_runtime.serving.desk import Desk, ServeConfig
from adr_runtime.serving.rounds import AHEAD, Rounds


@pytest.fixture(scope="module")
def model(exported):
    return adr_runtime.load(exported["latent"], "cpu")


def asked(model, seed):
    return model.stream(playlist=["low", "high", "mid"], seed=seed, steps=2, guidance=1.5 if seed % 3 else 1.0)


class Watched:
    """`next_chunks`, and with whom each stream was joined."""

    def __init__(self):
        self.rounds = []

    def __call__(self, streams):
        self.rounds.append([stream.seed for stream in streams])
        return next_chunks(streams)


@pytest.mark.parametrize("threads", [1, 3])
def test_everybody_gets_what_a_lone_caller_gets(model, threads):
    watched, draw = Watched(), random.Random(1)

    async def listen(rounds, seed, leave):
        found = []
        await asyncio.sleep(draw.random() / 20)
        with rounds.seat(asked(model, seed)) as made:
            async for chunk in made:
                found.append(chunk)
                if len(found) == leave:
                    break
                await asyncio.sleep(draw.choice([0, 0, 0.002]))
        return found

    async def all_of_them():
        rounds = Rounds(Desk(ServeConfig(threads=threads)), watched)
        leave = [draw.choice([None, None, 3, 9]) for _ in range(16)]
        found = await asyncio.gather(*(listen(rounds, seed, leave[seed]) for seed in range(16)))
        assert not rounds.seats and not rounds.waiting
        return leave, found

    leave, found = asyncio.run(all_of_them())
    for seed, chunks in enumerate(found):
        alone = list(asked(model, seed))[: leave[seed]]
        assert np.array_equal(np.concatenate(chunks, 1), np.concatenate(alone, 1)), seed
    assert max(map(len, watched.rounds)) > 1
    for seeds in watched.rounds:
        assert len({bool(seed % 3) for seed in seeds}) == 1, "guidance rows of one sort"
        assert len(seeds) == len(set(seeds))


@pytest.mark.parametrize("kind", [ADRError, ValueError, MemoryError])
def test_nobody_fails_by_what_another_has_asked_for(model, kind):
    """Neither by a graph that fails nor by a fault of ours."""

    def advance(streams):
        if any(stream.seed == 2 and stream.emitted > 100 for stream in streams):
            raise kind("head.onnx: token: expected finite numbers, found nan")
        return next_chunks(streams)

    async def listen(rounds, seed):
        with rounds.seat(model.stream(label="low", seconds=0.5, seed=seed)) as made:
            return [chunk async for chunk in made]

    async def all_of_them():
        rounds = Rounds(Desk(ServeConfig()), advance)
        return await asyncio.gather(*(listen(rounds, seed) for seed in range(4)), return_exceptions=True)

    found = asyncio.run(all_of_them())
    assert isinstance(found[2], kind) and "found nan" in str(found[2])
    for seed in (0, 1, 3):
        expected = model.stream(label="low", seconds=0.5, seed=seed).collect().samples
        assert np.array_equal(np.concatenate(found[seed], 1), expected)


def test_who_has_moved_is_not_moved_twice(model):
    """A fault behind the graphs, when the first stream has its next token already, which nobody can hear any more."""
    together = []

    def advance(streams):
        if len(streams) > 1 and not together:
            together.extend(stream.seed for stream in streams)
            next_chunks(streams[:1])
            raise ZeroDivisionError
        return next_chunks(streams)

    async def listen(rounds, seed):
        with rounds.seat(model.stream(label="low", seconds=0.5, seed=seed)) as made:
            return [chunk async for chunk in made]

    async def all_of_them():
        rounds = Rounds(Desk(ServeConfig()), advance)
        return await asyncio.gather(*(listen(rounds, seed) for seed in range(3)), return_exceptions=True)

    found = asyncio.run(all_of_them())
    assert together
    for seed in range(3):
        if seed == together[0]:
            assert isinstance(found[seed], ZeroDivisionError)
        else:
            expected = model.stream(label="low", seconds=0.5, seed=seed).collect().samples
            assert np.array_equal(np.concatenate(found[seed], 1), expected)


def test_a_fault_of_ours_reaches_a_lone_request(model):
    def advance(streams):
        raise ZeroDivisionError

    async def listen():
        rounds = Rounds(Desk(ServeConfig()), advance)
        with rounds.seat(asked(model, 1)) as made:
            await anext(made)

    with pytest.raises(ZeroDivisionError):
        asyncio.run(listen())


def test_who_does_not_listen_is_not_waited_for(model):
    watched = Watched()

    async def listen():
        rounds = Rounds(Desk(ServeConfig()), watched)
        with rounds.seat(model.stream(label="low", seed=1)), rounds.seat(asked(model, 2)) as made:
            assert [chunk async for chunk in made]

    asyncio.run(listen())
    assert sum(1 in seeds for seeds in watched.rounds) == AHEAD


def test_a_round_that_takes_too_long(model):
    release = threading.Event()

    def advance(streams):
        release.wait()
        return next_chunks(streams)

    async def listen():
        rounds = Rounds(Desk(ServeConfig(wait=0.05)), advance)
        with rounds.seat(asked(model, 1)) as made:
            try:
                await anext(made)
            finally:
                release.set()

    with pytest.raises(TimeoutError):
        asyncio.run(listen())
