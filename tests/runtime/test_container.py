"""The compressed file: its format is pinned; what is damaged, lies or comes from elsewhere never passes for right."""

import zlib
from dataclasses import replace

import adr_runtime
import numpy as np
import pytest
from adr_runtime.any_order.blocks import from_blocks
from adr_runtime.any_order.config import AnyOrderConfig
from adr_runtime.coding import archive, container, entropy
from adr_runtime.coding.archive import File
from adr_runtime.coding.varints import Writer
from adr_runtime.errors import ADRError
from hypothesis import given, settings
from hypothesis import strategies as st

HERE = container.Environment("1.31.1", "2.4.0", "0.5.0", "x86_64", 1, b"f" * 8)
GOLDEN = (
    "4152444d033f636464cce5c88002761146266626264664cb0dd02c4f83021626d644bd928a1288e5cc0c409d2cac6cec4016"
    "036b925e415e3ab2254c707906063636461e00636f64656265666f7265626568696e64616263cc7e83af"
)


def test_a_flipped_bit_anywhere_is_found(coded):
    for at in range(len(coded)):
        damaged = bytearray(coded)
        damaged[at] ^= 1 << at % 8
        with pytest.raises(ADRError, match=r"damaged|not a file of|format \d+, this version"):
            container.unpack(bytes(damaged), "x")


def test_every_truncation_is_found(coded):
    for size in range(len(coded)):
        with pytest.raises(ADRError, match=r"damaged|not a file of"):
            container.unpack(coded[:size], "x")
    with pytest.raises(ADRError, match="damaged"):
        container.unpack(coded + b"x", "x")


@given(st.binary(max_size=200))
@settings(max_examples=300, deadline=None)
def test_nonsense_with_a_right_checksum_is_refused_in_one_line(data):
    body = container.MAGIC + bytes([container.VERSION]) + data
    for whole in (body + zlib.crc32(body).to_bytes(4, "little"), container.seal(data, b"")):
        try:
            archive.decode_files(container.unpack(whole, "x"), lambda section: pytest.fail("no model is named"), "x")
        except ADRError as error:
            assert "\n" not in str(error)


def test_the_format_is_pinned(models):
    """A file of format 3 must stay readable; another dictionary or order of fields would be another format."""
    section = container.Section("m", b"h" * 8, 7, 20, ((3, 3, 2),), HERE, 4)
    entries = (
        container.Entry("a.txt", "text", (3,), bytes(range(8)), 1, 0, b"abc"),
        container.Entry("b.png", "image:RGB", (1, 2, 3), bytes(range(8)), 0, 0, b"", (b"before", b"behind")),
    )
    made = container.Container(True, (section,), entries, (b"code",))
    golden = bytes.fromhex(GOLDEN)
    assert container.pack(made) == golden
    assert container.unpack(golden, "x") == made


def test_small_files_cannot_ask_for_much_memory():
    """A policy of many stages with long runs, a stream with something behind its end, and one that ends early."""
    section = container.Section("m", b"h" * 8, 0, 20, ((1,) * 65536,) * 16, HERE, 0)
    whole = container.pack(container.Container(True, (section,), (), ()))
    assert container.unpack(whole, "x").sections[0].policy == section.policy
    small, half = replace(section, policy=((1,) * 8,)), replace(section, policy=((1,) * 600_000,))
    for sections in (
        [replace(section, policy=policy) for policy in [((1,) * 65536,) * 17]],
        [replace(section, policy=((1,) * (1 << 20), (1,)))], [replace(section, policy=((),) * 17)],
        [half, half], [small] * 17, [replace(small, environment=replace(HERE, threads=65))],
    ):  # fmt: skip
        big = container.pack(container.Container(True, tuple(sections), (), ()))
        with pytest.raises(ADRError, match="damaged"):
            container.unpack(big, "x")
    length = whole[5] & 127 | whole[6] << 7 if whole[5] > 127 else whole[5]
    first = 7 if whole[5] > 127 else 6
    stream = whole[first : first + length]
    for changed in (stream[:-1], stream + b"junk"):
        out = Writer()
        out.data += whole[:5]
        out.bytes(changed)
        with pytest.raises(ADRError, match="damaged"):
            container.unpack(bytes(out.data) + zlib.crc32(out.data).to_bytes(4, "little"), "x")


