"""The loaders on small files in the public layouts, and on broken ones: one line that names the file."""

import io
import pickle
import pickletools
import struct
import tarfile

import numpy as np
import pytest
import soundfile
from adr_runtime.errors import ADRError
from adr_train.data import cifar10 as data_cifar10
from adr_train.data.datasets import load_dataset
from adr_train.data.download import Release, download
from adr_train.data.plain_pickle import PickleRefused, read_plain_pickle
from adr_train.data.splits import spread
from adr_train.data.types import AudioClips, level
from adr_train.errors import TrainError
from hypothesis import given
from hypothesis import strategies as st


def refuse(says, name, folder, split="train"):
    with pytest.raises(TrainError, match=says) as caught:
        load_dataset(name, folder, split)
    assert "\n" not in str(caught.value)


def tone(samples, rate=8000):
    return (0.2 * np.sin(np.arange(samples) * 0.3)).astype(np.float32), rate


# CIFAR-10


def cifar_records(count, seed):
    random = np.random.default_rng(seed)
    return np.arange(count) % 10, random.integers(0, 256, (count, 3072), dtype=np.uint8)


def write_binary(folder, count=20):
    folder.mkdir(parents=True)
    for i, name in enumerate([*data_cifar10.TRAIN, "test_batch"]):
        labels, pixels = cifar_records(count, i)
        (folder / f"{name}.bin").write_bytes(np.concatenate([labels[:, None].astype(np.uint8), pixels], 1).tobytes())


def python2_pickle(labels, pixels):
    """A batch as the release holds it: protocol 2 as Python 2 wrote it, byte strings and all."""

    def text(value):
        return b"U" + bytes([len(value)]) + value

    def number(value):
        return b"K" + bytes([value])

    array = b"cnumpy.core.multiarray\n_reconstruct\nq\x01cnumpy\nndarray\nq\x02K\x00\x85U\x01b\x87Rq\x03("
    array += b"K\x01M" + struct.pack("<H", pixels.shape[0]) + b"M" + struct.pack("<H", pixels.shape[1]) + b"\x86"
    array += b"cnumpy\ndtype\nq\x04U\x02u1K\x00K\x01\x87Rq\x05(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    array += b"\x89T" + struct.pack("<I", pixels.size) + pixels.tobytes() + b"tb"
    labels = b"]q\x06(" + b"".join(map(number, labels)) + b"e"
    return (
        b"\x80\x02}q\x00(" + text(b"batch_label") + text(b"training batch 1 of 5") + text(b"labels") + labels
        + text(b"data") + array + b"u."
    )  # fmt: skip


def test_cifar10_binary_and_python_versions_agree(tmp_path):
    write_binary(tmp_path / "bin" / "cifar-10-batches-bin")
    for version, folder in (("python 2", "py2"), ("python 3", "py3")):
        (tmp_path / folder).mkdir()
        for i, name in enumerate([*data_cifar10.TRAIN, "test_batch"]):
            labels, pixels = cifar_records(20, i)
            if version == "python 2":
                data = python2_pickle(labels.tolist(), pixels)
                assert pickle.loads(data, encoding="bytes")[b"labels"] == labels.tolist()
            else:
                data = pickle.dumps({b"labels": labels.tolist(), b"data": pixels}, protocol=2)
            (tmp_path / folder / name).write_bytes(data)
    for split in ("train", "validation", "test"):
        binary = load_dataset("cifar10", tmp_path / "bin", split)
        for folder in ("py2", "py3"):
            python = load_dataset("cifar10", tmp_path / folder, split)
            np.testing.assert_array_equal(python.pixels, binary.pixels)
            np.testing.assert_array_equal(python.labels, binary.labels)
    labels, pixels = cifar_records(20, 5)
    test = load_dataset("cifar10", tmp_path / "bin", "test")
    assert test.pixels.shape == (20, 32, 32, 3)
    # Planes of red, green and blue, row by row.
    assert test.pixels[3, 2, 7].tolist() == [pixels[3, plane * 1024 + 2 * 32 + 7] for plane in range(3)]


def test_a_file_in_the_order_of_its_classes_validates_on_all_of_them(tmp_path):
    """The last tenth of such a file is one class, which training would then never see."""
    folder = tmp_path / "cifar-10-batches-bin"
    folder.mkdir()
    records = np.zeros((500, 3073), np.uint8)
    records[:, 0], records[:, 1] = np.arange(500) // 50, np.arange(500) % 50
    (folder / "test_batch.bin").write_bytes(records.tobytes())
    for i, name in enumerate(data_cifar10.TRAIN):
        (folder / f"{name}.bin").write_bytes(records[i * 100 : (i + 1) * 100].tobytes())
    train, validation = (load_dataset("cifar10", tmp_path, split) for split in ("train", "validation"))
    assert np.bincount(validation.labels, minlength=10).tolist() == [5] * 10
    assert len(train.labels) == 450 and np.bincount(train.labels).tolist() == [45] * 10
    seen = [set(zip(d.labels.tolist(), d.pixels[:, 0, 0, 0].tolist(), strict=True)) for d in (train, validation)]
    assert not seen[0] & seen[1]


