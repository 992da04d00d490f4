"""The protocol: who judges what, how many of them, by which seeds, and what is recorded."""

import json
import shutil
from dataclasses import replace
from types import SimpleNamespace

import adr_runtime
import numpy as np
import pytest
from adr_runtime.bundles.bundle import shipped
from adr_runtime.causal.config import GenerationConfig
from adr_train.data.datasets import load_dataset
from adr_train.data.resample import resampled
from adr_train.data.splits import call_seed
from adr_train.data.types import AudioClips, Images
from adr_train.errors import TrainError
from adr_train.evaluation import classifiers, crossfit, voices
from adr_train.evaluation import cli as eval_cli
from adr_train.evaluation import evaluator as evaluate
from adr_train.evaluation.classifiers import ClassifierConfig
from adr_train.evaluation.crossfit import CrossFit, folds_of, part
from adr_train.evaluation.evaluator import Evaluator, generate
from adr_train.evaluation.metrics import frechet_distance, nearest_distances, with_errors
from adr_train.evaluation.table import HEADINGS

TINY = ClassifierConfig(channels=(4, 4, 4, 4), epochs=2, batch=64)


def test_folds_share_every_label_evenly():
    labels = np.random.default_rng(0).permutation(np.arange(103) % 5)
    for count in (2, 3):
        shares = np.bincount(folds_of(labels, count) * 5 + labels, minlength=5 * count).reshape(count, 5)
        assert shares.max() - shares.min() <= 1
    with pytest.raises(TrainError, match="fewer than 2 samples"):
        CrossFit(Images(np.zeros((3, 8, 8, 1), np.uint8), np.array([0, 0, 1]), ("a", "b")), None)


def rows_of(pixels):
    return {p.tobytes() for p in pixels}


@pytest.fixture
def taught(monkeypatch):
    """The data that every judge was trained on, in their order."""
    data, train = [], classifiers.cached_judge
    monkeypatch.setattr(crossfit, "cached_judge", lambda d, *rest: data.append(d) or train(d, *rest))
    return data


@pytest.mark.parametrize("split", ["validation", "test"])
def test_no_judge_has_seen_what_it_judges(taught, tmp_path, split):
    evaluator = Evaluator("digits", None, split, tmp_path, TINY)
    train, real = load_dataset("digits", None, "train"), load_dataset("digits", None, split)
    assert len(taught) == 2 and sum(len(d.labels) for d in taught) == len(train.labels)
    expected = []
    for i, (data, judge) in enumerate(zip(taught, evaluator.judges.judges, strict=True)):
        new = part(train, np.flatnonzero(evaluator.judges.fold == i))
        assert not rows_of(data.pixels) & (rows_of(new.pixels) | rows_of(real.pixels))
        expected.append(frechet_distance(judge.judge(new.pixels)[1], judge.judge(real.pixels)[1]))
    # The floor is measured on all those new samples.
    floor = evaluator.real_rows(len(train.labels), 1)["real training"]
    assert floor["frechet_distance"] == pytest.approx(np.mean(expected), rel=1e-3)


def test_every_row_is_of_equal_size_and_beside_the_same_real_samples(tmp_path):
    evaluator, count = Evaluator("digits", None, "validation", tmp_path, TINY), 60
    assert evaluator.most == 179 == len(evaluator.real.labels)
    samples = np.random.default_rng(0).integers(0, 256, (count, 8, 8, 1), dtype=np.uint8)
    rows = {"noise": evaluator.measure(samples, np.arange(count) % 10, 1), **evaluator.real_rows(count, 2)}
    assert list(rows) == ["noise", "real validation", "real training"]
    # Every figure has its column.
    assert {name.removesuffix("_standard_error") for row in rows.values() for name in row} <= set(HEADINGS)
    assert 0 <= rows["noise"]["precision"] <= 1 and "recall" not in rows["real validation"]
    assert {row["samples"] for row in rows.values()} == {count}
    beside = evaluator.reference(count, 1)
    expected = [
        frechet_distance(judge.judge(samples)[1], judge.judge(evaluator.real.pixels[beside])[1])
        for judge in evaluator.judges.judges
    ]
    assert rows["noise"]["frechet_distance"] == pytest.approx(np.mean(expected))
    assert "frechet_distance" not in rows["real validation"]
    assert rows["real training"]["frechet_distance_standard_error"] > 0


