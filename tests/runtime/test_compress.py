"""Lossless means lossless: round trips of everything that comes to mind, and one clear line where it cannot be."""

import io
import sys
from dataclasses import replace

import numpy as np
import pytest
from adr_runtime.any_order.blocks import Blocks, block_count, from_blocks, refuse_unsayable
from adr_runtime.any_order.mulaw import to_mulaw
from adr_runtime.any_order.scoring import score_blocks
from adr_runtime.any_order.variables import VariablesSpec
from adr_runtime.coding import archive, batches, container, entropy
from adr_runtime.coding.archive import File
from adr_runtime.errors import ADRError, InputError
from adr_runtime.media.exact import rasters
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

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
        rasters.decode(data.getvalue(), "PNG", "L", "x")
    with pytest.raises(InputError, match=r"^x: is a damaged PNG"):
        rasters.decode(data.getvalue()[:40], "PNG", "RGB", "x")


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


def test_noise_is_never_much_larger_than_it_was(models):
    noise = np.frombuffer(np.random.default_rng(0).bytes(5000), np.uint8)
    assert len(round_trip(models["symbols"], [File("", "text", noise)], folder=False, choose=True)) < 5000 + 60
    assert len(round_trip(models["symbols"], [File("", "text", noise[:0])], folder=False, choose=True)) < 60


def test_without_constriction_one_line_says_what_to_install(any_order, tmp_path, monkeypatch, models):
    monkeypatch.setitem(sys.modules, "constriction", None)
    with pytest.raises(ADRError, match=r"adr-runtime\[compress\]"):
        archive.encode_files([(models["symbols"], [File("", "text", np.zeros(3, np.uint8))])], False, choose=False)
