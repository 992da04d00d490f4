"""Test vectors of bundles: written by the exporter, found again here, and missed where anything is different."""

import json
import re
import shutil

import adr_runtime
import numpy as np
import pytest
from adr_runtime import self_test as room
from adr_runtime.bundles.bundle import shipped
from adr_runtime.errors import ADRError
from adr_runtime.self_test import self_test
from adr_runtime.vectors import VECTORS

KINDS = ("sound", "picture", "pyramid", "portable-sound", "softmax-sound", "latent")


@pytest.mark.parametrize("name", shipped())
def test_shipped_models_make_what_they_made(name):
    checks = self_test(adr_runtime.load(name, "cpu"))
    assert len(checks) >= 2 and all(check.passed for check in checks), checks


@pytest.mark.parametrize("name", KINDS)
def test_exported_models_carry_their_vectors(name, exported):
    model = adr_runtime.load(exported[name], "cpu")
    checks = self_test(model)
    assert [check.difference for check in checks] == [0] * len(checks)
    assert {"noise", "table of ddpm", "table of ddim", "table of dpm++"} < {check.what for check in checks}


def test_any_order_models_carry_their_vectors(any_order):
    for folder in any_order.values():
        checks = self_test(adr_runtime.load(folder, "cpu"))
        assert [check.difference for check in checks] == [0, 0]


def test_vectors_are_what_the_model_generates(exported, any_order):
    vectors = json.loads((exported["sound"] / VECTORS).read_text())
    first, model = vectors["results"][0], adr_runtime.AudioModel.load(exported["sound"], "cpu")
    arguments = first["arguments"]
    made = model.generate(
        label=arguments["label"], seed=int(arguments["seed"]), steps=arguments["steps"], sampler=arguments["sampler"],
        guidance=arguments["guidance"], temperature=arguments["temperature"],
        seconds=len(first["samples"]) / model.sample_rate,
    )  # fmt: skip
    assert np.array_equal(made.samples[0], np.array(first["samples"], np.float32))
    assert int(vectors["results"][1]["arguments"]["seed"]) > 1 << 53

    vectors = json.loads((any_order["colours"] / VECTORS).read_text())
    first = vectors["results"][0]
    images = adr_runtime.load(any_order["colours"], "cpu").generate(count=1, seed=1, steps=first["arguments"]["steps"])
    assert images.pixels.reshape(-1).tolist() == first["pixels"]


def test_a_difference_is_found(exported, tmp_path, monkeypatch):
    """Each kind of number, changed by more than may be; and a runtime whose noise is another."""
    text = (exported["picture"] / VECTORS).read_text()
    for change in (
        lambda v: v["noise"][0]["values"].__setitem__(0, v["noise"][0]["values"][0] + 1e-3),
        lambda v: v["samplers"][1]["coefficients"][2].__setitem__(3, 0.1),
        lambda v: v["samplers"][0]["timesteps"].__setitem__(0, 1),
        lambda v: v["results"][0]["first_tokens"][1].__setitem__(0, 9.0),
        lambda v: v["results"][1]["pixels"].__setitem__(5, (v["results"][1]["pixels"][5] + 90) % 256),
        lambda v: v["results"][1]["pixels"].pop(),
    ):
        folder = shutil.copytree(exported["picture"], tmp_path / "bundle", dirs_exist_ok=True)
        vectors = json.loads(text)
        change(vectors)
        (folder / VECTORS).write_text(json.dumps(vectors))
        assert len([c for c in self_test(adr_runtime.load(folder, "cpu")) if not c.passed]) == 1
    monkeypatch.setattr(room, "normal", lambda *arguments: np.zeros(arguments[-1], np.float32))
    assert not self_test(adr_runtime.load(exported["sound"], "cpu"))[0].passed


def test_vectors_that_no_exporter_writes_are_refused(tmp_path):
    """Before anything is made of them."""
    folder = shutil.copytree(shipped()["digits"], tmp_path / "bundle")
    model, text = adr_runtime.load(folder, "cpu"), (folder / VECTORS).read_text()
    for change, says in (
        (lambda v: v["noise"][0].__setitem__("seed", "abc"), "noise.seed"),
        (lambda v: v["results"][0]["arguments"].__setitem__("seed", str(1 << 64)), "results.seed"),
        (lambda v: v["noise"][0].__setitem__("row", -1), "noise.row"),
        (lambda v: v["noise"][0].__setitem__("token", 1 << 32), "noise.token"),
        (lambda v: v["results"][0]["arguments"].__setitem__("tokens", 10**12), "results.arguments.tokens"),
        (lambda v: v["results"][0]["first_tokens"][0].pop(), "results.first_tokens"),
        (lambda v: v["samplers"][0]["coefficients"][0].pop(), "samplers.coefficients"),
        (lambda v: v["results"][0].__setitem__("tolerance", 0), "results.tolerance"),
        (lambda v: v["results"][0].__setitem__("tolerance", 1e9), "results.tolerance"),
        (lambda v: v.__setitem__("results", []), "results"),
    ):
        vectors = json.loads(text)
        change(vectors)
        (folder / VECTORS).write_text(json.dumps(vectors))
        with pytest.raises(ADRError, match=re.escape(f"vectors.json: {says}: expected")):
            self_test(model)


def test_a_value_that_is_no_number_does_not_pass():
    assert not room.Check("", room.largest([np.nan], [0.0]), 1.0).passed
    assert not room.Check("", room.largest([0.0, 0.0], [0.0]), 1.0).passed


def test_damaged_vectors_are_refused_in_one_line(exported, tmp_path):
    folder = shutil.copytree(exported["sound"], tmp_path / "bundle")
    model, text = adr_runtime.load(folder, "cpu"), (folder / VECTORS).read_text()
    for data, says in (
        (text.replace(model.bundle.hash, "0" * 64), "belongs to the bundle 0000000000000000…"),
        (text.replace('"noise"', '"nois"', 1), "expected no such key"),
        (text.replace('"seed":"1"', '"seed":1', 1), "expected str"),
        (text[:-20], "not JSON"),
        ("\udcff" + text, "not UTF-8"),
        (text + " " * (1 << 22), "expected up to"),
    ):
        (folder / VECTORS).write_bytes(data.encode(errors="surrogateescape"))
        with pytest.raises(ADRError, match=re.escape(says)) as caught:
            self_test(model)
        assert "\n" not in str(caught.value)
    (folder / VECTORS).unlink()
    with pytest.raises(ADRError, match="vectors\\.json: missing"):
        self_test(model)


def test_doctor(command, refused, exported, tmp_path):
    told = json.loads(command("adr-run", "doctor", "speech-digits", "--provider", "cpu", "--json").stdout)
    assert told["passed"] and told["provider"] == "cpu" and len(told["checks"]) == 8
    assert "table of dpm++" in command("adr-run", "doctor", exported["pyramid"]).stdout
    folder = shutil.copytree(exported["sound"], tmp_path / "bundle")
    vectors = json.loads((folder / VECTORS).read_text())
    vectors["results"][0]["samples"][3] += 0.5
    (folder / VECTORS).write_text(json.dumps(vectors))
    done = command("adr-run", "doctor", folder)
    assert done.returncode == 1 and "FAILED" in done.stdout
    assert "samples" in done.stderr and "differs by 5.0e-01" in done.stderr and len(done.stderr.splitlines()) == 1
    refused("adr-run", "doctor", "nothing", says=("unknown model",))
    refused("adr-run", "doctor", "--threads", "2", says=("adr-run doctor MODEL",))
