"""The server as its users meet it: OpenAI's client, limits, many at a time, those who hang up, and how it ends."""

import base64
import contextlib
import io
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import adr_runtime
import httpx
import numpy as np
import openai
import pytest
import soundfile
import uvicorn
from adr_runtime.media.audio import to_pcm
from adr_runtime.serving.application import Service
from adr_runtime.serving.desk import ServeConfig
from PIL import Image

PLACES = 16
MIB = 1 << 20


@pytest.fixture(scope="module")
def process():
    """The installed server, and its address."""
    program = Path(sys.executable).with_name("adr-run")
    process = subprocess.Popen(
        [program, "serve", "--port", "0", "--places", str(PLACES), "--workers", "2", "--seconds", "30",
         "--model", "speech-digits", "--model", "digits"],
        stderr=subprocess.PIPE, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    line = process.stderr.readline()
    assert " serves speech-digits, digits; " in line, line
    yield process, line.split()[0]
    process.send_signal(signal.SIGTERM)
    assert process.wait() == 128 + signal.SIGTERM
    assert process.stderr.read().strip() == "adr-run: terminated"


@pytest.fixture(scope="module")
def server(process):
    return process[1]


@pytest.fixture
def client(server):
    with openai.OpenAI(base_url=f"{server}/v1", api_key="none", max_retries=0) as client:
        yield client


def ask(server, **body):
    return httpx.post(f"{server}/v1/audio/speech", json={"model": "speech-digits", **body}, timeout=60)


def expected(words, **options):
    model = adr_runtime.AudioModel.load("speech-digits", "cpu")
    return to_pcm(model.stream(playlist=words, seconds=30, **options).collect().samples[0])


def test_openais_client_streams_speech_to_a_file(client, tmp_path):
    with client.audio.speech.with_streaming_response.create(
        model="speech-digits", voice="theo", input="Seven, three one!", response_format="wav", extra_body={"seed": 5}
    ) as response:
        assert response.headers["x-seed"] == "5" and response.headers["content-type"] == "audio/wav"
        response.stream_to_file(tmp_path / "said.wav")
    samples, rate = soundfile.read(tmp_path / "said.wav", dtype="int16")
    assert rate == 16000
    assert np.array_equal(samples, expected(["seven", "three", "one"], speaker="theo", seed=5))


@pytest.mark.parametrize("form", ["mp3", "opus", "flac", "pcm"])
def test_other_formats(client, form):
    made = client.audio.speech.create(
        model="speech-digits", voice="any", input="nine", response_format=form, extra_body={"seed": 2, "steps": 2}
    ).content
    mine = expected(["nine"], seed=2, steps=2)
    if form == "pcm":
        assert np.array_equal(np.frombuffer(made, "<i2"), mine)
        return
    samples, rate = soundfile.read(io.BytesIO(made), dtype="int16")
    assert rate == 16000 if form != "opus" else rate in (16000, 48000)
    if form == "flac":
        assert np.array_equal(samples, mine)
    assert len(samples) / rate == pytest.approx(len(mine) / 16000, abs=0.2)


def test_openais_client_gets_pictures(client):
    answer = client.images.generate(model="digits", prompt="7", n=3, size="auto", extra_body={"seed": 4, "steps": 5})
    mine = adr_runtime.ImageModel.load("digits", "cpu").generate(label="7", count=3, seed=4, steps=5).pixels
    for picture, data in zip(mine, answer.data, strict=True):
        image = Image.open(io.BytesIO(base64.b64decode(data.b64_json)))
        assert np.array_equal(np.asarray(image), picture[..., 0]) and "digits" in str(image.text)
    assert {model.id for model in client.models.list()} == {"speech-digits", "digits"}


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"input": "ten"}, "unknown word 'ten'; speech-digits says zero, one"),
        ({"input": " . "}, "input has no word"),
        (
            {"input": "one", "voice": "alloy"},
            "unknown voice 'alloy'; speech-digits has any, george, jackson, lucas, nicolas, theo, yweweler",
        ),
        ({"input": "one", "model": "tts-1"}, "unknown model 'tts-1'; there are speech-digits"),
        ({"input": "one", "speed": 2}, "speed must be 1"),
        (
            {"input": "one", "response_format": "aac"},
            "response_format must be one of pcm, wav, flac, opus, mp3, not 'aac'",
        ),
        ({"input": "one", "steps": 0}, "steps must be from 1"),
        ({"input": "one", "seed": -1}, "seed must be from 0"),
        ({"input": "one", "stepps": 1}, "the request: stepps: expected no such key, found 1"),
        ({"input": 1}, "the request: input: expected str, found 1"),
        ({"input": "one " * 70000}, "the request: input: expected up to 65536 characters, found"),
    ],
)
def test_bad_requests_get_one_line(server, body, says):
    answer = ask(server, **body)
    error = answer.json()["error"]
    assert (answer.status_code, error["type"]) == (400, "invalid_request_error")
    assert says in error["message"] and "\n" not in error["message"]


