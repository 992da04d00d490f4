"""Text that is spoken by the installed command and by the server: into files, to a pipe as it arrives, and one line for
what cannot be."""

import json
import os
import subprocess
import sys
from pathlib import Path

import adr_runtime
import numpy as np
import pytest
import soundfile
from adr_runtime.media.audio import to_pcm
from adr_runtime.serving.application import Service
from adr_runtime.serving.desk import ServeConfig
from starlette.testclient import TestClient

TEXT = "Hello there. The cat sat, a cat!"
OPTIONS = ("--seed", 3, "--steps", 2)
PROGRAM = Path(sys.executable).with_name("adr-run")


@pytest.fixture(scope="module")
def model(exported):
    return adr_runtime.AudioModel.load(exported["voice"], "cpu")


@pytest.fixture
def speak(command, exported):
    def run(*arguments, **how):
        done = command("adr-run", "audio", "--model", exported["voice"], *OPTIONS, *arguments, **how)
        assert done.returncode == 0, done.stderr
        return done

    return run


def expected(model, text=TEXT, **options):
    return to_pcm(model.generate(text=text, seed=3, steps=2, **options).samples[0])


@pytest.mark.parametrize("form", ["wav", "flac"])
def test_a_text_into_a_file(speak, command, model, tmp_path, form):
    done = speak("--text", TEXT, "--voice", "ben", "--speed", 1.5, "--pause", 0.4, "--out", f"a.{form}")
    assert done.stderr.startswith(f"a.{form}: ") and "of speech by ben at 800 Hz, seed 3" in done.stderr
    samples, rate = soundfile.read(tmp_path / f"a.{form}", dtype="int16")
    assert rate == 800 and np.array_equal(samples, expected(model, speaker="ben", speed=1.5, pause=0.4))
    told = json.loads(command("adr-run", "info", f"a.{form}", "--json").stdout)
    assert (told["speaker"], told["speed"], told["pause"], told["seed"]) == ("ben", 1.5, 0.4, 3)


def test_a_file_of_text_and_when_its_words_are_heard(speak, model, tmp_path):
    (tmp_path / "a.txt").write_text(TEXT, encoding="utf-8-sig")
    done = speak("--text-file", "a.txt", "--timestamps", "a.json", "--json", "--speaker", "ann")
    told = json.loads(done.stdout)
    assert told["files"] == ["voice-3.wav", "a.json"] and told["speaker"] == "ann"
    words = json.loads((tmp_path / "a.json").read_text())["words"]
    assert [word["word"] for word in words] == ["Hello", "there", "The", "cat", "sat", "a", "cat"]
    samples, _ = soundfile.read(tmp_path / "voice-3.wav", dtype="int16")
    assert np.array_equal(samples, expected(model, speaker="ann"))
    speak("--text", TEXT, "--timestamps", "a.srt", "--speaker", "ann", "--out", "a.wav")
    cues = (tmp_path / "a.srt").read_text().strip().split("\n\n")
    assert [cue.splitlines()[2] for cue in cues] == ["Hello there.", "The cat sat, a cat!"]


