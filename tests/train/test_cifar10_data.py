"""CIFAR-10 in both of its layouts, and the pickles of one of them, of which none is executed."""

import io
import pickle
import pickletools

import numpy as np
import pytest
from adr_train.data import cifar10 as data_cifar10
from adr_train.data.datasets import load_dataset
from adr_train.data.plain_pickle import PickleRefused, read_plain_pickle
from adr_train.data.splits import spread
from data_files import cifar_records, python2_pickle, refuse, write_binary
from hypothesis import given
from hypothesis import strategies as st


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
