"""What a user installs: the distribution's name, its extras, the ONNX Runtime that bundles need, and their licences."""

import json
import re
import shutil
import tomllib
from pathlib import Path

import adr_runtime
import pytest
from adr_runtime.bundles.bundle import shipped
from adr_runtime.bundles.card import licence_lines, model_card
from adr_runtime.bundles.versions import release
from adr_runtime.errors import DISTRIBUTION, ProviderError, install_hint, upgrade_hint
from adr_runtime.loading import open_bundle

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]


def test_the_distribution_has_one_name_in_one_place():
    assert PROJECT["name"] == DISTRIBUTION == "adr-runtime"
    assert install_hint("cpu") == "pip install 'adr-runtime[cpu]'"
    assert upgrade_hint() == "pip install --upgrade adr-runtime"
    files = [p for part in ("runtime", "models", "train", "export", ".ci", "docs") for p in (ROOT / part).rglob("*.*")]
    texts = {p: p.read_text() for p in [*files, ROOT / "README.md"] if p.suffix in (".py", ".md", ".yaml")}
    assert len(texts) > 100
    wrong = re.compile(r"\badr\[|pip install (--upgrade )?'?adr(?!-runtime)\b|--upgrade adr(?!-runtime)\b")
    assert [p for p, text in texts.items() if wrong.search(text)] == []
    # Programs take it from `adr_runtime.errors`.
    written = [p for p, text in texts.items() if p.suffix == ".py" and re.search(r"\badr-runtime\b", text)]
    assert [p.name for p in written] == ["errors.py"]


def test_extras_bring_what_the_bundles_need():
    least = max(release(open_bundle(folder).manifest.onnxruntime) for folder in shipped().values())
    (wanted,) = EXTRAS["cpu"]
    assert wanted.startswith("onnxruntime>=") and release(wanted.removeprefix("onnxruntime>=")) >= least
    assert re.fullmatch(r"onnxruntime-gpu\[cuda,cudnn\]>=1\.31\.1", *EXTRAS["cuda"])
    assert PROJECT["requires-python"] == ">=3.11"


@pytest.mark.parametrize("found, least", [("1.24.4", "1.25.1"), ("1.9.0", "1.23"), ("1.25.0.dev3", "1.25.1")])
def test_an_older_onnxruntime_is_refused_in_one_line(found, least, monkeypatch, bundle_copy):
    import onnxruntime

    folder = bundle_copy("sound")
    path = folder / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "onnxruntime": least}))
    adr_runtime.load(folder, "cpu")
    monkeypatch.setattr(onnxruntime, "__version__", found)
    with pytest.raises(ProviderError) as caught:
        adr_runtime.load(folder, "cpu")
    assert f"{folder}: needs ONNX Runtime {least} or newer, this is {found}; " in str(caught.value)
    assert re.search(r"run: pip install --upgrade onnxruntime(-gpu)?$", str(caught.value))


def test_versions_are_compared_by_their_numbers():
    order = ["", "1.9", "1.23.0", "1.25.0.dev1", "1.25.1", "1.32.0+cu13", "2"]
    assert sorted(sorted(order, reverse=True), key=release) == order


def test_exported_manifests_name_the_least_onnxruntime(exported, any_order):
    def least(folder):
        return json.loads((folder / "manifest.json").read_text())["onnxruntime"]

    found = {name: least(folder) for name, folder in {**exported, **any_order}.items()}
    assert found["sound"] == found["latent"] == found["picture"] == "1.25.1"
    assert found["softmax-sound"] == found["symbols"] == found["colours"] == "1.23.0"
    assert found["portable-sound"] == found["portable-colours"] == "1.18.0"


@pytest.mark.parametrize("name", sorted(shipped()))
def test_shipped_cards_follow_from_their_manifests(name):
    folder = shipped()[name]
    manifest = open_bundle(folder).manifest
    assert manifest.to_json() == (folder / "manifest.json").read_text()
    assert model_card(manifest) == (folder / "README.md").read_text()
    assert manifest.onnxruntime == ("1.25.1" if manifest.family == "adr" else "1.23.0")
    front = (folder / "README.md").read_text().split("---")[1].strip().splitlines()
    licence = front[0].removeprefix("license: ")
    assert licence in ("cc-by-4.0", "cc-by-sa-4.0", "cc0-1.0", "other")
    assert (licence == "other") == any(line.startswith("license_name: ") for line in front)


def test_licences_without_an_identifier_get_a_name_and_a_link():
    assert licence_lines("CC-BY-SA-4.0") == ["license: cc-by-sa-4.0"]
    assert licence_lines("none stated (https://example.org/a.html)") == [
        "license: other", "license_name: none-stated", "license_link: https://example.org/a.html",
    ]  # fmt: skip
    assert licence_lines("Terms 2.1: ask, first") == ["license: other", "license_name: terms-2.1-ask-first"]


@pytest.mark.parametrize("name", ["symbols", "greys", "samples"])
def test_the_command_of_a_card_is_one_that_exists(name, any_order, command, tmp_path):
    card = (any_order[name] / "README.md").read_text()
    arguments = re.search(r"^    adr-run (\w+) --model \S+$", card, re.M)
    assert arguments and arguments[1] == {"symbols": "text", "greys": "image", "samples": "audio"}[name]
    folder = shutil.copytree(any_order[name], tmp_path / name)
    done = command("adr-run", arguments[1], "--model", folder, "--seed", 1)
    assert done.returncode == 0, done.stderr
