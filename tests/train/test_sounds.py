"""A folder of one's own sounds: whatever is in it is read as one would hear it, or named and left out; and recipes that
are trained one after the other."""

import json
import signal

import numpy as np
import pytest
import soundfile
from adr_train.data.datasets import load_dataset
from adr_train.data.resample import MOST_WEIGHTS, resampler
from adr_train.data.sounds import FADE_SECONDS, QUIET, SECONDS, read, read_all, read_file
from adr_train.errors import TrainError
from adr_train.evaluation.nearest import Nearest, spectra
from adr_train.recipes.chain import read_chain
from small_codec import CODEC, FEW, LATENTS

RATE = 8000
SPLITS = ("train", "validation", "test")
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


def tone(seconds=0.3, rate=RATE, pitch=440.0, peak=0.5):
    return peak * np.sin(2 * np.pi * pitch * np.arange(int(seconds * rate)) / rate)


def fill(folder, count=6, pitch=440.0, **options):
    """Tones that fade, each a little higher than the one before."""
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(count):
        sound = tone(pitch=pitch * (1 + i / 20), **options)
        soundfile.write(folder / f"{i:02d}.wav", sound * np.linspace(1, 0, len(sound)) ** 2, RATE)
    return folder


@pytest.fixture(autouse=True)
def forget():
    """Folders of other tests have other paths; what is kept of them need not be."""
    yield
    read_all.cache_clear()


def test_classes_are_the_folders_and_every_class_is_in_every_split(tmp_path):
    fill(tmp_path / "kick", 20)
    fill(tmp_path / "snare" / "below", 3)
    (tmp_path / "kick" / "notes.txt").write_text("no sound")
    parts = {split: load_dataset("sounds", tmp_path, split, sample_rate=RATE) for split in SPLITS}
    assert all(part.names == ("kick", "snare") and part.sample_rate == RATE for part in parts.values())
    assert sum(len(part.clips) for part in parts.values()) == 23
    assert all(set(part.labels) == {0, 1} for part in parts.values())


def test_splits_go_by_what_is_in_a_file_and_not_by_its_name(tmp_path):
    folder = fill(tmp_path / "kick", 12)
    # A copy under another name is where the first one is.
    (folder / "copy.wav").write_bytes((folder / "03.wav").read_bytes())
    copied, before = read_file(folder / "03.wav", RATE)[0].tobytes(), clips_of(tmp_path)
    assert sorted(clips.count(copied) for clips in before.values()) == [0, 0, 2]
    (folder / "03.wav").rename(folder / "zzz.wav")
    read_all.cache_clear()
    assert clips_of(tmp_path) == before


def clips_of(folder):
    """The clips of each split as sorted bytes."""
    return {split: sorted(clip.tobytes() for clip in read(folder, split, RATE).clips) for split in SPLITS}


def test_few_sounds_train_first_and_then_validate(tmp_path):
    fill(tmp_path / "one", 1), fill(tmp_path / "two", 2), fill(tmp_path / "three", 3)
    labels = [read(tmp_path, split, RATE).labels for split in SPLITS]
    counts = [np.bincount(some, minlength=3).tolist() for some in labels]
    # In the order of their names: one, three, two.
    assert counts == [[1, 1, 1], [0, 1, 1], [0, 1, 0]]


def test_sounds_keep_their_level_unless_they_are_hardly_heard(tmp_path):
    for name, peak in (("loud", 0.9), ("soft", 0.2), ("hardly", 0.01), ("beyond", 3.0)):
        soundfile.write(tmp_path / f"{name}.wav", tone(peak=peak), RATE, subtype="FLOAT")
    clips = {path.stem: read_file(path, RATE)[0] for path in tmp_path.iterdir()}
    peaks = {name: float(np.abs(clip).max()) for name, clip in clips.items()}
    assert peaks == pytest.approx({"loud": 0.9, "soft": 0.2, "hardly": QUIET, "beyond": 1.0}, rel=1e-3)


@pytest.mark.parametrize("rate", [8000, 11025, 44100, 96000, 44101])
@pytest.mark.parametrize("channels", [1, 2, 6])
def test_any_rate_and_any_channels_become_the_same_sound(tmp_path, rate, channels):
    soundfile.write(tmp_path / "a.wav", np.repeat(tone(rate=rate)[:, None], channels, 1), rate)
    clip, whole = read_file(tmp_path / "a.wav", RATE)
    expected = tone()
    assert whole and abs(len(clip) - len(expected)) <= 1
    # Away from the edges, where a filter rings.
    np.testing.assert_allclose(clip[200:2000], expected[200:2000], atol=0.01)


