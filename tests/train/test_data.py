"""Loaders of sound and of digits on small files in the public layouts, and on broken ones; and downloads."""

import hashlib
import io
import tarfile

import numpy as np
import pytest
import soundfile
from adr_runtime.errors import ADRError
from adr_train.data.datasets import load_dataset
from adr_train.data.download import Release, download
from adr_train.data.types import AudioClips, level
from adr_train.errors import TrainError
from data_files import refuse, tone, write_commands, write_fsdd

# Speech Commands and FSDD


@pytest.mark.parametrize("inside", ["", "SpeechCommands/speech_commands_v0.02", "speech_commands_v0.01"])
def test_speech_commands(tmp_path, inside):
    root = tmp_path / inside
    write_commands(root)
    sizes = {}
    for split in ("train", "validation", "test"):
        data = load_dataset("speech-commands", tmp_path, split)
        sizes[split] = len(data.clips)
        assert data.sample_rate == 16000 and data.names[7] == "seven"
        assert sorted(set(data.labels.tolist())) == list(range(10))
        assert len(data.clips[-1]) == 16000 - 900
    assert sizes == {"train": 20, "validation": 10, "test": 10}
    assert set(load_dataset("speech-commands", tmp_path, "test").speakers) == {"00000002"}


def test_torchaudio_reads_the_same_files(tmp_path):
    """Our split is that of torchaudio's SPEECHCOMMANDS, by file name."""
    from torchaudio.datasets import SPEECHCOMMANDS

    write_commands(tmp_path / "SpeechCommands" / "speech_commands_v0.02")
    for split, theirs in (("train", "training"), ("validation", "validation"), ("test", "testing")):
        listed = SPEECHCOMMANDS(str(tmp_path), "speech_commands_v0.02", subset=theirs)
        meta = sorted((listed.get_metadata(i)[2], listed.get_metadata(i)[3]) for i in range(len(listed)))
        ours = load_dataset("speech-commands", tmp_path, split)
        assert sorted(zip((ours.names[i] for i in ours.labels), ours.speakers, strict=True)) == meta


def test_speech_commands_broken(tmp_path):
    refuse("no testing_list.txt here", "speech-commands", tmp_path)
    write_commands(tmp_path)
    path = tmp_path / "three" / "00000001_nohash_1.wav"
    whole = path.read_bytes()
    path.write_bytes(whole[:20])
    refuse(r"three/00000001_nohash_1.wav: not a readable sound file", "speech-commands", tmp_path)
    soundfile.write(path, tone(100)[0], 8000)
    refuse(r"00000001_nohash_1.wav: at 8000 Hz; the data set is at 16000", "speech-commands", tmp_path)
    soundfile.write(path, np.zeros((100, 2)), 16000)
    refuse(r"has 2 channels", "speech-commands", tmp_path)
    path.rename(path.with_name("mine.wav"))
    refuse(r"three/mine.wav: mislabelled", "speech-commands", tmp_path)
    (tmp_path / "three" / "mine.wav").unlink()
    (tmp_path / "three" / "00000002_nohash_0.wav").unlink()
    refuse(r"three/00000002_nohash_0.wav: listed in a split but not there", "speech-commands", tmp_path)


def test_fsdd(tmp_path):
    write_fsdd(tmp_path / "recordings")
    for split, sizes in (("test", range(5)), ("validation", range(5, 10)), ("train", range(10, 12))):
        data = load_dataset("fsdd", tmp_path, split)
        assert len(data.clips) == 20 * len(sizes)
        assert {len(clip) for clip in data.clips} == {1000 + 10 * i for i in sizes}
        assert data.speakers[:1] == ("ann",) and data.names[3] == "three"


def test_fsdd_broken(tmp_path):
    refuse("no .wav files", "fsdd", tmp_path)
    write_fsdd(tmp_path / "recordings")
    soundfile.write(tmp_path / "recordings" / "ten_ann_3.wav", tone(100)[0], 8000)
    refuse(r"ten_ann_3.wav: mislabelled; expected a name like", "fsdd", tmp_path)
    (tmp_path / "recordings" / "ten_ann_3.wav").unlink()
    (tmp_path / "recordings" / "4_bob_11.wav").write_bytes(b"")
    refuse(r"4_bob_11.wav: not a readable sound file", "fsdd", tmp_path)


def test_digits_are_those_of_scikit_learn():
    from sklearn.datasets import load_digits

    loaded, train = load_digits(), load_dataset("digits", None, "train")
    chosen = np.flatnonzero(np.arange(1797) % 10 < 7)
    np.testing.assert_array_equal(train.labels, loaded.target[chosen])
    np.testing.assert_array_equal(train.pixels[..., 0], np.round(loaded.images[chosen] * 255 / 16))


def test_digits_and_names():
    parts = [load_dataset("digits", None, split) for split in ("train", "validation", "test")]
    assert [len(p.labels) for p in parts] == [1260, 179, 358] and parts[0].pixels.shape[1:] == (8, 8, 1)
    assert parts[0].pixels.max() == 255
    known = "digits, images, sounds, aligned-speech, cifar10, fashion, fsdd"
    with pytest.raises(TrainError, match=f"unknown data set 'mnist'; there are {known}"):
        load_dataset("mnist", None, "train")
    with pytest.raises(TrainError, match="fsdd needs its folder: give --data"):
        load_dataset("fsdd", None, "train")