def test_what_is_no_request(server):
    address = f"{server}/v1/audio/speech"
    assert "not JSON" in httpx.post(address, content=b"{").json()["error"]["message"]
    assert "UTF-8" in httpx.post(address, content=b"\xff").json()["error"]["message"]
    assert httpx.get(address).status_code == 405 and httpx.get(f"{server}/nothing").status_code == 404

    assert httpx.get(f"{server}/health").json()["serving"] == 0


@pytest.mark.parametrize("told", [True, False], ids=["told", "chunked"])
def test_a_body_of_100_mb_is_refused_and_not_kept(process, told):
    process, server = process
    address = f"{server}/v1/audio/speech"
    # From now on the most memory that the server has ever had is the most since now.
    Path(f"/proc/{process.pid}/clear_refs").write_text("5")
    before = most_memory(process)
    sent = 0

    def body():
        nonlocal sent
        while sent < 100:
            sent += 1
            yield b" " * MIB

    try:
        headers = {"content-length": str(100 * MIB)} if told else {}
        answer = httpx.post(address, content=body(), headers=headers, timeout=60)
        assert answer.status_code == 413
        assert answer.json()["error"]["message"] == f"a request has up to {MIB} bytes"
    except httpx.WriteError:
        # The answer came, and the connection went, while the client was still writing.
        pass
    assert sent > 1 and most_memory(process) < before + 30 * MIB
    assert httpx.get(f"{server}/health").json()["serving"] == 0


def most_memory(process):
    """The most bytes of memory that a process has had."""
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith("VmHWM:"))


def test_a_body_that_is_told_to_be_too_large_is_not_waited_for(server):
    host, port = server.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as plain:
        plain.sendall(f"POST /v1/audio/speech HTTP/1.1\r\nHost: x\r\nContent-Length: {100 * MIB}\r\n\r\n".encode())
        head, _, line = plain.recv(1 << 16).partition(b"\r\n\r\n")
        line = line or plain.recv(1 << 16)
    assert b" 413 " in head and json.loads(line)["error"]["message"] == f"a request has up to {MIB} bytes"


