"""A container cannot ask for more than its size is worth: hostile ones, read in a process of little memory."""

import subprocess
import sys
import zlib
from dataclasses import replace

import numpy as np
import pytest
from adr_runtime.coding import archive, container, plain_codecs
from adr_runtime.coding.container import Container, Entry, Environment, Section
from adr_runtime.coding.varints import Writer
from adr_runtime.errors import ADRError

HERE = Environment("1.31.1", "2.4.6", "0.5.0", "x86_64", 1, b"f" * 8)
SECTION = Section("m", b"h" * 8, 0, 20, ((1,) * 8,), HERE, 4)
READ = """
import resource, sys
import numpy, constriction
from adr_runtime.coding import archive
from adr_runtime.coding import container
from adr_runtime.errors import ADRError

def find(section):
    raise SystemExit("asked for a model")

before = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (before + (64 << 20),) * 2)
for path in sys.argv[1:]:
    try:
        archive.decode_files(container.unpack(open(path, "rb").read(), "x"), find, "x")
        raise SystemExit(f"{path} was read")
    except ADRError as error:
        assert "damaged" in str(error) and "\\n" not in str(error), error
"""


def text(size, codec=0, stored=b"", section=0, path="", extra=(b"", b"")):
    return Entry(path, "text", (size,), b"8" * 8, codec, section, stored, extra)


def packed(entries, sections=(), folder=False):
    return container.pack(Container(folder, tuple(sections), tuple(entries), tuple(b"code" for _ in sections)))


def header(*parts):
    """A container of nothing but a header, as a stranger may write it."""
    out = Writer()
    for part in parts:
        out.number(part) if isinstance(part, int) else out.data.extend(part)
    return container.seal(bytes(out.data), b"")


def bombs():
    bomb = zlib.compressobj(9, zlib.DEFLATED, -15)
    deflated = bomb.compress(bytes(1 << 30 >> 4)) + bomb.flush()
    out = Writer()
    out.data += container.MAGIC + bytes([container.VERSION])
    out.bytes(deflated)
    yield "a header of 64 MB in 64 KB", bytes(out.data) + zlib.crc32(out.data).to_bytes(4, "little")
    for codec in plain_codecs.NAMES:
        yield f"16 GB in 50 bytes, {codec}", packed([text(1 << 34, codec, deflated[:20])])
    yield "16 GB by a model", packed([text(1 << 34)], [SECTION])
    picture = Entry("", "image:RGB", (1 << 16, 1 << 16, 3), b"8" * 8, 0)
    yield "a picture by a model", packed([picture], [SECTION])
    files = [text(4000, section=i % 2, path=str(i)) for i in range(200)]
    yield "many files of a little each", packed(files, [SECTION, SECTION], True)
    yield "1,000 sections", packed([text(1, path=str(i), section=i) for i in range(1000)], [SECTION] * 1000, True)
    yield "a section that no file uses", packed([text(3, 1, b"abc")], [SECTION])
    yield "a file of no section", packed([text(3, section=1)], [SECTION])
    yield "2^40 entries", header(1, 0, 1 << 40)
    yield (
        "1,024 threads",
        packed([text(3)], [Section("m", b"h" * 8, 0, 20, (), Environment("1", "2", "3", "x", 1024, b"f"), 4)]),
    )
    wide = [Section("m", b"h" * 8, 0, 20, ((1,) * 600_000,), HERE, 4)] * 2
    yield "a million steps", packed([text(3, path="a"), text(3, section=1, path="b")], wide, True)
    entry = b"\0\4text\1\3" + b"8" * 8 + b"\1\3"
    yield "extra bytes of 16 GB", header(0, 0, 1, entry, 1 << 34, 0, 1, 0)
    for codec in (0, 5):
        yield f"extra bytes of the codec {codec}", header(0, 0, 1, entry, 1, 0, codec, 0)


