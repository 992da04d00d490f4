"""Bundles to a hub: one commit, a card that the hub takes, and one line for all that can be wrong."""

import itertools
import json
import os
import re
import shutil

import pytest
from adr_runtime.bundles.bundle import shipped
from adr_runtime.bundles.card import KNOWN_LICENCE, front_matter, hub_card, licence_lines
from adr_runtime.loading import open_bundle
from hub_server import LICENCES, metadata_errors, running_hub

DIGITS = shipped()["digits"]


@pytest.fixture
def hub():
    with running_hub() as hub:
        yield hub


@pytest.fixture
def settings(hub, tmp_path):
    """The environment of somebody who is logged in to this hub."""
    return {
        "HF_ENDPOINT": hub.address, "HF_HOME": str(tmp_path / "hf"), "HF_TOKEN": "hf_writer",
        "HF_HUB_DISABLE_XET": "1",
    }  # fmt: skip


def test_a_bundle_is_one_commit_with_a_card_that_the_hub_takes(hub, settings, command, tmp_path):
    folder = shutil.copytree(DIGITS, tmp_path / "mine")
    (folder / "notes.txt").write_text("not for others")
    (folder / "old.onnx").write_bytes(b"of another model")
    done = command("adr-export", folder, "--push", "someone/mine", **settings)
    assert done.returncode == 0, done.stderr
    assert (done.stdout, done.stderr) == (f"{hub.address}/someone/mine\n", "adr-run info hf:someone/mine shows it\n")
    repository = hub.repositories["someone/mine"]
    assert len(hub.posted) == 1 and len(repository.commits) == 2 and not repository.private
    files = repository.commits[repository.revisions["main"]]
    local = {path.name: path.read_bytes() for path in DIGITS.iterdir()}
    assert set(files) == {*local, ".gitattributes"}
    assert all(files[name] == data for name, data in local.items() if name != "README.md")
    card = files["README.md"].decode()
    assert metadata_errors(card) == [] and "adr-run image --model hf:someone/mine --label 9" in card
    assert (folder / "README.md").read_text() == local["README.md"].decode() != card
    # There and back again.
    seen = command("adr-run", "info", "hf:someone/mine", "--json", **settings)
    assert json.loads(seen.stdout)["hash"] == open_bundle(DIGITS).hash


def test_a_voice_is_pushed_with_what_turns_text_into_phones(hub, settings, command, exported, tmp_path):
    folder = shutil.copytree(exported["voice"], tmp_path / "voice")
    (folder / "text" / "notes.txt").write_text("not for others")
    done = command("adr-export", folder, "--push", "someone/voice", **settings)
    assert done.returncode == 0, done.stderr
    repository = hub.repositories["someone/voice"]
    files = repository.commits[repository.revisions["main"]]
    inner = {f"text/{path.name}": path.read_bytes() for path in (exported["voice"] / "text").iterdir()}
    assert {name: data for name, data in files.items() if "/" in name} == inner


def test_a_checkpoint_is_exported_and_pushed(hub, settings, command, trained_tiny, tmp_path):
    arguments = ("bundle", "--push", "hf:someone/run", "--private", "--json", "--name", "mine")
    done = command("adr-export", trained_tiny, *arguments, **settings)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["bytes"] > 0 and (tmp_path / "bundle" / "README.md").is_file()
    assert json.loads((tmp_path / "bundle" / "manifest.json").read_text())["name"] == "mine"
    assert command("adr-run", "image", "--model", "bundle", "--label", "3").returncode == 0
    assert result["bundle"] == "bundle" and result["address"] == f"{hub.address}/someone/run"
    assert result["bytes"] == sum(path.stat().st_size for path in tmp_path.glob("bundle/*.onnx"))
    repository = hub.repositories["someone/run"]
    files = repository.commits[repository.revisions["main"]]
    assert repository.private and files["manifest.json"] == (tmp_path / "bundle" / "manifest.json").read_bytes()