@given(st.integers(1, 5000), st.integers(1, 5000), st.integers(0, 9))
def test_spread_indices_lie_in_every_stretch(total, count, seed):
    index = spread(total, count, seed)
    assert len(index) == min(total, count) and (np.diff(index) > 0).all() and 0 <= index[0] <= index[-1] < total
    edges = np.arange(count + 1) * total // count
    assert count >= total or ((edges[:-1] <= index) & (index < edges[1:])).all()
    assert (index == spread(total, count, seed)).all()


def test_cifar10_broken(tmp_path):
    refuse("neither test_batch.bin nor test_batch", "cifar10", tmp_path)
    refuse("no such folder", "cifar10", tmp_path / "none")
    folder = tmp_path / "bin"
    write_binary(folder)
    path = folder / "data_batch_3.bin"
    data = path.read_bytes()
    path.write_bytes(data[:-1])
    refuse(r"data_batch_3.bin: truncated: \d+ bytes", "cifar10", folder)
    path.write_bytes(b"\x0a" + data[1:])
    refuse("data_batch_3.bin: mislabelled: record 0 has label 10", "cifar10", folder)
    path.unlink()
    refuse("data_batch_3.bin: cannot read", "cifar10", folder)


class Hostile:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (exec, (f"open({str(self.path)!r}, 'w').close()",))


@pytest.mark.parametrize("protocol", range(6))
def test_no_pickle_is_executed(tmp_path, protocol):
    marker = tmp_path / "executed"
    data = pickle.dumps({b"labels": [1], b"data": Hostile(marker)}, protocol)
    with pytest.raises(PickleRefused):
        read_plain_pickle(data)
    assert not marker.exists()
    (tmp_path / "test_batch").write_bytes(data)
    refuse("test_batch: not a batch of CIFAR-10's Python version", "cifar10", tmp_path, "test")


plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner, inner),
    max_leaves=12,
)


@given(plain, st.integers(2, 5))
def test_plain_data_comes_back(value, protocol):
    try:
        found = read_plain_pickle(pickle.dumps(value, protocol))
    except PickleRefused as error:
        # Python writes empty bytes in protocol 2 as a call of the type itself.
        assert "no plain data" in str(error) and protocol == 2
        return
    assert found == value


@given(st.binary(max_size=60) | st.binary(max_size=60).map(lambda b: b"\x80\x02}(U\x01a" + b))
def test_random_bytes_are_refused_or_plain(data):
    try:
        read_plain_pickle(data)
    except PickleRefused:
        return
    pickletools.dis(data, out=io.StringIO())


# Speech Commands and FSDD


def write_commands(root, words=data_cifar10.NAMES[:0] or ("zero", "one", "two", "three", "four", "five", "six",
                                                          "seven", "eight", "nine")):  # fmt: skip
    lists = {"validation_list.txt": [], "testing_list.txt": []}
    for w, word in enumerate(words):
        (root / word).mkdir(parents=True)
        for i in range(4):
            name = f"{i:08x}_nohash_{i % 2}.wav"
            soundfile.write(root / word / name, tone(16000 - 100 * w, 16000)[0], 16000)
            if i > 1:
                lists[sorted(lists)[i - 2]].append(f"{word}/{name}")
    (root / "_background_noise_").mkdir()
    for file, lines in lists.items():
        (root / file).write_text("\n".join(lines) + "\n")


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


def write_fsdd(folder, count=12):
    folder.mkdir(parents=True)
    for digit in range(10):
        for speaker in ("ann", "bob"):
            for i in range(count):
                soundfile.write(folder / f"{digit}_{speaker}_{i}.wav", tone(1000 + 10 * i)[0], 8000)


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


def test_digits_and_names():
    parts = [load_dataset("digits", None, split) for split in ("train", "validation", "test")]
    assert [len(p.labels) for p in parts] == [1260, 179, 358] and parts[0].pixels.shape[1:] == (8, 8, 1)
    assert parts[0].pixels.max() == 255
    with pytest.raises(TrainError, match="unknown data set 'mnist'; there are digits, cifar10, fsdd"):
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


def test_an_archive_cannot_write_elsewhere(tmp_path):
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        member = tarfile.TarInfo("../escaped")
        member.size = 3
        tar.addfile(member, io.BytesIO(b"abc"))
    with pytest.raises(ADRError, match="not a whole archive"):
        download("fsdd", tmp_path / "in" / "out", Release((tmp_path / "a.tar").as_uri()), tell=lambda line: None)
    assert not (tmp_path / "in" / "escaped").exists() and not (tmp_path / "escaped").exists()
