"""Lossless means lossless: round trips of everything that comes to mind, and one clear line where it cannot be."""

import io
import sys
import zlib
from dataclasses import replace

import adr_runtime
import numpy as np
import pytest
from adr_runtime.any_order.blocks import Blocks, block_count, from_blocks, refuse_unsayable
from adr_runtime.any_order.config import AnyOrderConfig
from adr_runtime.any_order.mulaw import to_mulaw
from adr_runtime.any_order.scoring import score_blocks
from adr_runtime.any_order.variables import VariablesSpec
from adr_runtime.coding import archive, batches, container, entropy
from adr_runtime.coding.archive import File
from adr_runtime.coding.varints import Writer
from adr_runtime.errors import ADRError, InputError
from adr_runtime.media.exact import pictures, png
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

HERE = container.Environment("1.31.1", "2.4.0", "0.5.0", "x86_64", 1, b"f" * 8)
GOLDEN = (
    "4152444d033f636464cce5c88002761146266626264664cb0dd02c4f83021626d644bd928a1288e5cc0c409d2cac6cec4016"
    "036b925e415e3ab2254c707906063636461e00636f64656265666f7265626568696e64616263cc7e83af"
)
SLOW = {"deadline": None, "suppress_health_check": [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]}


def round_trip(model, files, folder=True, steps=None, seed=0, choose=False):
    """Through the bytes of a container and back, by the model whether it is worth it or not."""
    made = container.pack(archive.encode_files([(model, files)], folder, steps, seed, choose))
    found = archive.decode_files(container.unpack(made, "x"), lambda section: model, "x")
    assert [f.path for f in found] == [f.path for f in files]
    for a, b in zip(found, files, strict=True):
        assert a.kind == b.kind and a.data.dtype == b.data.dtype and np.array_equal(a.data, b.data)
    return made


@given(st.lists(st.binary(max_size=80), min_size=1, max_size=4), st.integers(1, 24), st.integers(0, 2**32 - 1))
@settings(max_examples=40, **SLOW)
def test_bytes_come_back(models, texts, steps, seed):
    files = [File(str(i), "text", np.frombuffer(t, np.uint8)) for i, t in enumerate(texts)]
    round_trip(models["symbols"], files, steps=steps, seed=seed)


PICTURES = arrays.arrays(
    np.uint8,
    st.tuples(st.integers(1, 20), st.integers(1, 20), st.integers(1, 4)),
    elements=st.sampled_from([0, 1, 2, 127, 128, 254, 255]) | st.integers(0, 255),
)


@given(PICTURES, st.integers(2, 30))
@settings(max_examples=40, **SLOW)
def test_pictures_of_any_size_come_back(models, pixels, steps):
    round_trip(models["colours"], [File("", "image:any", pixels)], folder=False, steps=steps)


@given(arrays.arrays(np.int16, st.tuples(st.integers(1, 50), st.integers(1, 2))))
@settings(max_examples=20, **SLOW)
def test_sound_comes_back(models, samples):
    round_trip(models["samples"], [File("a", "sound:8000", samples)], steps=6)


def test_sound_that_the_levels_cannot_say_is_refused(models):
    spec = replace(models["samples"].variables, levels=256)
    with pytest.raises(ADRError, match="do not fit into the 256 levels"):
        refuse_unsayable("sound:8000", np.zeros((3, 1), np.int16), spec)


def test_a_model_of_mulaw_scores_sound_as_it_hears_it():
    spec = VariablesSpec("sound", (1, 16, 1), 256, 256, 1, "none", "", 8000)
    samples = np.random.default_rng(0).integers(-32768, 32768, size=(20, 1)).astype(np.int16)
    values = Blocks([("sound:8000", samples.shape)], spec).read([samples], np.arange(2))
    assert (values.reshape(-1)[:20] == to_mulaw(samples[:, 0])).all()
    back = from_blocks("sound:8000", samples.shape, values, spec)
    assert (to_mulaw(back) == to_mulaw(samples)).all()


def test_a_picture_that_pillow_takes_for_another_mode_says_so():
    data = io.BytesIO()
    Image.fromarray(np.zeros((4, 4, 3), np.uint8)).save(data, "PNG")
    with pytest.raises(InputError, match=r"^x: is a PNG that Pillow takes for RGB"):
        png.decode(data.getvalue(), "L", "x")
    with pytest.raises(InputError, match=r"^x: is a PNG that Pillow takes for RGB"):
        pictures.decode(data.getvalue(), "PNG", "L", "x")
    with pytest.raises(InputError, match=r"^x: is a damaged PNG"):
        png.decode(data.getvalue()[:40], "RGB", "x")


