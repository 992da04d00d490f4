"""A state goes on where it was saved, and one that is damaged or of another version is refused in one line."""

import adr_runtime
import numpy as np
import pytest
from adr_runtime import ADRError, DamagedFileError, InputError
from adr_runtime.causal.stream_header import MAX_CHUNK
from stream_states import SETTINGS, STREAMS, opened, refuse, sealed


@pytest.mark.parametrize("name", STREAMS)
def test_the_same_samples_whatever_the_stream(loaded, name):
    """For a growing cache, a decoder with states, a playlist, several rows; saved at once, and again and again."""
    whole = loaded[name].stream(**{**SETTINGS, **STREAMS[name]})
    saved = loaded[name].resume(loaded[name].stream(**{**SETTINGS, **STREAMS[name]}).state())
    for _ in range(6):
        np.testing.assert_array_equal(next(saved), next(whole))
        again = loaded[name].resume(saved.state())
        assert again.state() == saved.state()
        saved = again


def test_a_prompt_goes_into_the_state(loaded):
    model, prompt = loaded["sound"], np.linspace(-0.5, 0.5, 80).astype(np.float32)
    stream = model.stream(label="mid", seconds=0.2, prompt=prompt, **SETTINGS)
    again = model.resume(stream.state())
    np.testing.assert_array_equal(np.concatenate(list(again), 1), np.concatenate(list(stream), 1))


def test_the_layout_is_what_the_documentation_says(loaded, saved):
    """Read without the runtime: header, token, then states in the manifest's order."""
    header, arrays = opened(saved["sound"])
    model = loaded["sound"]
    assert header["position"] == 3 and header["settings"]["labels"] == [1] and header["past"] == 0
    stream = model.resume(saved["sound"])
    token = np.frombuffer(arrays[: 4 * 16 if len(stream.progress.token[0]) == 16 else 4 * 8], "<f4")
    np.testing.assert_array_equal(token, stream.progress.token[0])
    position = np.frombuffer(arrays[token.nbytes : token.nbytes + 16], "<i8")
    assert position.tolist() == [3, 3]
    overlap = np.frombuffer(arrays[-32:], "<f4")
    np.testing.assert_array_equal(overlap, stream.progress.decoder["past.overlap"][0])


def test_every_byte_flipped(loaded, saved):
    """The checksum is the whole's, so that no damage is taken for a state."""
    state, model = bytearray(saved["sound"]), loaded["sound"]
    for at in range(len(state)):
        state[at] ^= 1 << at % 8
        with pytest.raises(ADRError):
            model.resume(bytes(state))
        state[at] ^= 1 << at % 8
    for cut in (0, 1, 4, 5, 8, 9, 12, 13, 100, len(state) - 1):
        refuse(model, bytes(state[:cut]), "not a stream's state, or damaged")
    refuse(model, bytes(state) + b"\0", "checksum")


def test_states_of_other_versions(loaded, saved):
    header, arrays = opened(saved["sound"])
    refuse(loaded["sound"], b"PK\x03\x04" + bytes(100), "not a stream's state, or damaged")
    refuse(loaded["sound"], sealed(header, arrays, 3), "has version 3, this runtime reads 4; start the stream anew")
    refuse(loaded["sound"], sealed(header, arrays, 5), "has version 5, this runtime reads 4")
    refuse(loaded["latent"], saved["sound"], "is of another bundle")


def test_what_is_not_finite_is_not_saved(loaded):
    stream = loaded["sound"].stream(label="mid", **SETTINGS)
    next(stream)
    stream.progress.backbone["past.0.retention"] = np.full_like(stream.progress.backbone["past.0.retention"], np.nan)
    with pytest.raises(DamagedFileError, match=r"past\.0\.retention: expected finite numbers"):
        stream.state()


def test_arguments_of_a_stream_are_bounded(loaded):
    for wrong, says in (
        ({"chunk_tokens": 10**9}, f"chunk_tokens must be from 1 to {MAX_CHUNK}, not 1000000000"),
        ({"chunk_tokens": 0}, "chunk_tokens must be from 1"),
        ({"chunk_tokens": -(10**30)}, "chunk_tokens must be from 1"),
    ):
        with pytest.raises(InputError, match=says):
            loaded["sound"].stream(label="mid", **wrong)
    with pytest.raises(InputError, match="a playlist has up to 65536 words, not 65537"):
        loaded["latent"].stream(playlist=["low"] * 65_537)


def test_pictures_have_no_streams(exported):
    """The type says so; a bundle of pictures makes no model of audio."""
    assert not hasattr(adr_runtime.load(exported["picture"], "cpu"), "resume")
    with pytest.raises(adr_runtime.InputError, match="makes pictures: load it as an ImageModel"):
        adr_runtime.AudioModel.load(exported["picture"], "cpu")
