"""examples/ray_serve as it stands, with two replicas of two places each. Runs where Ray is installed
(`pip install 'ray[serve]'`), which is in none of our extras: it brings more than all of them together."""

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, closing
from pathlib import Path

import adr_runtime
import httpx
import pytest
from adr_runtime.media.audio import to_pcm

pytest.importorskip("ray.serve", reason="Ray is not installed: pip install 'ray[serve]'")
FOLDER = Path(__file__).parents[1] / "examples" / "ray_serve"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """The address of `serve run`, with the example's configuration but for port, models and places."""
    folder = tmp_path_factory.mktemp("ray")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    config = (FOLDER / "config.yaml").read_text()
    changes = {"port: 8000": f"port: {port}", "places: 32": "places: 2", ", cifar10]": "]"}
    for old, new in changes.items():
        assert config.count(old) == 1, old
        config = config.replace(old, new)
    (folder / "config.yaml").write_text(config)
    # Ray keeps its token in the home folder.
    environment = {**os.environ, "HOME": str(folder), "RAY_USAGE_STATS_ENABLED": "0"}
    with (folder / "log").open("w") as log:
        command = [Path(sys.executable).with_name("serve"), "run", folder / "config.yaml"]
        process = subprocess.Popen(command, cwd=FOLDER, env=environment, stdout=log, stderr=log)
    address = f"http://127.0.0.1:{port}"
    while not healthy(address):
        assert process.poll() is None, (folder / "log").read_text()
        time.sleep(0.2)
    yield address
    process.send_signal(signal.SIGINT)
    process.wait()


def healthy(address):
    try:
        return httpx.get(f"{address}/health").status_code == 200
    except httpx.TransportError:
        return False


def speech(words, seed):
    return {"model": "speech-digits", "input": words, "seed": seed, "response_format": "pcm"}


def test_streams_are_those_of_a_lone_caller(server):
    model = adr_runtime.AudioModel.load("speech-digits", "cpu")
    address, texts = f"{server}/v1/audio/speech", ["one two three", "nine eight"]
    with httpx.Client(timeout=60) as client, ExitStack() as stack:
        asked = [client.build_request("POST", address, json=speech(text, i)) for i, text in enumerate(texts)]
        answers = [stack.enter_context(closing(client.send(request, stream=True))) for request in asked]
        for i, (text, answer) in enumerate(zip(texts, answers, strict=True)):
            parts = list(answer.iter_raw())
            wanted = to_pcm(model.stream(playlist=text.split(), seed=i).collect().samples[0])
            assert answer.status_code == 200 and b"".join(parts) == wanted.astype("<i2").tobytes()
            assert i or len(parts) > 1, "it was streamed"


def test_both_replicas_serve_one_more_is_told_and_who_hangs_up_frees_his_place(server):
    address = f"{server}/v1/audio/speech"
    for _ in range(2):
        with httpx.Client(timeout=60) as client, ExitStack() as stack:
            held = []
            while len(held) < 4:
                # A place is free again as soon as Ray has told the replica that somebody hung up.
                request = client.build_request("POST", address, json=speech("one " * 200, 1) | {"steps": 20})
                answer = stack.enter_context(closing(client.send(request, stream=True)))
                held += [answer] if answer.status_code == 200 else []
            refused = httpx.post(address, json=speech("one", 1), timeout=60)
            assert refused.status_code == 503 and refused.headers["retry-after"] == "1"
            assert "all 2 places are taken" in refused.json()["error"]["message"]


def test_bad_requests_get_one_line(server):
    answer = httpx.post(f"{server}/v1/audio/speech", json={**speech("one", 1), "voice": "alloy"}, timeout=60)
    assert answer.status_code == 400 and "unknown voice 'alloy'; speech-digits has any" in answer.text