def test_copies_are_nearer_than_real_samples_are(tmp_path):
    evaluator = Evaluator("digits", None, "test", tmp_path, TINY)
    copied = evaluator.measure(evaluator.train.pixels[:50], evaluator.train.labels[:50])
    assert copied["nearer_than_1st_percentile"] == 1 and copied["nearest_training"] < 1e-5
    real = evaluator.real_rows(len(evaluator.real.labels), 2)["real test"]
    assert 0 < real["nearer_than_1st_percentile"] < 0.03
    # The whole split was drawn: there is no second draw and no error.
    assert not any(name.endswith("_standard_error") for name in real)


def test_samples_among_the_reference_do_not_meet_themselves():
    reference = np.random.default_rng(2).normal(size=(600, 3))
    own = np.arange(0, 600, 2)
    expected = [min(np.linalg.norm(reference[i] - y) for j, y in enumerate(reference) if j != i) for i in own]
    np.testing.assert_allclose(nearest_distances(reference[own], reference, own), expected)


def test_standard_errors_over_seeds():
    assert with_errors([{"samples": 5, "accuracy": 0.5}]) == {"samples": 5, "accuracy": 0.5}
    found = with_errors([{"samples": 5, "accuracy": a} for a in (0.2, 0.4, 0.9)])
    assert found["samples"] == 5 and "samples_standard_error" not in found
    assert found["accuracy"] == pytest.approx(0.5)
    assert found["accuracy_standard_error"] == pytest.approx(np.sqrt((0.09 + 0.01 + 0.16) / 2 / 3))


def test_splits_and_repetitions_draw_other_noise():
    seeds = {
        call_seed(s, seed, r, a) for s in ("validation", "test") for seed in (0, 1) for r in range(3) for a in (0, 64)
    }
    assert len(seeds) == 24 and max(seeds) < 1 << 32
    model = adr_runtime.load("digits", "cpu")
    made = [
        generate(model, 12, GenerationConfig(steps=2), *which)[0] for which in (("validation",), ("test",), ("test", 1))
    ]
    assert not any(np.array_equal(a, b) for a, b in ((made[0], made[1]), (made[1], made[2])))
    again, labels, _ = generate(model, 12, GenerationConfig(steps=2), "test", 1)
    assert np.array_equal(again, made[2]) and labels.tolist() == [*range(10), 0, 1]


