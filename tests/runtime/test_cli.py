"""The installed adr-run: results, provenance, pipes, and one clear line for bad input."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import adr_runtime
import numpy as np
import pytest
import soundfile
from PIL import Image


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg"])
def test_audio(command, exported, tmp_path, suffix):
    made = command(
        "adr-run", "audio", "--model", exported["sound"], "--label", "mid", "--seed", 3, "--out", f"x.{suffix}"
    )
    assert made.returncode == 0, made.stderr
    assert not made.stdout and "real-time factor" in made.stderr
    samples, rate = soundfile.read(tmp_path / f"x.{suffix}")
    assert rate == 800 and len(samples) == 400
    told = json.loads(command("adr-run", "info", f"x.{suffix}", "--json").stdout)
    assert told["seed"] == 3 and told["labels"] == ["mid"] and told["model"] == "sound"


def test_same_seed_same_bytes_and_another_seed_another_sound(command, exported, tmp_path):
    for name, seed in (("a.wav", 1), ("b.wav", 1), ("c.wav", 2)):
        command("adr-run", "audio", "--model", exported["sound"], "--label", "low", "--seed", seed, "--out", name)
    a, b, c = ((tmp_path / f"{name}.wav").read_bytes() for name in "abc")
    assert a == b != c


def test_count_and_names(command, exported, tmp_path):
    made = command(
        "adr-run", "audio", "--model", exported["sound"], "-n", 3, "--seconds", 0.2, "--seed", 5, "--out", "x.wav",
        "--json",
    )  # fmt: skip
    told = json.loads(made.stdout)
    assert told["files"] == ["x-000.wav", "x-001.wav", "x-002.wav"]
    assert all((tmp_path / name).is_file() for name in told["files"])
    made = command("adr-run", "audio", "--model", exported["sound"], "--label", "low", "--seed", 5)
    assert (tmp_path / "low-5.wav").is_file(), made.stderr


def test_image_grid_and_separate(command, exported, tmp_path):
    common = ("adr-run", "image", "--model", exported["picture"], "-n", 4, "--label", "bar", "--seed", 1)
    made = command(*common, "--scale", 1, "--out", "grid.png")
    assert made.returncode == 0, made.stderr
    assert Image.open(tmp_path / "grid.png").size == (2 * (4 + 2) + 2, 2 * (6 + 2) + 2)
    made = command(*common, "--scale", 1, "--separate", "--out", "x.png")
    assert made.returncode == 0, made.stderr
    sheet = np.asarray(Image.open(tmp_path / "grid.png"))
    for i in range(4):
        one = np.asarray(Image.open(tmp_path / f"x-{i:03d}.png"))
        y, x = 2 + i // 2 * 8, 2 + i % 2 * 6
        np.testing.assert_array_equal(sheet[y : y + 6, x : x + 4], one)


def test_prompts(command, exported, tmp_path):
    time = np.arange(44100 // 2) / 44100
    soundfile.write(tmp_path / "in.wav", np.stack([0.3 * np.sin(600 * time)] * 2, 1), 44100)
    made = command(
        "adr-run", "audio", "--model", exported["sound"], "--prompt", "in.wav", "--seconds", 0.25, "--out", "out.wav"
    )
    assert made.returncode == 0, made.stderr
    assert len(soundfile.read(tmp_path / "out.wav")[0]) == 400 + 200
    top = np.random.default_rng(0).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    Image.fromarray(top).save(tmp_path / "in.png")
    made = command(
        "adr-run", "image", "--model", exported["picture"], "--prompt", "in.png", "-n", 1, "--scale", 1,
        "--separate", "--out", "out.png",
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "out-000.png"))[:4], top)


def test_the_reason_against_a_prompt_stands_alone(refused, exported, tmp_path):
    """A file that can be read is not called unreadable."""
    soundfile.write(tmp_path / "slow.wav", np.zeros(400), 400)
    line = refused("adr-run", "audio", "--model", exported["sound"], "--prompt", "slow.wav", says=("400 Hz",))
    assert line == "adr-run: slow.wav: 400 Hz; a prompt may have from 500 to 768000 Hz"


def test_raw_pcm_equals_the_file(command, exported, tmp_path):
    common = ("adr-run", "audio", "--model", exported["sound"], "--label", "high", "--seed", 2)
    command(*common, "--out", "x.wav")
    piped = command(*common, "--out", "-", binary=True)
    assert piped.returncode == 0
    found = np.frombuffer(piped.stdout, "<i2")
    np.testing.assert_allclose(found, soundfile.read(tmp_path / "x.wav", dtype="int16")[0], atol=1)


def test_a_closed_pipe_ends_an_endless_stream_quietly(exported):
    program = Path(sys.executable).with_name("adr-run")
    process = subprocess.Popen(
        [program, "audio", "--model", exported["sound"], "--seconds", "inf", "--out", "-"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert len(process.stdout.read(1000)) == 1000
    process.stdout.close()
    told = process.stderr.read().decode()
    assert process.wait() == 0 and "Traceback" not in told and len(told.splitlines()) == 1, told


def test_list_info_doctor_version(command, any_order):
    names = [row["name"] for row in json.loads(command("adr-run", "list", "--json").stdout)]
    assert names == ["cifar10", "digits", "digits-any", "pictures", "shakespeare", "speech-digits", "voice"]
    listed = command("adr-run", "list").stdout
    assert all(name in listed for name in names)
    told = json.loads(command("adr-run", "info", "speech-digits", "--json").stdout)
    assert told["quality"] and told["parity"] and told["training"]["recipe"] == "speech-digits-few"
    # A model of sound in any order is called what other models of sound are.
    other = json.loads(command("adr-run", "info", any_order["samples"], "--json").stdout)
    assert told["kind"] == other["kind"] == "audio"
    assert "CC-BY-SA-4.0" in command("adr-run", "info", "speech-digits").stdout
    report = json.loads(command("adr-run", "doctor", "--json").stdout)
    assert report["problems"] == "none" and report["bundle digits"].startswith("loads on")
    assert command("adr-run", "--version").stdout.strip()
    assert "Example: adr-run audio" in command("adr-run", "audio", "--help").stdout


def test_bad_options(refused, exported):
    sound, picture = exported["sound"], exported["picture"]
    for arguments, says in (
        (("audio", "--model", sound, "--label", "tenor"), ("unknown label 'tenor'", "low, mid, high")),
        (("audio", "--model", "nothing"), ("unknown model 'nothing'", "speech-digits")),
        (("audio", "--model", sound, "--sampler", "euler"), ("unknown sampler 'euler'", "ddpm, ddim, dpm++")),
        (("audio", "--model", sound, "--provider", "tpu"), ("unknown provider 'tpu'", "auto, cuda, cpu")),
        (("audio", "--model", sound, "--steps", "0"), ("steps must be from 1 to 50, not 0",)),
        (("audio", "--model", sound, "--steps", "many"), ("--steps", "integer")),
        (("audio", "--model", sound, "--threads", "0"), ("threads must be from 1 to 1024, not 0",)),
        (("audio", "--model", sound, "--seconds", "-1"), ("--seconds must be more than 0",)),
        (("audio", "--model", sound, "--seconds", "inf"), ("--seconds must be more than 0",)),
        (("audio", "--model", sound, "--seconds", "nan"), ("--seconds must be more than 0",)),
        (("audio", "--model", sound, "-n", "0"), ("count must be from 1",)),
        (("audio", "--model", sound, "--guidance", "-2"), ("guidance must be from 0",)),
        (("audio", "--model", sound, "--temperature", "nan"), ("temperature must be from 0",)),
        (("audio", "--model", sound, "--seed", "-1"), ("seed must be from 0 to 2^64 - 1, not -1",)),
        (("audio", "--model", sound, "--out", "x.mp3"), ("x.mp3: unknown file type", ".wav")),
        (("audio", "--model", sound, "--out", "none/x.wav"), ("no folder none",)),
        (("audio", "--model", sound, "--out", "-", "--json"), ("share standard output",)),
        (("audio", "--model", sound, "--out", "-", "-n", "2"), ("takes one sound",)),
        (("audio", "--model", sound, "--prompt", "none.wav"), ("none.wav: no such file",)),
        (("audio", "--model", picture), ("makes pictures; use adr-run image",)),
        (("image", "--model", sound), ("makes sound; use adr-run audio",)),
        (("image", "--model", picture, "--steps", "0"), ("steps must be from 1",)),
        (("image", "--model", picture, "--prompt", "none.png"), ("none.png: no such file",)),
        (("info", "none"), ("unknown model 'none'",)),
        (("nothing",), ("No such command 'nothing'",)),
        (("pull", "none", "out"), ()),
    ):
        refused("adr-run", *arguments, says=says)


def test_bad_bundles(refused, bundle_copy):
    folder = bundle_copy("sound")
    text = (folder / "manifest.json").read_text()
    good = json.loads(text)
    for change, says in (
        ({"schema_version": 2}, ("schema_version is 2",)),
        ({"graphs": {**good["graphs"], "step": {**good["graphs"]["step"], "file": "../x"}}}, ("graphs.step.file",)),
    ):
        (folder / "manifest.json").write_text(json.dumps({**good, **change}))
        refused("adr-run", "audio", "--model", folder, says=says)
    (folder / "manifest.json").write_text(text)
    data = bytearray((folder / "head.onnx").read_bytes())
    data[1000] ^= 4
    (folder / "head.onnx").write_bytes(data)
    refused("adr-run", "audio", "--model", folder, says=("head.onnx: damaged",))
    (folder / "head.onnx").unlink()
    refused("adr-run", "audio", "--model", folder, says=("head.onnx: missing",))


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write anywhere")
def test_an_unwritable_folder(refused, exported, tmp_path):
    (tmp_path / "locked").mkdir(mode=0o500)
    refused("adr-run", "audio", "--model", exported["sound"], "--out", "locked/x.wav", says=("cannot write there",))


def test_a_full_disk(command, exported, tmp_path):
    """/dev/full refuses every byte; the stream says so in one line."""
    if not Path("/dev/full").exists() or shutil.which("sh") is None:
        pytest.skip("needs /dev/full and sh")
    program = Path(sys.executable).with_name("adr-run")
    line = f"'{program}' audio --model '{exported['sound']}' --out - > /dev/full"
    done = subprocess.run(["sh", "-c", line], capture_output=True, text=True)
    last = done.stderr.strip().splitlines()[-1]
    assert done.returncode == 1 and "No space left" in last and "Traceback" not in done.stderr, done.stderr


def test_a_sheet_has_a_row_for_each_label(command, refused, exported, any_order, tmp_path):
    common = ("adr-run", "image", "--model", exported["picture"], "--seed", 1, "--scale", 1, "--steps", 2, "--out")
    made = command(*common, "sheet.png", "--sheet", "-n", 3, "--json")
    assert made.returncode == 0, made.stderr
    assert json.loads(made.stdout)["labels"] == ["dot"] * 3 + ["bar"] * 3
    sheet = np.asarray(Image.open(tmp_path / "sheet.png"))
    assert sheet.shape == (2 * (6 + 2) + 2, 3 * (4 + 2) + 2, 3)
    pixels = adr_runtime.load(exported["picture"]).generate(label=["dot"] * 3 + ["bar"] * 3, seed=1, steps=2).pixels
    np.testing.assert_array_equal(sheet[2 + 8 : 2 + 8 + 6, 2 + 6 : 2 + 6 + 4], pixels[4])
    for wrong in (("--label", "bar"), ("--separate",), ("-n", 0), ("-n", 4000)):
        refused(*common, "x.png", "--sheet", *wrong, says=("count must be" if "-n" in wrong else "--sheet has every",))
    refused("adr-run", "image", "--sheet", "--model", any_order["greys"], says=("takes no --sheet",))


@pytest.mark.parametrize("suffix", ["webp", "gif", "png"])
def test_pictures_grow_in_an_animation(command, exported, tmp_path, suffix):
    common = ("--model", exported["pyramid"], "-n", 2, "--seed", 1, "--steps", 2, "--scale", 2)
    made = command("adr-run", "image", *common, "--out", "x.png", "--animate", f"grow.{suffix}")
    assert made.returncode == 0, made.stderr
    with Image.open(tmp_path / f"grow.{suffix}") as animation, Image.open(tmp_path / "x.png") as last:
        assert animation.n_frames == 12 and animation.size == last.size == (2 * 18 + 2, 18 + 2)
        animation.seek(11)
        if suffix != "gif":
            np.testing.assert_array_equal(np.asarray(animation.convert("RGB")), np.asarray(last))


def test_animations_that_cannot_be_written(refused, exported, any_order):
    refused("adr-run", "image", "--animate", "x.mp4", says=("unknown file type '.mp4'", ".webp, .gif, .png"))
    refused("adr-run", "image", "--animate", "no/x.gif", says=("no/x.gif: no folder no",))
    refused("adr-run", "image", "--model", any_order["greys"], "--animate", "x.gif", says=("takes no --animate",))