def test_what_cannot_be_pushed_gets_one_line_and_changes_nothing(hub, settings, command, tmp_path):
    hub.publish("someone/public", DIGITS)
    before = dict(hub.repositories["someone/public"].commits)
    damaged = shutil.copytree(DIGITS, tmp_path / "damaged")
    (damaged / "head.onnx").write_bytes(b"x")
    mixed = shutil.copytree(DIGITS, tmp_path / "mixed")
    shutil.copy(shipped()["cifar10"] / "vectors.json", mixed)
    (tmp_path / "huggingface_hub").mkdir()
    (tmp_path / "huggingface_hub" / "__init__.py").write_text("raise ImportError('none')")
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    push = ("--push", "someone/public")
    for arguments, environment, status, says in (
        ((DIGITS, *push), {"HF_TOKEN": ""}, 2, ("--push needs a token", "hf auth login, or HF_TOKEN")),
        ((DIGITS, *push), {"HF_TOKEN": "hf_wrong"}, 1, ("does not take your token (status 401)",)),
        ((DIGITS, *push), {"HF_TOKEN": "hf_stranger"}, 1, ("your token may not do that (status 403)",)),
        ((DIGITS, "--push", "nobody/new"), {}, 1, ("your token may not do that (status 403)",)),
        ((DIGITS, *push), {"HF_HUB_OFFLINE": "1"}, 1, ("needs the network, which HF_HUB_OFFLINE forbids",)),
        ((DIGITS, *push), {"PYTHONPATH": path}, 2, ("run: pip install 'adr-runtime[hub]'",)),
        ((DIGITS, *push, "--private"), {}, 2, ("/someone/public is there already, and public",)),
        ((DIGITS, "--push", "someone/public@main"), {}, 2, ("leave @main out",)),
        ((DIGITS, "--push", "public"), {}, 2, ("'public' is no repository",)),
        ((damaged, *push), {}, 2, ("head.onnx: expected", "found 1")),
        ((mixed, *push), {}, 2, ("vectors.json: belongs to the bundle", "export the bundle again")),
        ((DIGITS,), {}, 2, ("give OUT, the folder of the new bundle",)),
        ((DIGITS, *push, "--temperature", "0"), {}, 2, ("give OUT, the folder of the new bundle",)),
        ((tmp_path, *push), {}, 2, ("give OUT, the folder of the new bundle",)),
        ((DIGITS, "out", "--private"), {}, 2, ("--private goes with --push",)),
    ):
        done = command("adr-export", *arguments, **{**settings, **environment})
        lines = done.stderr.splitlines()
        assert (done.returncode, done.stdout, len(lines)) == (status, "", 1), done.stderr
        assert lines[0].startswith("adr-export: ") and all(part in lines[0] for part in says), lines[0]
    assert set(hub.repositories) == {"someone/public"} and hub.repositories["someone/public"].commits == before


def test_a_card_that_somebody_wrote_gets_front_matter_and_keeps_its_words():
    manifest = open_bundle(DIGITS).manifest
    card = hub_card(manifest, "# Mine\n\n    adr-run image --model digits --model digits-any\n", "hf:a/b")
    assert metadata_errors(card) == []
    assert card == "\n".join([*front_matter(manifest), ""]) + (
        "# Mine\n\n    adr-run image --model hf:a/b --model digits-any\n"
    )
    assert hub_card(manifest, card, "hf:c/d") == card


def test_every_licence_that_a_card_names_is_one_of_the_hubs():
    parts = [
        f"cc-by{nc}{more}-{n}.0" for nc, more, n in itertools.product(("", "-nc"), ("", "-nd", "-sa"), (1, 2, 3, 4))
    ]
    plain = (
        "apache-2.0 mit isc bsd-2-clause bsd-3-clause zlib unlicense mpl-2.0 agpl-3.0 gpl-3.0 gpl-2.0 cc0-1.0 pddl odbl"
    )
    known = {name for name in [*parts, *plain.split(), "lgpl-2.1", "lgpl-3.0"] if KNOWN_LICENCE.fullmatch(name)}
    assert known <= LICENCES and {*plain.split(), "cc-by-4.0", "cc-by-nc-nd-3.0"} <= known
    for licence in (*known, "CC-BY-ND-3.0", "none stated (https://example.org/a.html)"):
        assert metadata_errors("\n".join(["---", *licence_lines(licence), "---", ""])) == [], licence
    assert not re.search("^license: other", "\n".join(licence_lines("MIT")))