def test_many_files_share_a_container_and_its_batches(models):
    random = np.random.default_rng(0)
    shapes = [(8, 8, 3), (8, 8, 3), (9, 17, 3), (8, 8, 1), (8, 8, 4), (3, 2, 2)] * 4
    files = [File(f"{i}", "image:x", random.integers(256, size=s, dtype=np.uint8)) for i, s in enumerate(shapes)]
    whole = len(round_trip(models["colours"], files, steps=4))
    assert whole < sum(len(round_trip(models["colours"], [f], steps=4)) for f in files)


def test_what_is_coded_is_what_the_model_charges(models):
    """Bytes of the coded stream against the model's own bits: within one part in a hundred, plus the last words."""
    model = models["colours"]
    random = np.random.default_rng(1)
    ramp = (np.add.outer(np.arange(32), np.arange(32)) * 3)[..., None] + random.integers(8, size=(32, 32, 3))
    data = [ramp.astype(np.uint8), ramp[:9, :17].astype(np.uint8)]
    blocks = Blocks([("image:RGB", d.shape) for d in data], model.variables)
    coded, costs = batches.encode(model, blocks, data, 0, model.policy(12))
    bits, _ = score_blocks(model, blocks, data, model.policy(12), 0)
    assert 8 * len(coded) == pytest.approx(costs.sum(), rel=0.001, abs=64)
    assert costs == pytest.approx([bits[:16].sum(), bits[16:].sum()], rel=0.01)


@given(st.lists(st.floats(-1e4, 20), min_size=2, max_size=300))
@settings(deadline=None)
def test_frequencies_are_positive_and_add_up(values):
    log_p = np.array(values, np.float32)[None]
    found = entropy.frequencies(log_p)
    assert found.min() >= 1 and found.sum() == entropy.TOTAL
    p = np.exp(log_p.astype(np.float64) - log_p.max())
    assert np.abs(found / entropy.TOTAL - p / p.sum()).max() < 2 * len(values) / entropy.TOTAL


def test_the_coder_is_exact_on_extreme_tables():
    random = np.random.default_rng(0)
    tables = [np.full(256, -1e4), np.zeros(256), np.linspace(-30, 0, 256), random.normal(size=256) * 20]
    log_p = np.stack([t.astype(np.float32) for t in tables for _ in range(200)])
    digits = random.integers(256, size=len(log_p))
    encoder = entropy.Encoder()
    encoder.push(digits, log_p)
    other = entropy.Encoder()
    # The layout in memory is no part of the numbers.
    other.push(digits, np.asfortranarray(log_p))
    assert encoder.finish() == other.finish()
    decoder = entropy.Decoder(encoder.finish(), "x")
    assert (decoder.pull(log_p) == digits).all()


@given(PICTURES.filter(lambda p: p.shape[2] != 2))
@settings(max_examples=40, deadline=None)
def test_blocks_are_undone(models_spec, pixels):
    spec = models_spec
    files = [("image:x", pixels.shape), ("image:x", (3, 9, 3)), ("image:x", pixels.shape)]
    data = [pixels, np.zeros((3, 9, 3), np.uint8), pixels ^ 1]
    blocks, back = Blocks(files, spec), [np.zeros_like(d) for d in data]
    assert len(blocks) == sum(block_count(kind, shape, spec) for kind, shape in files)
    target, rows = 0, []
    for batch in blocks.batches(4):
        values, bare = blocks.read(data, batch.rows), blocks.read([d * 0 for d in data], batch.rows)
        assert (values[:, batch.observed] == bare[:, batch.observed]).all() and len(batch.rows) <= 4
        blocks.write(back, batch.rows, np.where(batch.target | batch.observed, values, 0))
        target, rows = target + int(batch.target.sum()) * len(batch.rows), [*rows, *batch.rows]
    assert sorted(rows) == list(range(len(blocks))) and target == sum(d.size for d in data)
    assert all(map(np.array_equal, back, data))


@pytest.fixture(scope="module", params=["subtract_green", "none"])
def models_spec(request):
    return VariablesSpec("image", (8, 8, 3), 256, 256, 1, request.param, "", 0)


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
    """Every byte of header and coded bytes changed in several ways, sealed again: one line, or the right answer."""
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
        for value in {0, 1, 127, 128, 255, int(random.integers(256))} - {body[at]}:
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


def test_noise_is_never_much_larger_than_it_was(models):
    noise = np.frombuffer(np.random.default_rng(0).bytes(5000), np.uint8)
    assert len(round_trip(models["symbols"], [File("", "text", noise)], folder=False, choose=True)) < 5000 + 60
    assert len(round_trip(models["symbols"], [File("", "text", noise[:0])], folder=False, choose=True)) < 60


def test_without_constriction_one_line_says_what_to_install(any_order, tmp_path, monkeypatch, models):
    monkeypatch.setitem(sys.modules, "constriction", None)
    with pytest.raises(ADRError, match=r"adr-runtime\[compress\]"):
        archive.encode_files([(models["symbols"], [File("", "text", np.zeros(3, np.uint8))])], False, choose=False)
