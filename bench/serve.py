"""`adr-run serve` under load, by locust (`pip install locust`): many streams of speech at once, each read as fast as it
comes and compared with what the model says to a lone caller:

    python bench/serve.py speech-digits --streams 1,4,16,32

A row for each number of streams: milliseconds to the first byte and real-time factors (from the request to the last
byte, over the seconds of sound), median and upper percentiles over all requests; tokens a second over all streams; how
many answers were wrong; and what one request gets that finds every place taken. Each row has a server of its own, with
as many places, unless `--url` names one that runs; its first answer, which opens what is opened once, does not count.
"""

# Locust comes first: it replaces sockets by gevent's, before anybody else takes them.
import locust  # isort: split

import argparse
import itertools
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from typing import Any

import adr_runtime
import gevent
import numpy as np
import requests
from adr_runtime.media.audio import to_pcm
from locust.env import Environment
from locust.exception import StopUser

PATH = "/v1/audio/speech"


class Listener(locust.HttpUser):
    """Asks for one stream after the other, all different from those of the other listeners."""

    abstract = True
    wait_time = locust.constant(0)
    model: adr_runtime.AudioModel
    texts: list[list[str]]
    expected: list[bytes]
    rounds: int
    numbers: Iterator[int]
    taken: list[tuple[float, float, int]]

    def on_start(self) -> None:
        self.seed = next(self.numbers)

    @locust.task
    def listen(self) -> None:
        body = speech(self.model.name, self.texts[self.seed], self.seed)
        started, first, data = time.perf_counter(), 0.0, b""
        with self.client.post(PATH, json=body, stream=True, catch_response=True) as answer:
            with suppress(requests.RequestException):
                for part in answer.iter_content(None):
                    first = first or time.perf_counter() - started
                    data += part
            self.taken.append((first, time.perf_counter() - started, len(data) // 2))
            if data != self.expected[self.seed]:
                answer.failure(f"status {answer.status_code}, {len(data)} bytes, not those of a lone request")
        self.rounds -= 1
        if not self.rounds:
            raise StopUser


def speech(model: str, text: list[str], seed: int) -> dict[str, Any]:
    return {"model": model, "input": " ".join(text), "seed": seed, "response_format": "pcm"}


def load(url: str, listener: type[Listener], streams: int) -> dict[str, Any]:
    """Figures of so many listeners at once."""
    listener.numbers, listener.taken = itertools.count(), []
    requests.post(url + PATH, json=speech(listener.model.name, listener.texts[0], 0))
    environment = Environment(user_classes=[listener], host=url)
    runner = environment.create_local_runner()
    started = time.perf_counter()
    runner.start(streams, spawn_rate=streams)
    while runner.user_count < streams and not listener.taken:
        gevent.sleep(0.01)
    refused = gevent.spawn(one_more, url, listener.model.name, listener.texts[0], streams)
    while runner.user_count:
        gevent.sleep(0.05)
    wall = time.perf_counter() - started
    runner.quit()
    first, whole, samples = np.array(listener.taken).T
    tokens = samples.sum() / listener.model.spec.hop
    factors = whole * listener.model.sample_rate / samples
    return {
        "streams": streams, "answers": len(first), "wrong": environment.stats.total.num_failures,
        "first_byte_ms": percentiles(1000 * first, 0), "real_time_factor": percentiles(factors, 2),
        "tokens_a_second": round(tokens / wall), "one_more": refused.get(),
    }  # fmt: skip


def percentiles(values: np.ndarray, digits: int) -> dict[str, float]:
    return {f"p{p}": round(float(np.percentile(values, p)), digits) for p in (50, 95, 99)}


def one_more(url: str, model: str, text: list[str], streams: int) -> dict[str, Any] | None:
    """What a request gets as soon as so many others are served, or None where there were never as many."""
    until = time.monotonic() + 10
    while requests.get(f"{url}/health").json()["serving"] < streams:
        if time.monotonic() > until:
            return None
        gevent.sleep(0.05)
    answer = requests.post(url + PATH, json=speech(model, text, 0))
    said = {"status": answer.status_code, "retry-after": answer.headers.get("retry-after")}
    return said | (answer.json() if answer.status_code != 200 else {})


@contextmanager
def serving(bundle: str, places: int, workers: int) -> Iterator[str]:
    """The address of a server of its own."""
    options = ["--port", "0", "--places", str(places), "--workers", str(workers)]
    command = [sys.executable, "-m", "adr_runtime", "serve", "--model", bundle, *options]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        yield process.stderr.readline().split()[0]
        process.terminate()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle")
    parser.add_argument("--streams", default="32")
    parser.add_argument("--words", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--url")
    given = parser.parse_args()
    model = adr_runtime.AudioModel.load(given.bundle, "cpu", 1)
    counts = [int(number) for number in given.streams.split(",")]
    draw = np.random.default_rng(0)
    texts = [[model.labels[i] for i in draw.integers(len(model.labels), size=given.words)] for _ in range(max(counts))]
    Listener.model, Listener.texts, Listener.rounds = model, texts, given.rounds
    Listener.expected = [
        to_pcm(model.stream(playlist=text, seed=seed).collect().samples[0]).astype("<i2").tobytes()
        for seed, text in enumerate(texts)
    ]
    listener = type("Listening", (Listener,), {"abstract": False})
    for streams in counts:
        with nullcontext(given.url) if given.url else serving(given.bundle, streams, given.workers) as url:
            print(json.dumps(load(url, listener, streams)), flush=True)


if __name__ == "__main__":
    main()