def test_shapes_that_fit_into_no_memory_are_refused():
    for codec in (1, 2, 3, 4):
        entry = container.Entry("", "text", (1 << 39,), b"8" * 8, codec, 0, zlib.compress(b"abc"))
        with pytest.raises(ADRError, match="damaged"):
            archive.decode_files(container.Container(False, (), (entry,), ()), lambda section: pytest.fail("none"), "x")


@pytest.mark.parametrize("name", ["symbols", "colours"])
def test_headers_that_lie_are_refused_or_harmless(name, models, monkeypatch):
    """Every byte of the header changed in several ways, and every coded one, sealed again: one line, or the right
    answer."""
    model, random = models[name], np.random.default_rng(0)
    sampling = AnyOrderConfig(temperature=0.3, seed=1).resolve(model.manifest)
    likely = model.sample(np.zeros((2, model.variables.dimensions), np.int64), *masks(model), sampling, seed=1)
    kind, shape = ("text", (48,)) if name == "symbols" else ("image:RGB", (16, 8, 3))
    data = from_blocks(kind, shape, likely, model.variables)
    made = archive.encode_files([(model, [File("", kind, data)])], False, 4, 1, choose=False)
    sealed: list[tuple[bytes, bytes]] = []
    monkeypatch.setattr(container, "seal", lambda *parts: sealed.append(parts) or b"")
    container.pack(made)
    monkeypatch.undo()
    (header, rest), refused = sealed[0], 0
    body = header + rest
    for at in range(len(body)):
        values = {0, 1, 127, 128, 255} if at < len(header) else set()
        for value in {*values, int(random.integers(256))} - {body[at]}:
            changed = body[:at] + bytes([value]) + body[at + 1 :]
            whole = container.seal(changed[: len(header)], changed[len(header) :])
            try:
                found = archive.decode_files(container.unpack(whole, "x"), lambda section: model, "x")
                assert np.array_equal(found[0].data, data)
            except ADRError as error:
                assert "\n" not in str(error)
                refused += 1
    assert refused > len(body)


def masks(model):
    """Nothing observed, everything the target."""
    return np.zeros(model.variables.dimensions, bool), np.ones(model.variables.dimensions, bool)


def test_another_environment_is_noticed_before_anything_is_decoded(models, coded, monkeypatch):
    monkeypatch.setattr(archive, "fingerprint", lambda model, rows: b"elsewhere")
    monkeypatch.setattr(archive, "decode", lambda *_: pytest.fail("decoded in another environment"))
    with pytest.raises(ADRError, match=r"computes other numbers; decode it on a processor"):
        archive.decode_files(container.unpack(coded, "x"), lambda section: models["symbols"], "x")


def test_predictions_that_differ_never_pass_for_right(models, coded, monkeypatch):
    """Should the network change its mind after the fingerprint was taken, the checksum still stands in the way."""
    real = entropy.frequencies
    monkeypatch.setattr(entropy, "frequencies", lambda log_p: real(log_p[..., ::-1]))
    monkeypatch.setattr(
        archive, "fingerprint", lambda model, rows: container.unpack(coded, "x").sections[0].environment.fingerprint
    )
    with pytest.raises((ADRError, AssertionError), match=r"checksum|damaged"):
        archive.decode_files(container.unpack(coded, "x"), lambda section: models["symbols"], "x")


def test_the_fingerprint_tells_models_and_batches_apart(models, any_order, tmp_path):
    prints = {entropy.fingerprint(models[name], (1,)) for name in ("symbols", "greys", "colours")}
    assert len(prints) == 3
    again = adr_runtime.load(any_order["greys"], "cpu", threads=2)
    assert entropy.fingerprint(again, (1, 16)) == entropy.fingerprint(models["greys"], (1, 16))
    assert entropy.fingerprint(models["greys"], (1,)) != entropy.fingerprint(models["greys"], (2,))
