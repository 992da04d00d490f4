"""The page of adr-eval --report: whole, with all that it shows beside it, and safe to open."""

import json
import re
import shutil
from html.parser import HTMLParser

import adr_runtime
import numpy as np
import pytest
from adr_runtime.bundles.bundle import shipped
from adr_runtime.causal.config import GenerationConfig
from adr_runtime.media.images import grid
from adr_train.errors import TrainError
from adr_train.evaluation import classifiers
from adr_train.evaluation import cli as eval_cli
from adr_train.evaluation.charts import swept
from adr_train.evaluation.classifiers import ClassifierConfig
from adr_train.evaluation.evaluator import generate
from data_files import write_fsdd
from PIL import Image


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(classifiers, "ClassifierConfig", lambda: ClassifierConfig((4, 4, 4, 4), epochs=1))


class Page(HTMLParser):
    """The files that a page shows, and its text."""

    def __init__(self, text):
        super().__init__()
        self.files, self.words = [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.files += [value for name, value in attributes if name == "src"]
        assert tag != "script"

    def handle_data(self, data):
        self.words.append(data)


def read(folder):
    page = Page((folder / "index.html").read_text())
    shown = set(page.files)
    assert {path.name for path in folder.iterdir()} == shown | {"index.html"}
    assert all((folder / name).stat().st_size for name in shown)
    return page, "".join(page.words)


def test_pictures_their_neighbours_and_the_curves(tmp_path, capsys, monkeypatch):
    bundle, folder = tmp_path / "mine", tmp_path / "page"
    shutil.copytree(shipped()["digits"], bundle)
    manifest = json.loads((bundle / "manifest.json").read_text())
    (bundle / "manifest.json").write_text(json.dumps({**manifest, "description": "<script>alert(1)</script> & more"}))
    common = {"per_label": 3, "seeds": 2, "provider": "cpu", "cache": tmp_path / "cache", "json_": True}
    eval_cli.evaluate(str(bundle), sweep=["guidance=1,2", "steps=2,3"], report=folder, **common)
    rows = json.loads(capsys.readouterr().out)["rows"]
    page, words = read(folder)
    assert all(name in words for name in rows) and "<script>alert(1)</script> & more" in words
    assert {"guidance.svg", "steps.svg", "precision-recall.svg", "nearest.png", "real.png"} <= set(page.files)
    # What was judged is what is shown: the first sheet's rows are the labels.
    samples, labels, _ = generate(
        adr_runtime.load(str(bundle), "cpu"), 100, GenerationConfig(2, guidance=1.0, seed=0), "validation"
    )
    ordered = np.stack([samples[i] for i in np.argsort(labels, kind="stable")])
    assert np.array_equal(np.asarray(Image.open(folder / "generated-0.png")), grid(ordered, 8, 10)[..., 0])
    # What was judged is not made again.
    monkeypatch.setattr("adr_train.evaluation.report.generate", None)
    eval_cli.evaluate(str(bundle), report=tmp_path / "again", **{**common, "per_label": 10, "seeds": 1})
    again = adr_runtime.load(str(bundle), "cpu")
    samples, labels, _ = generate(again, 100, GenerationConfig(seed=0), "validation")
    ordered = np.stack([samples[i] for i in np.argsort(labels, kind="stable")])
    assert np.array_equal(np.asarray(Image.open(tmp_path / "again" / "generated-0.png")), grid(ordered, 8, 10)[..., 0])
    svg = (folder / "guidance.svg").read_text()
    assert svg.startswith("<?xml") and "steps=2" in svg and "real validation" in svg
    with pytest.raises(TrainError, match=re.escape(f"--report {folder}: exists; choose another folder")):
        eval_cli.evaluate(str(bundle), report=folder, **common)


def test_sounds_can_be_heard(tmp_path, capsys):
    write_fsdd(tmp_path / "fsdd", 12)
    eval_cli.evaluate(
        "speech-digits", tmp_path / "fsdd", per_label=1, seeds=1, provider="cpu", cache=tmp_path / "cache", json_=True,
        report=tmp_path / "page",
    )  # fmt: skip
    # The recordings are of two other people than those of the model.
    assert "voices are not judged" in capsys.readouterr().err
    page, words = read(tmp_path / "page")
    assert "zero" in words and "nearest in training" in words
    assert {"generated-0-9.wav", "generated-0-9.png", "real-0.wav", "nearest-3-1.wav"} <= set(page.files)
    assert not any(name.endswith("steps.svg") for name in page.files)


def test_a_report_that_fails_leaves_nothing(tmp_path, monkeypatch):
    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("adr_train.evaluation.report.draw_precision_recall", full)
    with pytest.raises(TrainError, match="page: cannot write the report: No space left"):
        eval_cli.evaluate(
            "digits",
            per_label=1,
            seeds=1,
            provider="cpu",
            cache=tmp_path / "cache",
            json_=True,
            report=tmp_path / "page",
        )
    assert [path.name for path in tmp_path.iterdir()] == ["cache"]


def test_only_what_was_swept_has_a_curve():
    assert swept({"a": GenerationConfig(steps=1), "b": GenerationConfig(steps=2)}) == ["steps"]
    assert swept({"a": GenerationConfig(guidance=1.0), "b": GenerationConfig()}) == []


def test_any_order_models_have_no_page(tmp_path):
    with pytest.raises(TrainError, match="--report is for models that generate samples of labels; digits-any is none"):
        eval_cli.evaluate("digits-any", report=tmp_path / "page", provider="cpu")