def test_levels_are_made_equal_without_clipping():
    loud, quiet, peaky = 0.9 * np.sin(np.arange(500.0)), 0.01 * np.sin(np.arange(500.0)), np.eye(1, 500)[0] * 0.5
    clips = [c.astype(np.float32) for c in (loud, quiet, peaky, np.zeros(9))]
    data = AudioClips(clips, np.zeros(4, np.int64), ("x",), 8000, ("a",) * 4)
    levelled = level(data, 0.1).clips
    for clip in levelled[:2]:
        assert np.sqrt(np.mean(clip**2)) == pytest.approx(0.1, rel=1e-5)
    assert np.abs(levelled[2]).max() == pytest.approx(1) and not levelled[3].any()
    assert all(clip.dtype == np.float32 for clip in levelled)


# Downloads


def pack(folder, path):
    with tarfile.open(path, "w:gz") as tar:
        tar.add(folder, "top")


def test_download(tmp_path):
    write_fsdd(tmp_path / "source" / "recordings")
    pack(tmp_path / "source", tmp_path / "a.tar.gz")
    url = (tmp_path / "a.tar.gz").as_uri()
    download("fsdd", tmp_path / "fsdd", Release(url), tell=lambda line: None)
    assert len(load_dataset("fsdd", tmp_path / "fsdd", "train").clips) == 40
    with pytest.raises(TrainError, match="exists; choose another"):
        download("fsdd", tmp_path / "fsdd", Release(url))
    with pytest.raises(TrainError, match="no download for 'mnist'"):
        download("mnist", tmp_path / "x")


def test_download_of_files_that_are_in_no_archive(tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    for name in ("a.gz", "b.gz"):
        (source / name).write_bytes(name.encode())
    files = tuple((name, ("md5", hashlib.md5(name.encode()).hexdigest())) for name in ("a.gz", "b.gz"))
    url, quiet = source.as_uri() + "/", {"tell": lambda line: None}
    download("fashion", tmp_path / "all", Release(url, files=files), **quiet)
    assert {path.name: path.read_bytes() for path in (tmp_path / "all").iterdir()} == {"a.gz": b"a.gz", "b.gz": b"b.gz"}
    (source / "b.gz").write_bytes(b"another")
    with pytest.raises(ADRError, match=r"b\.gz: md5 expected"):
        download("fashion", tmp_path / "damaged", Release(url, files=files), **quiet)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["all", "source"]


def test_download_leaves_nothing_half_done(tmp_path):
    write_fsdd(tmp_path / "source" / "recordings", count=1)
    pack(tmp_path / "source", tmp_path / "a.tar.gz")
    before = sorted(p.name for p in tmp_path.iterdir())
    url = (tmp_path / "a.tar.gz").as_uri()
    quiet = {"tell": lambda line: None}
    with pytest.raises(ADRError, match="md5 expected 00"):
        download("fsdd", tmp_path / "out", Release(url, ("md5", "00")), **quiet)
    with pytest.raises(ADRError, match="cannot fetch"):
        download("fsdd", tmp_path / "out", Release(url + "x"), **quiet)
    whole = (tmp_path / "a.tar.gz").read_bytes()
    (tmp_path / "a.tar.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ADRError, match="not a whole archive"):
        download("fsdd", tmp_path / "out", Release(url), **quiet)
    assert sorted(p.name for p in tmp_path.iterdir()) == before


@pytest.mark.parametrize("name", ["../escaped", "top/../../escaped", "{}/escaped"])
def test_an_archive_cannot_write_elsewhere(tmp_path, name):
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        member = tarfile.TarInfo(name.format(tmp_path))
        member.size = 3
        tar.addfile(member, io.BytesIO(b"abc"))
    with pytest.raises(ADRError, match="escaped', which leads out of it; nothing was kept"):
        download("fsdd", tmp_path / "in" / "out", Release((tmp_path / "a.tar").as_uri()), tell=lambda line: None)
    assert not list(tmp_path.rglob("escaped")) and not list((tmp_path / "in").iterdir())


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_an_archive_of_links_and_devices_is_refused(tmp_path, kind):
    """A link to the outside, and a file that would be written through it."""
    (tmp_path / "outside").mkdir()
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        link = tarfile.TarInfo("top/link")
        link.type, link.linkname = kind, str(tmp_path / "outside")
        tar.addfile(link)
        member = tarfile.TarInfo("top/link/escaped")
        member.size = 3
        tar.addfile(member, io.BytesIO(b"abc"))
    with pytest.raises(ADRError, match="'top/link', which is no plain file; nothing was kept"):
        download("fsdd", tmp_path / "in" / "out", Release((tmp_path / "a.tar").as_uri()), tell=lambda line: None)
    assert not list(tmp_path.rglob("escaped")) and not list((tmp_path / "in").iterdir())