def test_sound_comes_at_the_rate_of_the_real_one(exported):
    model = adr_runtime.load(exported["latent"], "cpu")
    real = AudioClips([np.zeros(9, np.float32)], np.zeros(1, np.int64), ("low",), model.sample_rate // 2, ("eve",))
    whole = generate(model, 2, GenerationConfig(steps=2), "test")[0]
    halved = generate(model, 2, GenerationConfig(steps=2), "test", real=real)[0]
    assert [len(clip) for clip in halved] == [-(-len(clip) // 2) for clip in whole]
    expected = resampled(replace(real, clips=whole, sample_rate=model.sample_rate), real.sample_rate)
    assert all(np.array_equal(a, b) for a, b in zip(halved, expected.clips, strict=True))


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(classifiers, "ClassifierConfig", lambda: TINY)


def test_what_is_written_names_split_and_seeds(quick, tmp_path, capsys):
    bundle = tmp_path / "mine"
    shutil.copytree(shipped()["digits"], bundle)
    common = {"per_label": 3, "seeds": 2, "provider": "cpu", "cache": tmp_path / "cache", "json_": True}
    eval_cli.evaluate(str(bundle), split="test", sweep=["steps=2,3"], seed=7, write=True, **common)
    report = json.loads(capsys.readouterr().out)
    assert report["split"] == "test" and (report["samples"], report["seed"], report["seeds"]) == (30, 7, 2)
    assert list(report["rows"]) == ["steps=2", "steps=3", "real test", "real training"]
    assert {row["samples"] for row in report["rows"].values()} == {30}
    assert all("accuracy_standard_error" in row for row in report["rows"].values())
    quality = adr_runtime.load(str(bundle), "cpu").manifest.quality
    assert (quality["split"], quality["seed"], quality["seeds"], quality["samples"]) == ("test", 7, 2, "30 a row")
    card = (bundle / "README.md").read_text()
    assert "| split | test |" in card and " ± " in card and "standard error" not in card
    eval_cli.evaluate(str(bundle), **{**common, "per_label": 50, "json_": False})
    shown = capsys.readouterr()
    assert "validation" in shown.out and "real validation" in shown.out and " ± " in shown.out
    assert "179 samples a row in place of 50 of each label" in shown.err


def test_the_test_split_chooses_nothing():
    eval_cli.check_choice("test", [{"steps": 2}, {"steps": 4}], True)
    eval_cli.check_choice("validation", [{"guidance": 2.0, "steps": 2}], False)
    with pytest.raises(TrainError, match=r"--split 'train'.*report once on test"):
        eval_cli.check_choice("train", [{}], False)
    with pytest.raises(TrainError, match="sweep on --split validation"):
        eval_cli.check_choice("test", [{"guidance": 1.0}, {"guidance": 2.0}], False)
    with pytest.raises(TrainError, match="--write takes one setting"):
        eval_cli.check_choice("validation", [{"guidance": 1.0}, {"guidance": 2.0}], True)


RATE = 800


def say(speaker, count, start=0):
    """Ann's voice is low and Ben's high."""
    pitch = 60 if speaker == "ann" else 250
    return [
        np.sin(2 * np.pi * pitch / RATE * np.arange(start, start + 400 + i)).astype(np.float32) for i in range(count)
    ]


def test_voices_are_judged_by_those_who_never_heard_them(monkeypatch, taught, tmp_path):
    def read(name, folder, split, shape, sample_rate):
        count, start = {"train": (48, 0), "test": (6, 1000)}[split]
        clips = say("ann", count, start) + say("ben", count, start + 99)
        labels = np.arange(2 * count) // 2 % 3
        return AudioClips(clips, labels, ("low", "mid", "high"), RATE, ("ann",) * count + ("ben",) * count)

    config = ClassifierConfig(channels=(8, 8, 8, 8), epochs=30, batch=16)
    monkeypatch.setattr(classifiers, "ClassifierConfig", lambda: config)
    monkeypatch.setattr(evaluate, "load_dataset", read)
    evaluator = Evaluator("said", None, "test", tmp_path, TINY)
    del taught[:]
    # A model that speaks as it is told to.
    monkeypatch.setattr(voices, "generate", lambda model, count, setting, *_: (say(setting.speaker, count),))
    model = SimpleNamespace(manifest=SimpleNamespace(speakers=("ann", "ben")))
    rows = voices.voice_rows(evaluator, model, 12, GenerationConfig(), 2, tmp_path)
    assert list(rows) == ["generated", "real test"]
    for row in rows.values():
        assert row["speaker_accuracy"] > 0.9 and 0.5 < row["speaker_similarity"] <= 1
    assert "speaker_accuracy_standard_error" in rows["generated"]
    heard = [{(speaker, len(clip)) for speaker, clip in zip(d.speakers, d.clips, strict=True)} for d in taught]
    assert len(heard) == 2 and not heard[0] & heard[1]


def test_a_judgement_is_kept_beside_the_judges(tmp_path, monkeypatch):
    """What was kept are the numbers that were judged; other data are judged anew."""
    random = np.random.default_rng(0)
    data = Images(random.integers(0, 256, (40, 8, 8, 1), np.uint8), np.arange(40) % 2, ("a", "b"))
    judge = classifiers.cached_judge(data, tmp_path, classifiers.ClassifierConfig(epochs=1))
    first = classifiers.cached_judgement(judge, data, tmp_path)
    for kept, judged in zip(first, judge.judge(data.pixels), strict=True):
        np.testing.assert_array_equal(kept, judged)
    calls = []
    monkeypatch.setattr(judge, "judge", lambda samples: calls.append(len(samples)) or first)
    again = classifiers.cached_judgement(judge, data, tmp_path)
    assert not calls and all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    classifiers.cached_judgement(judge, Images(data.pixels[:30], data.labels[:30], data.names), tmp_path)
    assert calls == [30]
