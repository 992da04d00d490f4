"""A folder of one's own sounds: whatever is in it is read as one would hear it, or named and left out."""

import numpy as np
import pytest
import soundfile
from adr_train.data.datasets import load_dataset
from adr_train.data.resample import MOST_WEIGHTS, resampler
from adr_train.data.sounds import FADE_SECONDS, QUIET, SECONDS, read, read_all, read_file
from adr_train.errors import TrainError
from adr_train.evaluation.nearest import Nearest, spectra
from one_shots import RATE, fill, tone

SPLITS = ("train", "validation", "test")


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