def test_a_pipe_is_spoken_as_it_arrives(exported, model, tmp_path):
    process = subprocess.Popen(
        [PROGRAM, "audio", "--model", exported["voice"], *map(str, OPTIONS), "--voice", "ann", "--text-file", "-",
         "--out", "-", "--stream", "--timestamps", "a.vtt"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path,
    )  # fmt: skip
    first = len(expected(model, "Hello there.", speaker="ann")) - model.spec.delay
    process.stdin.write(b"Hello there. The c")
    process.stdin.flush()
    heard = process.stdout.read(2 * first)
    assert process.poll() is None and not (tmp_path / "a.vtt").exists()
    rest, said = process.communicate(b"at sat, a cat!")
    assert process.returncode == 0 and "first sound after" in said.decode() and "raw PCM" in said.decode()
    assert np.array_equal(np.frombuffer(heard + rest, "<i2"), expected(model, speaker="ann"))
    assert (tmp_path / "a.vtt").read_text().count("-->") == 2


def test_a_listener_who_leaves_ends_a_text_quietly(exported, tmp_path):
    (tmp_path / "long.txt").write_text(TEXT * 5000)
    process = subprocess.Popen(
        [PROGRAM, "audio", "--model", exported["voice"], "--text-file", "long.txt", "--out", "-"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path,
    )  # fmt: skip
    assert len(process.stdout.read(1000)) == 1000
    process.stdout.close()
    assert process.wait() == 0 and len(process.stderr.read().splitlines()) == 1


BAD = {
    "nothing": b"\0\0 ?! \n", "binary": bytes(range(256)), "utf16": "Hello there".encode("utf-16"),
    "mixed": b"Hello there. " * 400 + "Привет".encode(),
}  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--text", ""), "nothing to say"),
        (("--text", "\U0001f600"), "nothing to say"),
        (("--text", "Привет"), "cannot say 'П'"),
        (("--text-file", "nothing.txt"), "nothing to say"),
        (("--text-file", "binary.txt"), "binary.txt: not UTF-8 text"),
        (("--text-file", "utf16.txt"), "utf16.txt: not UTF-8 text"),
        (("--text-file", "mixed.txt"), "cannot say 'П'"),
        (("--text-file", "none.txt"), "none.txt: cannot read: No such file"),
        (("--text-file", "."), ".: cannot read: Is a directory"),
        (("--text", "hi", "--text-file", "mixed.txt"), "--text and --text-file are both the text"),
        (("--text", "hi", "--speed", "0"), "speed must be from 0.5 to 2, not 0"),
        (("--text", "hi", "--speed", "nan"), "speed must be from 0.5 to 2, not nan"),
        (("--text", "hi", "--pause", "-1"), "pause must be from 0 to 60 seconds, not -1"),
        (("--text", "hi", "--voice", "carl"), "unknown speaker 'carl'; voice knows ann, ben"),
        (("--text", "hi", "--timestamps", "a.txt"), "a.txt: unknown file type '.txt'; there are .json, .srt, .vtt"),
        (("--text", "hi", "--timestamps", "no/a.srt"), "no folder no"),
        (("--text", "hi", "--out", "a.mp3"), "a.mp3: unknown file type"),
        *(
            (("--text", "hi", f"--{option}", value), f"--{option}: a text goes without it")
            for option, value in (
                ("label", "a"), ("labels", "a"), ("seconds", "1"), ("count", "1"), ("prompt", "a"), ("plot", "a.png")
            )
        ),
        (("--speed", "2"), "--speed: goes with --text or --text-file"),
        (("--pause", "2"), "--pause: goes with --text or --text-file"),
        (("--timestamps", "a.srt"), "--timestamps: goes with --text or --text-file"),
    ],
)  # fmt: skip
def test_what_cannot_be_spoken_leaves_nothing(refused, exported, tmp_path, arguments, says):
    for name, data in BAD.items():
        (tmp_path / f"{name}.txt").write_bytes(data)
    refused("adr-run", "audio", "--model", exported["voice"], *arguments, says=(says,))
    assert {path.stem for path in tmp_path.iterdir()} == set(BAD)


def test_a_text_for_models_that_speak_none(refused, exported, any_order):
    for model, says in (
        (exported["sound"], "sound speaks no text; one that does was exported with adr-export --text"),
        (any_order["samples"], "samples is an any-order model, which takes no --text"),
        (exported["picture"], "makes pictures"),
    ):
        refused("adr-run", "audio", "--model", model, "--text", "hi", says=(says,))


def test_text_that_breaks_off_leaves_nothing(exported, tmp_path):
    """What comes by a pipe cannot be looked at before."""
    done = subprocess.run(
        [PROGRAM, "audio", "--model", exported["voice"], "--text-file", "-", "--out", "a.wav", "--timestamps", "a.srt"],
        input=BAD["mixed"], capture_output=True, cwd=tmp_path, env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 2 and "cannot say" in done.stderr.decode() and len(done.stderr.splitlines()) == 1
    assert not list(tmp_path.iterdir())


def test_info_and_card_say_that_it_speaks(command, exported):
    assert json.loads(command("adr-run", "info", exported["voice"], "--json").stdout)["text"] == "English (--text)"
    card = (exported["voice"] / "README.md").read_text()
    assert 'adr-run audio --model voice --text "Hello, world."' in card


def ask(client, **body):
    return client.post("/v1/audio/speech", json={"model": "voice", "seed": 3, "steps": 2, **body})


def test_the_server_speaks_text(model):
    client = TestClient(Service({"voice": model}, ServeConfig(seconds=2)).application())
    answer = ask(client, input=TEXT, voice="ben", response_format="pcm", speed=2, pause=0.1)
    whole = expected(model, speaker="ben", speed=2, pause=0.1)
    assert np.array_equal(np.frombuffer(answer.content, "<i2"), whole) and len(whole) < 2 * 800
    # No longer than the server lets anybody.
    long = np.frombuffer(ask(client, input=TEXT * 20, voice="ben", response_format="pcm").content, "<i2")
    assert np.array_equal(long, expected(model, TEXT * 2, speaker="ben")[: 2 * 800])
    for body, says in (
        ({"input": "..."}, "nothing to say"), ({"input": "Привет"}, "cannot say 'П'"),
        ({"input": "hi", "speed": 4}, "speed must be from 0.5 to 2, not 4"),
        ({"input": "hi", "pause": 100}, "pause must be from 0 to 60 seconds"),
        ({"input": "hi", "voice": "alloy"}, "unknown voice 'alloy'; voice has any, ann, ben"),
    ):  # fmt: skip
        refusal = ask(client, response_format="pcm", **body)
        assert refusal.status_code == 400 and says in refusal.json()["error"]["message"]