@pytest.mark.skipif(sys.platform != "linux", reason="limits the memory of a process as Linux does")
def test_what_a_container_asks_for_is_bounded_by_its_size(tmp_path):
    paths = []
    for number, (name, data) in enumerate(bombs()):
        assert len(data) < 80_000, name
        paths.append(tmp_path / f"{number} {name.replace('/', ' ')}")
        paths[-1].write_bytes(data)
    done = subprocess.run([sys.executable, "-c", READ, *paths], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("paths", [["a", "a"], ["a", "a/b"], ["a/b", "a.c", "a"], ["x/y/z", "x/y"], ["a", "b", "a"]])
def test_a_path_that_is_listed_twice_is_refused(paths):
    with pytest.raises(ADRError, match=r"damaged: lists '.*' twice"):
        container.unpack(packed([text(3, 1, b"abc", path=path) for path in paths], folder=True), "x")


def test_paths_that_only_look_alike_are_read():
    paths = ["a", "a.b", "a b/c", "ab", "a\\b", "b/a", "B", "a:b", "\udcff"]
    found = container.unpack(packed([text(3, 1, b"abc", path=path) for path in paths], folder=True), "x")
    assert [entry.path for entry in found.entries] == paths


def test_what_packs_extremely_well_stays_within_the_limits(models):
    """Headers, values by a model, and what the codecs make, each as regular as can be."""
    alike = [text(3, 1, b"abc", path=f"{'a' * 2000}/{i:05d}") for i in range(500)]
    assert len(container.unpack(packed(alike, folder=True), "x").entries) == 500
    zeros = bytes(1 << 22)
    codec, data = plain_codecs.pack_plain(zeros)
    assert len(zeros) <= plain_codecs.MOST * len(data)
    assert plain_codecs.unpack_plain(codec, data, len(zeros), "x") == zeros
    model = models["symbols"]
    likely, sure = model.predict, np.full((1, 1, 256), -1e4, np.float32)
    sure[..., 0] = 0
    model.predict = lambda low, known, stage, index: np.broadcast_to(sure, (*index.shape, 256))
    try:
        files = [archive.File("", "text", np.zeros(50_000, np.uint8))]
        made = container.pack(archive.encode_files([(model, files)], False, 2, choose=False))
        assert len(made) < 200
        back = archive.decode_files(container.unpack(made, "x"), lambda section: model, "x")
    finally:
        model.predict = likely
    assert not back[0].data.any()


@pytest.mark.parametrize("codec", plain_codecs.NAMES)
def test_every_codec_comes_back_and_tells_a_wrong_size(codec):
    data = b"to be or not to be, " * 40
    packed = {
        plain_codecs.STORED: data, plain_codecs.DEFLATE: plain_codecs.deflate(data),
        plain_codecs.BZIP2: plain_codecs.bz2.compress(data),
        plain_codecs.LZMA: plain_codecs.lzma.compress(data, 3, filters=plain_codecs.lzma_filters(len(data))),
    }[codec]  # fmt: skip
    assert plain_codecs.unpack_plain(codec, packed, len(data), "x") == data
    for size in (len(data) - 1, len(data) + 1):
        with pytest.raises(ADRError, match="damaged"):
            plain_codecs.unpack_plain(codec, packed, size, "x")
    with pytest.raises(ADRError, match="damaged"):
        plain_codecs.unpack_plain(codec, b"\xff" * 20, len(data), "x")


def test_decoding_stops_where_the_bytes_end(models):
    """Coded bytes that are too few for what they are said to hold: the model is not asked to the end."""
    model, calls = models["symbols"], []
    data = np.frombuffer(np.random.default_rng(0).bytes(4000), np.uint8)
    made = archive.encode_files([(model, [archive.File("", "text", data)])], False, 24, choose=False)
    cut = made.coded[0][:40]
    short = Container(False, (replace(made.sections[0], length=40),), made.entries, (cut,))
    real = model.predict
    model.predict = lambda *feed: calls.append(1) or real(*feed)
    try:
        with pytest.raises(ADRError, match="damaged"):
            archive.decode_files(short, lambda section: model, "x")
    finally:
        model.predict = real
    # All of it would be 11 batches of 24 calls, and those of the fingerprint.
    assert len(calls) < 60