def test_rates_that_have_little_in_common_take_another_way():
    assert 44101 * RATE > MOST_WEIGHTS
    sound = tone(rate=44101).astype(np.float32)
    np.testing.assert_allclose(resampler(44101, RATE)(sound)[200:2000], tone()[200:2000], atol=0.01)


@pytest.mark.parametrize("ending", ["flac", "ogg", "aiff", "au", "mp3"])
def test_whatever_libsndfile_reads(tmp_path, ending):
    soundfile.write(tmp_path / f"a.{ending}", tone(seconds=0.5), RATE)
    (tmp_path / f"a.{ending}").rename(tmp_path / f"b.{ending.upper()}")
    fill(tmp_path, 1)
    assert sum(len(read(tmp_path, split, RATE).clips) for split in SPLITS) == 2


def test_a_long_sound_ends_with_a_short_fade(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.full(RATE * 5, 0.5), RATE)
    clip, whole = read_file(tmp_path / "a.wav", RATE)
    fading = int(FADE_SECONDS * RATE)
    assert not whole and len(clip) == SECONDS * RATE
    np.testing.assert_allclose(clip[:-fading], 0.5, atol=1e-4)
    np.testing.assert_allclose(clip[-fading:], np.linspace(0.5, 0, fading), atol=1e-4)


def test_bad_files_are_named_once_and_left_out(tmp_path, capsys):
    folder = fill(tmp_path / "kick", 5)
    (folder / "broken.wav").write_bytes(b"RIFF nothing that anybody could hear")
    soundfile.write(folder / "empty.wav", np.zeros(0), RATE)
    soundfile.write(folder / "silent.wav", np.full(800, 1e-4), RATE)
    soundfile.write(folder / "odd.wav", np.array([0.5, np.nan, 0.1]), RATE, subtype="FLOAT")
    soundfile.write(folder / "long.wav", tone(seconds=4), RATE)
    parts = [read(tmp_path, split, RATE) for split in SPLITS]
    assert sum(len(part.clips) for part in parts) == 6
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 5
    for name, why in (
        ("broken", "not a readable sound file"), ("empty", "holds no samples"), ("odd", "not finite"),
        ("silent", "silent"),
    ):  # fmt: skip
        assert sum(f"{name}.wav: " in line and why in line and line.startswith("left out: ") for line in lines) == 1
    assert lines[-1] == "longer than 3 seconds and cut there: 1 of 6 sounds"


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda root: (root / "a").mkdir(parents=True), "no sounds here"),
        (lambda root: fill(fill(root / "a").parent), "lies beside folders of classes"),
        (lambda root: fill(root / "none"), "cannot be a label"),
        (lambda root: [fill(root / "a"), fill(root / "b", 1, peak=0.0)], "b: no sound to train on"),
    ],
)
def test_folders_that_cannot_be_trained_on(tmp_path, make, says):
    make(tmp_path / "data")
    with pytest.raises(TrainError, match=says):
        read(tmp_path / "data", "train", RATE)


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


def test_a_copy_is_nearer_than_what_is_new(tmp_path):
    """Copies are found whatever their level and the silence before them, and tell their class."""
    fill(tmp_path / "high", 8, 880.0)
    fill(tmp_path / "low", 8, 110.0)
    near = Nearest.read(tmp_path, "validation", RATE)
    copies = [np.concatenate([np.zeros(500), 0.3 * clip]).astype(np.float32) for clip in near.train.clips]
    figures = near.figures(spectra(copies, RATE), near.train.labels)
    assert figures["nearer_than_1st_percentile"] == figures["accuracy"] == 1.0
    assert figures["nearest_training"] < 0.1 * np.median(near.nearest(near.of_real)[0])
    noise = [np.random.default_rng(i).standard_normal(RATE).astype(np.float32) for i in range(4)]
    assert near.figures(spectra(noise, RATE), np.zeros(4, np.int64))["nearer_than_1st_percentile"] == 0.0


def test_distances_are_root_mean_squares_of_logarithms():
    """Twice the amplitude of all but the loudest moment, which sets the level, is log 2 farther."""
    random = np.random.default_rng(0)
    sound = random.standard_normal(RATE * 2).astype(np.float32) * 0.2
    sound[:80] *= 5
    louder = np.concatenate([sound[:80], 2 * sound[80:]])
    a, b = spectra([sound, louder], RATE)
    frames = int(1.5 / 0.012)
    assert np.linalg.norm(a - b) == pytest.approx(np.log(2) * ((frames - 2) / frames) ** 0.5, rel=0.1)