def test_many_at_a_time_get_what_each_gets_alone(server):
    """Joined with others of the same steps, who come and go, hear other voices and hang up."""
    voices = ["any", "theo", "george", "lucas"]

    def wanted(i):
        words = ["one two three", "seven", "zero zero", "nine eight"][i % 4]
        return {"input": words, "seed": i, "temperature": 0.6 + 0.1 * (i % 3), "steps": 2 if i % 5 == 4 else 4}

    def listen(i):
        if i % 8 == 7:
            body = {"model": "speech-digits", "response_format": "pcm", **wanted(i)}
            with httpx.stream("POST", f"{server}/v1/audio/speech", json=body, timeout=60) as answer:
                return next(answer.iter_bytes())
        return ask(server, response_format="pcm", voice=voices[i // 4], **wanted(i)).content

    with ThreadPoolExecutor(PLACES) as threads:
        found = list(threads.map(listen, range(PLACES)))
    for i in range(PLACES):
        if i % 8 != 7:
            options = wanted(i)
            words, speaker = options.pop("input").split(), voices[i // 4] if i >= 4 else None
            assert found[i] == expected(words, speaker=speaker, **options).astype("<i2").tobytes(), i


def test_pictures_at_the_same_time_are_what_each_is_alone(server):
    def draw(i):
        body = {"model": "digits", "prompt": str(i), "n": 1 + i % 3, "seed": i, "steps": 3, "guidance": 1.5 + i}
        return httpx.post(f"{server}/v1/images/generations", json=body, timeout=60).json()["data"]

    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(draw, range(8)))
    model = adr_runtime.ImageModel.load("digits", "cpu")
    for i, data in enumerate(found):
        mine = model.generate(label=str(i), count=1 + i % 3, seed=i, steps=3, guidance=1.5 + i).pixels
        files = [Image.open(io.BytesIO(base64.b64decode(one["b64_json"]))) for one in data]
        assert np.array_equal(np.stack([np.asarray(image) for image in files]), mine[..., 0]), i


def test_one_more_is_told(server):
    # Streams that nobody reads keep their places.
    long = {"model": "speech-digits", "input": "one " * 100, "response_format": "pcm", "steps": 20}
    with httpx.Client(timeout=60) as http:
        held = [
            http.send(http.build_request("POST", f"{server}/v1/audio/speech", json=long), stream=True)
            for _ in range(PLACES)
        ]
        assert [answer.status_code for answer in held] == [200] * PLACES
        refused = ask(server, input="one")
        assert refused.status_code == 503 and refused.headers["retry-after"] == "1"
        assert "all 16 places are taken" in refused.json()["error"]["message"]
        for answer in held:
            answer.close()
    # Those who hang up free their places.
    while httpx.get(f"{server}/health").json()["serving"]:
        time.sleep(0.05)
    assert ask(server, input="one").status_code == 200


def test_who_reads_nothing_loses_his_place():
    """The sockets hold little, so that the server soon waits for the reader."""
    service = Service({"speech-digits": adr_runtime.AudioModel.load("speech-digits")}, ServeConfig(places=1, wait=3))
    place = socket.create_server(("127.0.0.1", 0))
    place.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    server = uvicorn.Server(uvicorn.Config(service.application(), log_level="error"))
    thread = threading.Thread(target=server.run, args=([place],))
    thread.start()
    address = f"http://127.0.0.1:{place.getsockname()[1]}"
    body = json.dumps({"model": "speech-digits", "input": "one " * 200, "response_format": "pcm"}).encode()
    with socket.socket() as idle:
        idle.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        idle.connect(place.getsockname())
        idle.sendall(b"POST /v1/audio/speech HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        assert idle.recv(15) == b"HTTP/1.1 200 OK"
        assert ask(address, input="one").status_code == 503
        while httpx.get(f"{address}/health").json()["serving"]:
            time.sleep(0.05)
        assert not service.streams.seats
        assert ask(address, input="one", response_format="pcm").status_code == 200
        # What was sent before ends without the last chunk of a whole answer.
        with contextlib.suppress(ConnectionResetError):
            rest = b"".join(iter(lambda: idle.recv(1 << 16), b""))
            assert not rest.endswith(b"0\r\n\r\n")
    server.should_exit = True
    thread.join()


def test_figures_for_prometheus(server):
    ask(server, input="one", response_format="pcm")
    text = httpx.get(f"{server}/metrics").text
    figures = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    assert float(figures['adr_requests_total{endpoint="speech",status="200"}']) >= 1
    assert float(figures["adr_audio_seconds_total"]) > 0.2 and float(figures["adr_serving"]) == 0
    assert float(figures["adr_first_byte_seconds_count"]) >= 1


def test_sigterm_lets_what_is_served_finish(tmp_path):
    program = Path(sys.executable).with_name("adr-run")
    process = subprocess.Popen(
        [program, "serve", "--port", "0", "--model", "speech-digits"], stderr=subprocess.PIPE, text=True
    )
    address = process.stderr.readline().split()[0]
    body = {"input": "one two three four", "seed": 1, "response_format": "pcm"}
    found = []

    def listen():
        with httpx.stream(
            "POST", f"{address}/v1/audio/speech", json={"model": "speech-digits", **body}, timeout=60
        ) as answer:
            for part in answer.iter_bytes():
                found.append(part)
                if len(found) == 1:
                    process.send_signal(signal.SIGTERM)

    thread = threading.Thread(target=listen)
    thread.start()
    thread.join()
    assert process.wait() == 128 + signal.SIGTERM
    assert np.array_equal(np.frombuffer(b"".join(found), "<i2"), expected(body["input"].split(), seed=1))


def test_small_answers_are_sent_at_once():
    from adr_runtime.cli.serve import listening

    with listening("127.0.0.1", 0) as place, socket.create_connection(place.getsockname()), place.accept()[0] as here:
        assert here.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_without_a_name_it_serves_what_the_other_commands_take():
    program = Path(sys.executable).with_name("adr-run")
    with subprocess.Popen([program, "serve", "--port", "0"], stderr=subprocess.PIPE, text=True) as process:
        line = process.stderr.readline()
        process.terminate()
        process.communicate()
    assert " serves voice, speech-digits, cifar10; " in line


def test_what_cannot_be_served(refused, server):
    port = server.rsplit(":", 1)[1]
    refused("adr-run", "serve", "--model", "shakespeare", says=("any-order model, which is not served",))
    refused("adr-run", "serve", "--model", "digits", "--model", "digits", says=("two models are called digits",))
    refused("adr-run", "serve", "--port", port, says=(f"cannot listen at 127.0.0.1:{port}", "--port"), status=1)


def test_no_request_is_half_read():
    from adr_runtime.errors import InputError
    from adr_runtime.serving.requests import ImagesRequest, SpeechRequest, read_body

    body = {"model": "m", "input": "one", "instructions": None, "speed": 1}
    assert read_body(SpeechRequest, json.dumps(body).encode()).speed == 1.0
    with pytest.raises(InputError, match="the request: key 'prompt' appears twice"):
        read_body(ImagesRequest, b'{"prompt": "1", "prompt": "2"}')
