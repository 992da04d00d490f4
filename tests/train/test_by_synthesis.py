"""What a vocoder says of recordings, changed until they sound like it: against the spectra of the recordings."""

import copy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from adr_models.tokens.patches import ImageConfig
from adr_models.tokens.vocoder import VocoderConfig, VocoderTokens
from adr_runtime.media.spectrogram import mel_spectrogram
from adr_train.data.types import AudioClips
from adr_train.errors import TrainError
from adr_train.keeping import keep
from adr_train.recipes.recipe import read_recipe
from adr_train.session import Options, Session, run_training
from adr_train.tasks import batches
from adr_train.tasks import by_synthesis as module
from adr_train.tasks.batches import encodable
from adr_train.tasks.by_synthesis import by_synthesis, check_by_synthesis
from aligned_voices import FEW, VOCODED
from data_files import write_fsdd
from rich.console import Console
from vowels import vowel

CONFIG = VocoderConfig(channels=24)


@pytest.fixture(scope="module")
def taken_apart():
    """Vowels in noise, their frames, a silent one, and axes that were measured of them."""
    noise = np.random.default_rng(0)
    clips = [
        vowel(hertz, seconds) + (0.01 * noise.standard_normal(int(seconds * 16000))).astype(np.float32)
        for hertz, seconds in ((110, 0.4), (190, 0.27), (150, 0.33))
    ]
    tokens = VocoderTokens(CONFIG)
    data = AudioClips(clips, np.zeros(3, np.int64), ("a",), 16000, ("ann",) * 3)
    frames, silent = encodable(data, tokens)
    whole = torch.cat(frames)
    tokens.fit(whole[: len(whole) // 4 * 4])
    return clips, frames, silent, tokens


def distance(clip, frames, silent, tokens, before):
    """Decibels of mel bands from a clip to what tokens, which begin so many frames before it, make of it."""
    count = before + len(frames)
    rows = torch.cat([silent.expand(before, -1), frames, silent.expand(-count % 4, -1)])
    with torch.no_grad():
        made, _ = tokens.decode(tokens.encode(rows[None]), tokens.initial_state(1))
    both = (clip, made[0, before * CONFIG.hop :][: len(clip)].numpy())
    a, b = (np.maximum(mel_spectrogram(x, 16000, len(clip) // 160, 40), -60) for x in both)
    return np.abs(a - b).mean()


def test_every_clip_sounds_more_like_itself_wherever_its_tokens_begin(taken_apart, tmp_path):
    clips, frames, silent, tokens = taken_apart
    changed = by_synthesis(clips, frames, silent, tokens, 32, tmp_path)
    assert [rows.shape for rows in changed] == [rows.shape for rows in frames]
    was, now = (
        np.array([[distance(clip, rows[i], silent, tokens, k) for k in range(4)] for i, clip in enumerate(clips)])
        for rows in (frames, changed)
    )
    assert (now < was).all() and now.mean() < 0.92 * was.mean()


def test_a_clip_is_changed_alone_as_beside_another_of_its_length(taken_apart, tmp_path):
    clips, frames, silent, tokens = taken_apart
    clips, frames = [clip[:4096] for clip in clips[:2]], [rows[:32] for rows in frames[:2]]
    alone, together = (by_synthesis(clips[:n], frames[:n], silent, tokens, 4, tmp_path)[0] - frames[0] for n in (1, 2))
    assert (together * alone).sum() > 0.95 * together.norm() * alone.norm()


def test_parts_are_of_much_the_same_length_and_fit_into_memory(monkeypatch):
    monkeypatch.setattr(module, "TOGETHER", 3)
    monkeypatch.setattr(module, "FRAMES", 20)
    assert list(module.parts([5, 1, 1, 2, 30, 9, 10, 1])) == [[1, 2, 7], [3, 0], [5, 6], [4]]
    assert list(module.parts([])) == []


@pytest.mark.parametrize(("rate", "hop", "stride", "lengths"), [(48000, 128, 4, (5,)), (16000, 32, 1, (3, 0))])
def test_clips_may_be_shorter_than_any_window(tmp_path, rate, hop, stride, lengths):
    tokens = VocoderTokens(VocoderConfig(rate, hop, stride, 12, 20, 4))
    data = AudioClips([np.ones(n * hop, np.float32) for n in lengths], None, ("a",), rate, ())
    frames, silent = encodable(data, tokens)
    changed = by_synthesis(data.clips, frames, silent, tokens, 1, tmp_path)
    assert [rows.shape for rows in changed] == [rows.shape for rows in frames]
    assert all(rows.isfinite().all() for rows in changed)


@pytest.fixture
def counting(monkeypatch):
    """How many clips were changed at once, call by call."""
    descend, calls = module.descend, []

    def counted(*arguments):
        calls.append(len(arguments[0]))
        return descend(*arguments)

    monkeypatch.setattr(module, "TOGETHER", 2)
    monkeypatch.setattr(module, "descend", counted)
    return calls


def test_what_is_found_is_kept_for_the_very_same_of_everything(taken_apart, tmp_path, counting):
    clips, frames, silent, tokens = taken_apart
    first = by_synthesis(clips, frames, silent, tokens, 2, tmp_path)
    again = by_synthesis(clips, frames, silent, tokens, 2, tmp_path)
    assert counting == [2, 1] and all(map(torch.equal, first, again))
    # The shortest two are one part, the longest is the other.
    by_synthesis([2 * clips[0], *clips[1:]], frames, silent, tokens, 2, tmp_path)
    by_synthesis(clips, [frames[0] + 1, *frames[1:]], silent, tokens, 2, tmp_path)
    assert counting == [2, 1, 1, 1]
    narrower = copy.deepcopy(tokens)
    narrower.bounds.mul_(0.5)
    by_synthesis(clips, frames, silent, narrower, 2, tmp_path)
    by_synthesis(clips, frames, silent + 1, tokens, 2, tmp_path)
    by_synthesis(clips, frames, silent, tokens, 1, tmp_path)
    assert counting == [2, 1, 1, 1, *[2, 1] * 3] and len(list(tmp_path.rglob("*.safetensors"))) == 10


@pytest.mark.parametrize("damage", [lambda path: path.write_bytes(b"x"), lambda path: keep(path, {"0": torch.ones(2)})])
def test_a_damaged_file_is_made_anew(taken_apart, tmp_path, counting, damage):
    clips, frames, silent, tokens = taken_apart
    first = by_synthesis(clips, frames, silent, tokens, 1, tmp_path)
    for path in tmp_path.rglob("*.safetensors"):
        damage(path)
    for _ in range(2):
        assert all(map(torch.equal, first, by_synthesis(clips, frames, silent, tokens, 1, tmp_path)))
    assert counting == [2, 1, 2, 1]


def test_a_cache_that_cannot_be_written_and_several_processes_are_refused(taken_apart, tmp_path, monkeypatch):
    clips, frames, silent, tokens = taken_apart
    with pytest.raises(TrainError, match="/proc/nowhere/by-synthesis: cannot be written"):
        by_synthesis(clips, frames, silent, tokens, 1, Path("/proc/nowhere"))
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(TrainError, match="as one process first"):
        by_synthesis(clips, frames, silent, tokens, 1, tmp_path)
    monkeypatch.delenv("WORLD_SIZE")
    first = by_synthesis(clips, frames, silent, tokens, 1, tmp_path)
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert all(map(torch.equal, first, by_synthesis(clips, frames, silent, tokens, 1, tmp_path)))


RECIPE = VOCODED.replace("dataset: aligned-speech", "dataset: fsdd").replace("window: [0.5, 1.0]", "by_synthesis: 2")
STUDENT = FEW.replace("dataset: aligned-speech", "dataset: fsdd").replace("teacher: speaking", "teacher: heard")


def test_runs_and_their_students_learn_from_what_was_changed(tmp_path, monkeypatch):
    """So does a run that goes on, by what it began with, whatever its recipe says by now."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "heard.yaml").write_text(RECIPE)
    (tmp_path / "plain.yaml").write_text(RECIPE.replace(", by_synthesis: 2", ""))
    (tmp_path / "student.yaml").write_text(STUDENT)
    write_fsdd(tmp_path / "data" / "recordings", 24)
    # Of tones without a voice WORLD was seen to say something else now and then, of the same samples.
    analysed, analyse = {}, batches.frame_values
    monkeypatch.setattr(
        batches, "frame_values", lambda clip, config: analysed.setdefault(clip.tobytes(), analyse(clip, config))
    )
    sessions, run = [], Session.run
    monkeypatch.setattr(Session, "run", lambda session: (sessions.append(session), run(session)))

    def train(name, out, teacher=None, resume=False):
        options = Options(
            tmp_path / out, tmp_path / "data", codec=None, teacher=teacher, start=None, new_axes=False, text=None,
            device="cpu", threads=None, save_minutes=9, look_minutes=9, resume=resume, json=False,
        )  # fmt: skip
        run_training(read_recipe(str(tmp_path / f"{name}.yaml"), "cpu"), options, Console(quiet=True))
        job = sessions[-1].job
        return job.trainer.batches.clips, job.validation.clips

    heard, plain = train("heard", "heard"), train("plain", "plain")
    student = train("student", "student", teacher=tmp_path / "heard")
    (tmp_path / "heard.yaml").write_text(RECIPE.replace(", by_synthesis: 2", "").replace("steps: 4", "steps: 5"))
    resumed = train("heard", "heard", resume=True)
    for part in (0, 1):
        assert not any(map(torch.equal, heard[part], plain[part]))
        assert all(map(torch.equal, heard[part], student[part])) and all(map(torch.equal, heard[part], resumed[part]))


@pytest.mark.parametrize("change", ["dataset: aligned-speech", "dataset: cifar10"])
def test_it_is_for_clips_of_a_vocoder_alone(tmp_path, change):
    (tmp_path / "other.yaml").write_text(RECIPE.replace("dataset: fsdd", change))
    recipe = read_recipe(str(tmp_path / "other.yaml"), "cpu")
    model = recipe.model if "speech" in change else replace(recipe.model, vocoder=None, image=ImageConfig())
    with pytest.raises(TrainError, match="by_synthesis is for clips as a vocoder has them"):
        check_by_synthesis(recipe, model)
    check_by_synthesis(replace(recipe, train=replace(recipe.train, by_synthesis=0)), model)


@pytest.mark.parametrize("steps", ["-1", "2.5", "true", "'4'"])
def test_its_steps_are_a_whole_number(tmp_path, steps):
    (tmp_path / "odd.yaml").write_text(RECIPE.replace("by_synthesis: 2", f"by_synthesis: {steps}"))
    with pytest.raises(TrainError, match=r"train\.by_synthesis is a number of steps"):
        read_recipe(str(tmp_path / "odd.yaml"), "cpu")
