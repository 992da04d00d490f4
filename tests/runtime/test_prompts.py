"""What is given: sizes are checked by the header, memory does not grow with the length, and damage is one line."""

import tracemalloc

import adr_runtime
import numpy as np
import pytest
import soundfile
from adr_runtime import InputError
from adr_runtime.causal import codec as encoding
from adr_runtime.causal import stream
from adr_runtime.media import reading as prompts
from adr_runtime.media.reading import read_audio, read_picture, read_unchanged
from adr_runtime.media.resampling import resample, resampled


def flac_that_claims(path, samples):
    """A FLAC file of 4,000 samples whose header says something else."""
    soundfile.write(path, np.zeros(4000, np.int16), 8000)
    data = bytearray(path.read_bytes())
    word = int.from_bytes(data[18:26], "big") >> 36 << 36
    data[18:26] = (word | samples).to_bytes(8, "big")
    path.write_bytes(data)


def test_sounds_that_are_refused_by_their_header(tmp_path, monkeypatch):
    soundfile.write(tmp_path / "slow.wav", np.zeros(2000, np.int16), 1)
    soundfile.write(tmp_path / "wide.wav", np.zeros((1, 65), np.int16), 8000)
    soundfile.write(tmp_path / "long.wav", np.zeros(500 * 3600 + 1, np.int16), 500, "PCM_U8")
    flac_that_claims(tmp_path / "claims.flac", (1 << 36) - 1)
    monkeypatch.setattr(soundfile.SoundFile, "read", lambda *_, **__: pytest.fail("nothing may be decoded"))
    for name, says in (
        ("slow.wav", "1 Hz; a prompt may have from 500 to 768000 Hz"),
        ("wide.wav", "65 channels; a prompt may have up to 64"),
        ("long.wav", "at that rate a prompt may have up to 3600 s"),
        ("claims.flac", "8589935 s at 8000 Hz by its header"),
    ):
        with pytest.raises(InputError, match=says):
            read_audio(tmp_path / name, 8000)


def test_a_header_that_claims_too_little_or_too_much_is_no_crash(tmp_path):
    flac_that_claims(tmp_path / "x.flac", 5000)
    with pytest.raises(InputError, match="not a readable sound file"):
        read_audio(tmp_path / "x.flac", 8000)
    flac_that_claims(tmp_path / "x.flac", 3000)
    assert len(read_audio(tmp_path / "x.flac", 8000)) == 3000


def test_sound_is_decoded_and_resampled_in_constant_memory(tmp_path, monkeypatch):
    """Beside the result, what is taken for 40 s is what is taken for 20."""
    monkeypatch.setattr(prompts, "BLOCK", 1 << 12)
    beside = []
    for seconds in (20, 40):
        soundfile.write(tmp_path / "x.wav", np.zeros((seconds * 16000, 2), np.int16), 16000)
        tracemalloc.start()
        result = read_audio(tmp_path / "x.wav", 500)
        beside.append(tracemalloc.get_traced_memory()[1] - 2 * result.nbytes)
        tracemalloc.stop()
        assert len(result) == seconds * 500
    # The whole sound as float64 would be 2.5 MB more for the longer one.
    assert beside[1] < beside[0] + 200_000


