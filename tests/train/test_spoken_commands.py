"""A voice from aligned speech by the installed commands."""

import json
from dataclasses import asdict

import adr_runtime
import soundfile
import torch
from adr_models.checkpoint import CheckpointConfig, latest_checkpoint
from adr_runtime.spoken_text.controls import CONTROLS
from adr_train.checkpoint import save_checkpoint
from aligned_voices import CODEC, FEW, RECIPE, VOCODED
from safetensors.torch import load_file, save_file


def test_a_vocoder_needs_neither_codec_nor_recordings_once_they_are_taken_apart(
    command, refused, voices, front_ends, tmp_path
):
    (tmp_path / "speaking.yaml").write_text(VOCODED)
    (tmp_path / "both.yaml").write_text(f"tokens: small-codec\n{VOCODED}")
    options = ("--data", voices, "--size", "cpu", "--device", "cpu", "--threads", "1", "--json")
    whole = command("adr-train", "speaking.yaml", *options, "--out", "whole")
    assert whole.returncode == 0, whole.stderr
    assert sorted(path.name.split("-")[0] for path in voices.glob("*.safetensors")) == ["axes", "latents"]
    for file in voices.glob("*/wavs/*"):
        file.unlink()
    assert command("adr-train", "speaking.yaml", *options, "--out", "run", "--steps", "2").returncode == 0
    half = command("adr-train", "speaking.yaml", *options, "--out", "run", "--steps", "4", "--resume")
    assert [json.loads(line)["step"] for line in half.stdout.splitlines()] == [3, 4], half.stderr
    refused("adr-train", "both.yaml", *options, "--out", "both", says=("has a vocoder, or its codec's name",))
    # Axes of the run that a run began from, and of none other, also where it goes on.
    (axes,) = voices.glob("axes-*.safetensors")
    others = load_file(axes)
    save_file({**others, "mean": others["mean"] + 1}, axes)
    assert (
        command("adr-train", "speaking.yaml", *options, "--out", "more", "--from", "run", "--steps", "1").returncode
        == 0
    )
    on = command("adr-train", "speaking.yaml", *options, "--out", "more", "--steps", "2", "--resume")
    assert on.returncode == 0, on.stderr
    tokens = {
        k: v for k, v in load_file(latest_checkpoint(tmp_path / "run") / "model.safetensors").items() if "tokens" in k
    }
    last = load_file(latest_checkpoint(tmp_path / "more") / "model.safetensors")
    assert tokens and all(torch.equal(last[name], value) for name, value in tokens.items())
    assert len(list(voices.glob("latents-*.safetensors"))) == 1
    save_file({"mean": others["mean"]}, axes)
    refused("adr-train", "speaking.yaml", *options, "--out", "odd", says=("axes of another vocoder; delete the file",))
    done = command("adr-export", "run", "bundle", "--text", front_ends["front-end"])
    assert done.returncode == 0, done.stderr
    spoken = command(
        "adr-run", "audio", "--model", "bundle", "--text", "The cat sat.", "--voice", "ann", "--out", "a.wav"
    )
    assert spoken.returncode == 0 and soundfile.info(tmp_path / "a.wav").duration > 0.3, spoken.stderr
    assert "encode" not in adr_runtime.load(tmp_path / "bundle").manifest.graphs
    prompted = ("adr-run", "audio", "--model", "bundle", "--prompt", "a.wav", "--out", "b.wav")
    refused(*prompted, says=("makes sound and takes none",))
    # A head of few steps, from the same latents.
    (tmp_path / "few.yaml").write_text(FEW)
    few = command("adr-train", "few.yaml", *options, "--teacher", "run", "--out", "few", "--look-minutes", "0")
    assert few.returncode == 0 and len(list(voices.glob("latents-*.safetensors"))) == 1, few.stderr
    assert command("adr-export", "few", "few-bundle", "--text", front_ends["front-end"]).returncode == 0
    model = adr_runtime.AudioModel.load(tmp_path / "few-bundle", "cpu")
    assert model.manifest.training["recipe"] == "few" and model.speakers == ("ann", "bob")
    made = model.generate(text="The cat sat.", speaker="bob", seed=1)
    assert len(made.clips[0]) > 0.3 * made.sample_rate


def test_from_sentences_to_a_bundle_by_the_installed_commands(command, refused, voices, codec, front_ends, tmp_path):
    about = {"minutes": 0.0, "steps": 0, "commit": "none", "device": "none"}
    saved = CheckpointConfig("small-codec", "cpu", asdict(CODEC), {}, {}, {}, 1.0, 0, 0.0, about, "codec")
    save_checkpoint(tmp_path / "codec", saved, codec.state_dict(), {})
    (tmp_path / "speaking.yaml").write_text(RECIPE)
    (tmp_path / "told.yaml").write_text(RECIPE.replace("  loss:", "  controls: {phone: 3}\n  loss:"))
    options = ("--data", voices, "--codec", "codec", "--size", "cpu", "--device", "cpu", "--threads", "1", "--json")
    whole = command("adr-train", "speaking.yaml", *options, "--out", "whole", "--look-minutes", "0")
    assert whole.returncode == 0, whole.stderr
    # Latents are there now.
    for file in voices.glob("*/wavs/*"):
        file.unlink()
    assert command("adr-train", "speaking.yaml", *options, "--out", "run", "--steps", "2").returncode == 0
    half = command("adr-train", "speaking.yaml", *options, "--out", "run", "--steps", "4", "--resume")
    assert [json.loads(line)["step"] for line in half.stdout.splitlines()] == [3, 4], half.stderr
    begun = command("adr-train", "speaking.yaml", *options, "--out", "more", "--from", "run", "--steps", "1")
    assert begun.returncode == 0, begun.stderr
    refused("adr-train", "told.yaml", *options, "--out", "told", says=("no controls",))
    refused("adr-export", "run", "bundle", "--text", "run", says=("run: no manifest.json here",))
    refused(
        "adr-export", "run", "bundle", "--text", front_ends["untimed"], says=("untimed has no durations", "--durations")
    )
    done = command("adr-export", "run", "bundle", "--text", front_ends["front-end"])
    assert done.returncode == 0, done.stderr
    spoken = command(
        "adr-run", "audio", "--model", "bundle", "--text", "The cat sat.", "--voice", "ann", "--out", "a.wav"
    )
    assert spoken.returncode == 0 and soundfile.info(tmp_path / "a.wav").duration > 0.3, spoken.stderr
    manifest = adr_runtime.load(tmp_path / "bundle").manifest
    assert manifest.speakers == ("ann", "bob") and not manifest.labels
    assert {control.name: control.classes for control in manifest.controls} == CONTROLS
