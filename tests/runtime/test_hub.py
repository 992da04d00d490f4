"""Bundles by their names on a hub: fetched once, verified always, and one line for all that can be wrong."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from adr_runtime.bundles.bundle import shipped
from adr_runtime.errors import InputError
from hub_server import Hub, Repository, running_hub

DIGITS = shipped()["digits"]
MAKE = """
import adr_runtime, hashlib
from pathlib import Path
for name in (NAME, Path(NAME)):
    pixels = adr_runtime.ImageModel.load(name, "cpu").generate(label="3", seed=1, steps=2).pixels
    print(hashlib.sha256(pixels.tobytes()).hexdigest())
"""


TAKE_OVER = """
import json
from adr_export.spoken_text import inner_files
from adr_runtime.errors import ADRError
for name in NAMES:
    try:
        files, _ = inner_files(name)
        print(json.dumps({file: len(data) for file, data in files.items()}))
    except ADRError as error:
        print(json.dumps(str(error)))
"""


@pytest.fixture
def hub():
    with running_hub() as hub:
        hub.publish("someone/digits", DIGITS).commit({"model.safetensors": b"weights", "other.onnx": b"graph"})
        yield hub


@pytest.fixture
def settings(hub, tmp_path):
    """The environment of a machine that takes this hub for the hub, without a token."""
    return settings_for(hub, tmp_path)


def settings_for(hub: Hub, folder: Path) -> dict[str, str]:
    # Large files by Git LFS: what stores them in chunks has a protocol of its own between two programs of the hub's.
    return {"HF_ENDPOINT": hub.address, "HF_HOME": str(folder / "hf"), "HF_TOKEN": "", "HF_HUB_DISABLE_XET": "1"}


def make(name, **environment):
    """The SHA-256 of a picture by a model, loaded twice in a process of its own."""
    code = MAKE.replace("NAME", repr(str(name)))
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ, **environment}
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.split()
    assert first == second
    return first


def fetched(hub):
    return {line.rpartition("/")[2] for line in hub.said if line.startswith("GET /someone/")} | {
        name for name in ("other.onnx", "model.safetensors") if any(name in line for line in hub.said)
    }


def test_a_bundle_is_fetched_once_and_then_needs_no_network(hub, settings):
    expected = make(DIGITS)
    assert make("hf:someone/digits", **settings) == expected
    assert fetched(hub) == {"manifest.json"} and sum("GET /objects/" in line for line in hub.said) == 6
    hub.said.clear()
    assert make("hf:someone/digits", **settings) == expected
    # Whether the branch has moved is asked, and nothing else.
    assert {line for line in hub.said if "someone" in line} == {"HEAD /someone/digits/resolve/main/manifest.json"}
    hub.shutdown()
    hub.server_close()
    assert make("hf:someone/digits", **settings) == expected
    assert make("hf:someone/digits", **settings, HF_HUB_OFFLINE="1") == expected


def test_commands_take_a_branch_a_tag_or_a_commit(hub, settings, command):
    repository = hub.repositories["someone/digits"]
    first = repository.revisions["v1"] = repository.revisions["main"]
    manifest = json.loads((DIGITS / "manifest.json").read_text())
    changed = json.dumps({**manifest, "description": "something newer"})
    repository.commit({"manifest.json": changed.encode()})
    for name, text in (("", changed), ("@main", changed), ("@v1", None), (f"@{first}", None)):
        done = command("adr-run", "info", f"hf:someone/digits{name}", "--json", **settings)
        assert done.returncode == 0, done.stderr
        expected = text.encode() if text else (DIGITS / "manifest.json").read_bytes()
        assert json.loads(done.stdout)["hash"] == hashlib.sha256(expected).hexdigest()
    done = command("adr-run", "doctor", "hf:someone/digits@v1", "--json", **settings)
    assert json.loads(done.stdout)["passed"], done.stderr
    assert command("adr-run", "doctor", "hf:someone/digits@v1", **settings, HF_HUB_OFFLINE="1").returncode == 0


def test_pull_fetches_what_a_bundle_holds(hub, settings, command, tmp_path):
    done = command("adr-run", "pull", "hf:someone/digits@main", "out", **settings)
    assert (done.returncode, done.stdout) == (0, "out\n"), done.stderr
    names = {path.name for path in DIGITS.iterdir()}
    assert {path.name for path in (tmp_path / "out").iterdir()} == names | {"other.onnx"}
    assert all((tmp_path / "out" / name).read_bytes() == (DIGITS / name).read_bytes() for name in names)


def test_a_voice_comes_with_what_turns_text_into_phones(hub, settings, command, exported, tmp_path):
    folder = exported["voice"]
    hub.publish("someone/voice", folder).commit({"text/weights.bin": b"weights", "more/model.onnx": b"graph"})
    said = ("--text", "Hello there.", "--seed", 1, "--out", "a.wav")
    assert command("adr-run", "audio", "--model", "hf:someone/voice", *said, **settings).returncode == 0
    done = command("adr-run", "pull", "hf:someone/voice", "out", **settings)
    assert done.returncode == 0, done.stderr
    files = [
        {p.relative_to(f): p.read_bytes() for p in f.rglob("*") if p.is_file()} for f in (folder, tmp_path / "out")
    ]
    assert files[0] == files[1] and Path("text/lexicon.xz") in files[0]
    hub.publish("someone/voice", folder, lexicon=b"other")
    done = command("adr-run", "pull", "hf:someone/voice", "again", **settings)
    assert done.returncode == 2 and "lexicon.xz: expected" in done.stderr and not (tmp_path / "again").exists()


def test_the_licence_of_a_dictionary_comes_along_from_a_hub(hub, settings, exported):
    folder = exported["voice"]
    nested = {f"text/{path.name}": path.stat().st_size for path in (folder / "text").iterdir()}
    hub.publish("someone/free", folder)
    hub.publish("someone/voice", folder).commit({"text/lexicon.xz.licence": b"ask nobody"})
    hub.publish("someone/text", folder / "text").commit({"lexicon.xz.licence": b"ask nobody"})

    def taken_over(*names, **more):
        code = TAKE_OVER.replace("NAMES", repr(names))
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ, **settings, **more}
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    licensed = {**nested, "text/lexicon.xz.licence": 10}
    assert taken_over("hf:someone/voice", "hf:someone/text", "hf:someone/free") == [licensed, licensed, nested]
    # What a voice has been loaded from may lack the licence; that it cannot be asked for is said.
    hub.said.clear()
    (licence,) = Path(settings["HF_HOME"]).glob("hub/models--someone--voice/snapshots/*/text/lexicon.xz.licence")
    licence.unlink()
    (told,) = taken_over("hf:someone/voice", HF_HUB_OFFLINE="1")
    assert "HF_HUB_OFFLINE" in told and not hub.said


def broken(hub):
    """Repositories that cannot be loaded, in each way."""
    head = bytearray((DIGITS / "head.onnx").read_bytes())
    head[1000] ^= 1
    hub.publish("someone/damaged", DIGITS, head=bytes(head))
    hub.publish("someone/longer", DIGITS, head=bytes(head) + b"\0")
    hub.publish("someone/large", DIGITS, manifest=b" " * (5 << 20))
    text = (DIGITS / "manifest.json").read_text()
    hub.publish("someone/foreign", DIGITS, manifest=text.replace('"head.onnx"', '"weights.bin"').encode())
    hub.publish("someone/private", DIGITS).private = True
    hub.publish("someone/gated", DIGITS).gated = True
    hub.repositories["someone/other"] = Repository()
    hub.repositories["someone/other"].commit({"README.md": b"# Another model\n"})


LINES = [
    ("hf:digits", {}, 2, ("'hf:digits' is no repository", "hf:owner/name@revision")),
    ("hf:../digits", {}, 2, ("is no repository",)),
    ("hf:a/b@../../x", {}, 2, ("is no repository",)),
    ("hf:someone/none", {}, 2, ("hf:someone/none: no such repository at http://", "hf auth login")),
    ("hf:someone/none", {"HF_TOKEN": "hf_writer"}, 2, ("hf:someone/none: no such repository",)),
    ("hf:someone/private", {}, 2, ("or a private one",)),
    ("hf:someone/private", {"HF_TOKEN": "hf_stranger"}, 2, ("or a private one",)),
    ("hf:someone/digits", {"HF_TOKEN": "hf_wrong"}, 1, ("does not take your token (status 401)", "hf auth login")),
    ("hf:someone/gated", {"HF_TOKEN": "hf_stranger"}, 1, ("gated: ask for access",)),
    ("hf:someone/digits@v9", {}, 2, ("hf:someone/digits@v9: the repository has no such revision",)),
    ("hf:someone/other", {}, 2, ("hf:someone/other: no bundle: it has no manifest.json",)),
    ("hf:someone/digits", {"HF_HUB_OFFLINE": "1"}, 1, ("not in the cache", "HF_HUB_OFFLINE")),
    ("hf:someone/damaged", {}, 2, ("head.onnx: damaged: SHA-256 expected", "to fetch it anew")),
    ("hf:someone/longer", {}, 2, ("head.onnx has 604183 bytes; up to 604182",)),
    ("hf:someone/large", {}, 2, ("manifest.json has 5242880 bytes; up to 4194304",)),
    ("hf:someone/foreign", {}, 2, ("'weights.bin' is no file that adr-export writes",)),
]


def test_what_cannot_be_loaded_gets_one_line(hub, settings, command):
    broken(hub)
    for name, environment, status, says in LINES:
        hub.said.clear()
        done = command("adr-run", "info", name, **{**settings, **environment})
        check_line(done, "adr-run", status, says)
    assert not any(line.startswith("GET") and "large" in line for line in hub.said)


def check_line(done, program, status, says):
    lines = done.stderr.splitlines()
    assert (done.returncode, done.stdout, len(lines)) == (status, "", 1), done.stderr
    assert lines[0].startswith(f"{program}: ") and all(part in lines[0] for part in says), lines[0]


def test_a_byte_that_changes_in_the_cache_is_found(hub, settings, command, tmp_path):
    assert command("adr-run", "info", "hf:someone/digits", **settings).returncode == 0
    (head,) = tmp_path.glob("hf/hub/models--someone--digits/snapshots/*/head.onnx")
    data = bytearray(head.read_bytes())
    data[1000] ^= 1
    head.resolve().write_bytes(data)
    done = command("adr-run", "image", "--model", "hf:someone/digits", "--label", "3", **settings)
    folder = tmp_path / "hf" / "hub" / "models--someone--digits"
    check_line(done, "adr-run", 2, ("head.onnx: damaged: SHA-256 expected", f"delete {folder} to fetch it anew"))


def test_a_pull_that_fails_leaves_nothing(hub, settings, command, tmp_path):
    broken(hub)
    for name, says in (
        ("someone/damaged", "head.onnx: damaged"),
        ("someone/other", "no bundle"),
        ("x", "no repository"),
    ):
        check_line(command("adr-run", "pull", name, "out", **settings), "adr-run", 2, (says,))
        assert [path.name for path in tmp_path.iterdir() if path.name != "hf"] == []


def test_without_the_package_the_extra_is_named(command, tmp_path):
    (tmp_path / "huggingface_hub.py").write_text("raise ImportError('none')")
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    for arguments in (("info", "hf:a/b"), ("pull", "a/b", "out")):
        done = command("adr-run", *arguments, PYTHONPATH=path)
        check_line(done, "adr-run", 2, ("run: pip install 'adr-runtime[hub]'",))


def test_only_a_name_of_the_hub_imports_its_client():
    code = (
        "import sys, adr_runtime, adr_runtime.cli.pull\nadr_runtime.load('digits')\n"
        "assert not any('hugging' in name for name in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("name", ["digits", "hf", "someone/digits"])
def test_other_names_are_no_names_of_the_hub(name):
    from adr_runtime.loading import open_bundle

    if name == "digits":
        assert open_bundle(name).manifest.name == "digits"
    else:
        with pytest.raises(InputError, match=r"unknown model .* or hf:owner/name"):
            open_bundle(name)