@pytest.mark.parametrize("rate, wanted", [(44100, 8000), (8000, 44100), (8001, 8000), (800, 8000), (500, 768000)])
@pytest.mark.parametrize("length", [1, 40, 5000])
def test_blocks_of_any_size_resample_to_the_same_samples(rate, wanted, length):
    random = np.random.default_rng(length)
    samples = random.standard_normal(min(length, 3000 * rate // wanted + 40)).astype(np.float32)
    whole = resample(samples, rate, wanted)
    cuts = np.sort(random.integers(0, len(samples) + 1, 7))
    np.testing.assert_array_equal(np.concatenate(list(resampled(np.split(samples, cuts), rate, wanted))), whole)
    assert len(whole) == max(round(len(samples) * wanted / rate), 1)


@pytest.mark.parametrize("rate, wanted", [(44100, 8000), (7919, 8000)])
def test_resampling_is_the_windowed_sum_that_it_says(rate, wanted):
    samples = np.random.default_rng(0).standard_normal(3000).astype(np.float32)
    cutoff = min(1, wanted / rate)
    reach = int(np.ceil(32 / cutoff))
    found = resample(samples, rate, wanted)
    for n in (0, 7, 200, len(found) - 1):
        distance = n * rate / wanted - np.arange(3000)
        window = np.where(np.abs(distance) <= reach, 0.5 + 0.5 * np.cos(np.pi * distance / reach), 0)
        expected = (samples * cutoff * np.sinc(cutoff * distance) * window).sum()
        assert abs(found[n] - expected) < 1e-6


def test_rates_with_too_little_in_common_are_refused():
    with pytest.raises(InputError, match="767999 Hz cannot be resampled to 8000 Hz here"):
        resample(np.zeros(10, np.float32), 767_999, 8000)


@pytest.fixture
def sizes(monkeypatch):
    """What reaches the graphs: the lengths of their arrays, by graph."""

    def watch(model):
        seen = {name: [] for name in ("encode", "parallel", "decode")}
        for name, axis in (("encode", "samples"), ("parallel", "tokens"), ("decode", "tokens")):
            run = model.sessions[name].run

            def watched(feed, keep=(), run=run, name=name, axis=axis):
                seen[name].append(feed[axis].shape)
                return run(feed, keep)

            monkeypatch.setattr(model.sessions[name], "run", watched)
        return seen

    return watch


@pytest.mark.parametrize("name", ["sound", "latent", "portable-sound"])
@pytest.mark.parametrize("piece", [1, 7, 50])
def test_pieces_encode_to_the_whole(exported, monkeypatch, name, piece):
    """With exactly the left context that is taken from the codec's states."""
    model = adr_runtime.load(exported.get(name, name), "cpu")
    audio, encode = model.manifest.audio, model.sessions["encode"]
    samples = np.random.default_rng(0).standard_normal(audio.hop * 120).astype(np.float32) * 0.3
    whole = encode.run({"samples": samples[None]})["tokens"]
    monkeypatch.setattr(encoding, "PIECE", piece)
    parts = list(encoding.encode(encode, model.manifest, samples))
    assert len(parts) == -(-120 // piece)
    np.testing.assert_allclose(np.concatenate(parts, 1), whole, rtol=0, atol=1e-6)


def test_the_left_context_is_needed(exported, monkeypatch):
    """Without it the pieces differ, so the test above can fail."""
    model = adr_runtime.load(exported["latent"], "cpu")
    samples = np.random.default_rng(0).standard_normal(8 * 120).astype(np.float32)
    whole = model.sessions["encode"].run({"samples": samples[None]})["tokens"]
    monkeypatch.setattr(encoding, "PIECE", 50)
    monkeypatch.setattr(encoding, "left_context", lambda _: 0)
    parts = list(encoding.encode(model.sessions["encode"], model.manifest, samples))
    assert np.abs(np.concatenate(parts, 1) - whole).max() > 1e-3


@pytest.mark.parametrize("name", ["sound", "latent", "softmax-sound"])
def test_a_long_prompt_goes_through_the_graphs_in_pieces(exported, monkeypatch, sizes, name):
    """No array grows with the prompt, and what follows is what follows the whole prompt."""
    model = adr_runtime.load(exported[name], "cpu")
    hop, prompt = 8, np.random.default_rng(0).standard_normal(8 * 300 + 3).astype(np.float32) * 0.1
    options = {"label": "mid", "seconds": 0.2, "steps": 4, "seed": 1}
    whole = model.generate(prompt=prompt, **options).samples
    back = model.reconstruct(prompt)
    monkeypatch.setattr(encoding, "PIECE", 32)
    monkeypatch.setattr(stream, "PIECE", 32)
    seen = sizes(model)
    np.testing.assert_allclose(model.generate(prompt=prompt, **options).samples, whole, rtol=0, atol=2e-4)
    context = encoding.left_context(model.manifest)
    assert max(shape[1] for shape in seen["encode"]) <= (32 + context) * hop
    assert max(shape[1] for shape in seen["parallel"]) <= 32
    seen["decode"].clear()
    np.testing.assert_allclose(model.reconstruct(prompt), back, rtol=0, atol=1e-5)
    assert max(shape[1] for shape in seen["decode"]) <= 32


def test_many_rows_share_the_memory_of_a_piece(exported, sizes):
    model = adr_runtime.load(exported["sound"], "cpu")
    seen = sizes(model)
    model.stream(label="low", count=64, prompt=np.zeros(8 * 600, np.float32), seed=1, guidance=1)
    assert {shape[0] for shape in seen["decode"]} == {64}
    assert max(shape[0] * shape[1] for name in ("parallel", "decode") for shape in seen[name]) <= 16 * 512


def test_long_and_impossible_names_are_no_file(tmp_path):
    for name in ("x" * 300, "a\0b", "a\ud800b"):
        for read in (lambda path: read_audio(path, 8000), lambda path: read_picture(path, 8, 1), read_unchanged):
            with pytest.raises(InputError, match="no such file"):
                read(tmp_path / name)


def test_what_is_no_sound_is_not_reconstructed(exported):
    model = adr_runtime.load(exported["latent"], "cpu")
    for samples in (np.float32(1), np.zeros((2, 8)), np.full(8, np.nan), np.array([""]), ["x"], np.zeros(8, complex)):
        with pytest.raises(InputError, match="samples must be finite numbers"):
            model.reconstruct(samples)
    assert model.reconstruct(np.zeros(8, np.int16)).shape == (8,)
