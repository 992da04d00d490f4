"""The server as its users meet it: OpenAI's client, limits, many at a time, those who hang up, and how it ends."""

import base64
import io
import json
import os
import signal
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
from adr_runtime.media.audio import to_pcm
from PIL import Image

PLACES = 4


@pytest.fixture(scope="module")
def server():
    """The address of the installed server."""
    program = Path(sys.executable).with_name("adr-run")
    process = subprocess.Popen(
        [program, "serve", "--port", "0", "--places", str(PLACES), "--workers", "2", "--seconds", "30",
         "--model", "speech-digits", "--model", "digits"],
        stderr=subprocess.PIPE, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    line = process.stderr.readline()
    assert " serves speech-digits, digits; " in line, line
    yield line.split()[0]
    process.send_signal(signal.SIGTERM)
    assert process.wait() == 128 + signal.SIGTERM
    assert process.stderr.read().strip() == "adr-run: terminated"


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
    assert rate == 8000
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
    assert rate == 8000 if form != "opus" else rate in (8000, 48000)
    if form == "flac":
        assert np.array_equal(samples, mine)
    assert len(samples) / rate == pytest.approx(len(mine) / 8000, abs=0.2)


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
        ({"input": "one", "voice": "alloy"}, "unknown speaker 'alloy'; speech-digits knows"),
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

    def endless():
        for _ in range(100):
            yield b" " * (1 << 20)

    try:
        answer = httpx.post(address, content=endless())
        assert answer.status_code == 413 and "up to 1048576 bytes" in answer.json()["error"]["message"]
    except httpx.WriteError:
        # The answer came, and the connection went, while the client was still writing.
        pass
    assert httpx.get(f"{server}/health").json()["serving"] == 0


def test_many_at_a_time_are_all_right_and_one_more_is_told(server):
    words = ["one two three", "seven", "zero zero", "nine eight"]
    with ThreadPoolExecutor(PLACES) as threads:
        answers = list(threads.map(lambda i: ask(server, input=words[i], seed=i, response_format="pcm"), range(PLACES)))
    for i, answer in enumerate(answers):
        assert np.array_equal(np.frombuffer(answer.content, "<i2"), expected(words[i].split(), seed=i)), i
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
        assert "all 4 places are taken" in refused.json()["error"]["message"]
        for answer in held:
            answer.close()
    # Those who hang up free their places.
    while httpx.get(f"{server}/health").json()["serving"]:
        time.sleep(0.05)
    assert ask(server, input="one").status_code == 200


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
