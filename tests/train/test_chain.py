"""Recipes that are trained one after the other: a folder of sounds to a bundle by one command."""

import json
import signal

import pytest
import soundfile
from adr_train.recipes.chain import read_chain
from one_shots import RATE, fill
from small_codec import CODEC, FEW, LATENTS

CHAIN = """
kind: chain
description: for tests
sizes:
  cpu:
    parts:
      - {recipe: small-codec.yaml, minutes: 3}
      - {recipe: small-latents.yaml, minutes: 6}
      - {recipe: small-few.yaml, minutes: 1}
"""


def test_bad_input(refused, command, tmp_path):
    fill(tmp_path / "one" / "kick", 1)
    write_chain(tmp_path)
    given = ("--out", "out", "--device", "cpu", "--size", "cpu")
    for arguments, says in (
        (("sounds",), "give --data DIR, with one sub-folder of sounds"),
        (("sounds", "--data", "nowhere"), "give --data DIR, with one sub-folder of sounds"),
        (("sounds", "--data", "one", "--pixels", "32"), "--pixels is for recipes of pictures"),
        (("sounds", "--data", "one", "--codec", "x"), "leave --codec, --teacher, --from and --new-axes out"),
        (("sounds", "--data", "one", "--new-axes"), "leave --codec, --teacher, --from and --new-axes out"),
        (("sounds", "--data", "one", "--resume"), "nothing to resume"),
        (("upside-down.yaml", "--data", "one"), "small-latents builds on small-codec, which is no part before it"),
        (("twice.yaml", "--data", "one"), "small-codec stands there twice"),
        (("no-parts.yaml", "--data", "one"), "not a chain"),
    ):
        done = command("adr-train", *arguments, *given)
        assert done.returncode == 2 and says in done.stderr.splitlines()[-1], done.stderr
    # What is told of a run comes before its first error.
    done = command("adr-train", "sounds-base", "--data", "one", *given)
    assert done.returncode == 2 and "nothing is left to validate on" in done.stderr
    assert not (tmp_path / "out").exists()


def write_chain(folder):
    """A chain of three small recipes of sounds beside it, and some that are wrong."""
    for name, text in (("codec", CODEC), ("latents", LATENTS.replace(", speakers: true", "")), ("few", FEW)):
        (folder / f"small-{name}.yaml").write_text(text.replace("dataset: fsdd", "dataset: sounds"))
    (folder / "small.yaml").write_text(CHAIN)
    first = "      - {recipe: small-codec.yaml, minutes: 3}\n"
    (folder / "upside-down.yaml").write_text(CHAIN.replace(first, ""))
    (folder / "twice.yaml").write_text(CHAIN.replace(first, 2 * first))
    (folder / "no-parts.yaml").write_text(CHAIN.partition("    parts")[0] + "    {}\n")


def test_minutes_are_shared_as_the_chain_says(tmp_path):
    write_chain(tmp_path)
    chain = read_chain(str(tmp_path / "small.yaml"), "cpu")
    assert [part.train.minutes for part in chain.parts] == [3, 6, 1] and chain.minutes == 10
    assert [part.train.minutes for part in chain.within(5).parts] == pytest.approx([1.5, 3, 0.5])
    assert read_chain(str(tmp_path / "small-codec.yaml"), "cpu") is None


def test_a_chain_goes_on_where_it_was_stopped_and_ends_with_a_bundle(installed, command, tmp_path):
    """Stopped in its second part; the first is not trained again; codec, model and head of few steps fit together."""
    fill(tmp_path / "hits" / "high", 6, 880.0)
    fill(tmp_path / "hits" / "low", 6, 110.0)
    write_chain(tmp_path)
    machine = ("--size", "cpu", "--device", "cpu", "--threads", "1")
    steps = ("small.yaml", "--data", "hits", "--out", "run", *machine, "--steps", "60", "--json")
    process = installed("adr-train", *steps)
    numbers = [0]
    for line in process.stdout:
        numbers.append(json.loads(line)["step"])
        if numbers[-1] == 2 and 60 in numbers:
            break
    process.send_signal(signal.SIGTERM)
    rest, told = process.communicate()
    assert process.returncode == 143 and "go on with --resume" in told.splitlines()[-1], told
    assert "part 1 of 3, small-codec: 60 steps, into run/small-codec" in told and "part 3" not in told
    first = tmp_path / "run" / "small-codec" / "checkpoint-000060" / "model.safetensors"
    numbers += [json.loads(line)["step"] for line in rest.splitlines()]
    written, stopped = first.stat().st_mtime_ns, numbers[-1]
    again = command("adr-train", *steps)
    assert again.returncode == 2 and "already holds parts of a run; add --resume" in again.stderr
    resumed = command("adr-train", *steps, "--resume")
    assert resumed.returncode == 0, resumed.stderr
    assert "part 1 of 3, small-codec: has ended" in resumed.stderr and first.stat().st_mtime_ns == written
    went_on = [json.loads(line)["step"] for line in resumed.stdout.splitlines()]
    assert went_on == [*range(stopped + 1, 61), *range(1, 61)]
    assert resumed.stderr.splitlines()[-1] == "  adr-run audio --model run/bundle --label high --out sound.wav"
    made = command("adr-run", "audio", "--model", "run/bundle", "--label", "high", "--seed", "1", "--out", "sound.wav")
    assert made.returncode == 0, made.stderr
    assert soundfile.info(tmp_path / "sound.wav").samplerate == RATE
    # All is there: nothing is done again.
    manifest = (tmp_path / "run" / "bundle" / "manifest.json").stat().st_mtime_ns
    whole = command("adr-train", *steps, "--resume")
    assert whole.returncode == 0 and not whole.stdout and whole.stderr.count("has ended") == 3
    assert (tmp_path / "run" / "bundle" / "manifest.json").stat().st_mtime_ns == manifest
    judged = command(
        "adr-eval", "run/bundle", "--data", "hits", "--dataset", "sounds", "--per-label", "2", "--seeds", "1", "--json"
    )
    assert judged.returncode == 0, judged.stderr
    rows = json.loads(judged.stdout)["rows"]
    assert set(rows) == {"generated", "real validation", "real training"} and rows["generated"]["samples"] == 4
    assert rows["real validation"]["accuracy"] == rows["real training"]["accuracy"] == 1.0


def test_a_signal_beside_the_training_of_parts_tells_how_to_go_on(struck, tmp_path):
    """While the first part's data is read there is nothing to go on from; once there is, in the export, there is."""
    fill(tmp_path / "hits" / "low", 6, 110.0)
    write_chain(tmp_path)
    machine = ("--size", "cpu", "--device", "cpu", "--threads", "1")
    given = ("small.yaml", "--data", "hits", "--out", "run", *machine, "--steps", "1", "--json")
    for moment, more in (
        ("adr_train.session:load_splits", ""), ("adr_train.chain:call_export", "; go on with --resume"),
    ):  # fmt: skip
        done = struck("adr-train", (moment,), signal.SIGINT, *given)
        assert done.returncode == 130 and done.stderr.splitlines()[-1] == f"adr-train: interrupted{more}", done.stderr
    assert not (tmp_path / "run" / "bundle").exists()
