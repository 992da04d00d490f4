"""Small files in the public layouts of the data sets, and what a loader says of broken ones."""

import struct

import numpy as np
import pytest
import soundfile
from adr_train.data import cifar10 as data_cifar10
from adr_train.data.datasets import load_dataset
from adr_train.errors import TrainError


def refuse(says, name, folder, split="train"):
    """Loading a split ends in one line that says this."""
    with pytest.raises(TrainError, match=says) as caught:
        load_dataset(name, folder, split)
    assert "\n" not in str(caught.value)


def tone(samples, rate=8000):
    """Samples of a sine, and their rate."""
    return (0.2 * np.sin(np.arange(samples) * 0.3)).astype(np.float32), rate


def cifar_records(count, seed):
    """Labels, and pixels as the release has them."""
    random = np.random.default_rng(seed)
    return np.arange(count) % 10, random.integers(0, 256, (count, 3072), dtype=np.uint8)


def write_binary(folder, count=20):
    """CIFAR-10's binary version."""
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


def write_fsdd(folder, count=12):
    """Recordings of ten digits by two speakers."""
    folder.mkdir(parents=True)
    for digit in range(10):
        for speaker in ("ann", "bob"):
            for i in range(count):
                soundfile.write(folder / f"{digit}_{speaker}_{i}.wav", tone(1000 + 10 * i)[0], 8000)
