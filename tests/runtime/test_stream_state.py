"""A state goes on where it was saved, and whatever else is given is refused in one line."""

import copy
import json
import zlib

import adr_runtime
import numpy as np
import pytest
from adr_runtime import ADRError, DamagedFileError, InputError
from adr_runtime.causal.stream_header import MAX_CHUNK
from hypothesis import given, settings
from hypothesis import strategies as st

SETTINGS = {"steps": 3, "guidance": 2.5, "seed": 9}
STREAMS = {
    "sound": {"label": "mid", "seconds": 0.5, "sampler": "ddpm"},
    "softmax-sound": {"label": "low", "chunk_tokens": 2},
    "latent": {"playlist": ["low", "high", "mid"], "speaker": "ben", "cycle": True},
    "portable-sound": {"label": ["mid", None, "low"], "seconds": 0.4},
}


@pytest.fixture(scope="module")
def loaded(exported):
    return {name: adr_runtime.load(exported[name], "cpu") for name in STREAMS}


@pytest.fixture(scope="module")
def saved(loaded):
    """A state of each kind of stream, after two chunks."""
    states = {}
    for name, wanted in STREAMS.items():
        stream = loaded[name].stream(**{**SETTINGS, **wanted})
        next(stream), next(stream)
        states[name] = stream.state()
    return states


def opened(state: bytes) -> tuple[dict, bytes]:
    end = 9 + int.from_bytes(state[5:9], "little")
    return json.loads(state[9:end]), state[end:-4]


def sealed(header, arrays: bytes, version: int = 4) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    whole = b"ADRS" + bytes([version]) + len(text).to_bytes(4, "little") + text + arrays
    return whole + zlib.crc32(whole).to_bytes(4, "little")


def refuse(model, state: bytes, *says: str) -> None:
    with pytest.raises(DamagedFileError) as caught:
        model.resume(state)
    line = str(caught.value)
    assert "\n" not in line and len(line) < 500
    for part in says:
        assert part in line, line


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


CHANGES = [
    (("skip",), 10**12, "skip: expected 0 to 8, found 1000000000000"),
    (("skip",), -1, "skip: expected 0 to 8"),
    (("chunk_tokens",), 10**9, f"chunk_tokens: expected 1 to {MAX_CHUNK}"),
    (("chunk_tokens",), 0, f"chunk_tokens: expected 1 to {MAX_CHUNK}"),
    (("limit",), 10**400, "not JSON: an integer of 401 digits"),
    (("limit",), 10**19, "limit: expected 1 to"),
    (("limit",), [1], "limit: expected int or NoneType"),
    (("emitted",), 1000, "emitted: expected no more than was made"),
    (("position",), -1, "position: expected 0 to 4294967295"),
    (("position",), 1 << 40, "position"),
    (("past",), 1, "past: expected 0 to 0"),
    (("several",), True, "several: expected no such key"),
    (("labels",), [], "labels: expected 1 to 4096 rows"),
    (("labels",), [0] * 5000, "labels: expected 1 to 4096 rows, found 5000"),
    (("labels",), [4], "labels: expected numbers from 0 to 3, found [4]"),
    (("labels",), [0, 0], "finished: expected 2 rows"),
    (("finished",), [1], "finished[0]: expected bool"),
    (("bundle",), "\ud800", "bundle: expected str"),
    (("bundle",), "\x1b[31m" + "x" * 60_000, "is of another bundle (\\x1b[31m"),
    (("surprise",), 1, "surprise: expected no such key"),
    (("settings", "temperature"), float("nan"), "settings.temperature: expected float"),
    (("settings", "temperature"), 11, "settings.temperature: expected 0 to 10"),
    (("settings", "guidance"), -1, "settings.guidance: expected 0 to 100"),
    (("settings", "guidance"), 1, "bytes of arrays"),
    (("settings", "steps"), 51, "settings.steps: expected 1 to 50"),
    (("settings", "steps"), 0, "settings.steps: expected 1 to 50"),
    (("settings", "sampler"), "euler", "settings.sampler: expected ddpm or ddim or dpm++"),
    (("settings", "seed"), -1, "settings.seed: expected 0 to 2^64 - 1"),
    (("settings", "seed"), 1 << 64, "settings.seed: expected int"),
    (("settings", "first_row"), 0, "settings.first_row: expected no such key"),
    (("settings", "labels"), [7], "settings.labels: expected 0 to 3"),
    (("settings", "speakers"), [1], "settings.speakers: expected 0 to 0"),
    (("settings", "speakers"), [], "settings.speakers: expected 1 rows"),
    (("playlist",), {"labels": [0], "pause": 0, "longest": 9, "cycle": True}, "playlist: expected null"),
]


@pytest.mark.parametrize("path, value, says", CHANGES)
def test_headers_that_no_stream_has(loaded, saved, path, value, says):
    header, arrays = opened(saved["sound"])
    place = header
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    refuse(loaded["sound"], sealed(header, arrays), "the stream's state", says)


@pytest.mark.parametrize(
    "field, value, says",
    [
        ("labels", [], "playlist.labels: expected 1 to 65536, found 0"),
        ("labels", [9], "playlist.labels: expected numbers from 0 to 3"),
        ("pause", -1, "playlist.pause"),
        ("pause", 1 << 40, "playlist.pause"),
        ("longest", 0, "playlist.longest"),
        ("made", 10**9, "playlist.made: expected less than playlist.longest"),
        ("quiet", 10**9, "playlist.quiet: expected up to playlist.pause"),
        ("word", -1, "playlist.word"),
        ("word", 1 << 40, "playlist.word"),
        ("cycle", 0, "playlist.cycle: expected bool"),
    ],
)
def test_playlists_that_no_stream_has(loaded, saved, field, value, says):
    header, arrays = opened(saved["latent"])
    header["playlist"][field] = value
    refuse(loaded["latent"], sealed(header, arrays), says)


def test_a_playlist_has_one_row(loaded, saved):
    header, arrays = opened(saved["latent"])
    header |= {"labels": [0, 0], "finished": [False, False]}
    header["settings"] |= {"labels": [0, 0], "speakers": [0, 0]}
    refuse(loaded["latent"], sealed(header, arrays), "playlist: expected one row for a playlist")


def test_sizes_are_compared_before_anything_is_made(loaded, saved):
    """4,096 rows are a few bytes in the header, and would be gigabytes of states."""
    header, arrays = opened(saved["sound"])
    wide = {**header, "labels": [0] * 4096, "finished": [False] * 4096}
    wide["settings"] = {**header["settings"], "labels": [0] * 4096, "speakers": [0] * 4096}
    refuse(loaded["sound"], sealed(wide, arrays), "bytes of arrays, found")
    header, arrays = opened(saved["softmax-sound"])
    long = {**header, "position": (1 << 32) - 1, "past": (1 << 32) - 1}
    refuse(loaded["softmax-sound"], sealed(long, arrays), "bytes of arrays, found")
    for state in (sealed(header, arrays[:-4]), sealed(header, arrays + bytes(4)), sealed(header, b"")):
        refuse(loaded["softmax-sound"], state, "bytes of arrays, found")
    refuse(loaded["sound"], b"ADRS\x04" + b"\xff" * 4 + b"{}" + bytes(100), "damaged")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_arrays_that_are_not_finite(loaded, saved, value):
    header, arrays = opened(saved["sound"])
    for at, name in ((0, "token"), (len(arrays) - 4, "past.overlap")):
        other = bytearray(arrays)
        other[at : at + 4] = np.float32(value).tobytes()
        refuse(loaded["sound"], sealed(header, bytes(other)), f"{name}: expected finite numbers")


@pytest.mark.parametrize("value", [-1, 1 << 32, 1 << 62])
def test_positions_that_no_stream_reaches(loaded, saved, value):
    header, arrays = opened(saved["sound"])
    at = loaded["sound"].manifest.tokens.channels * 4
    other = arrays[:at] + np.array([value, 3], "<i8").tobytes() + arrays[at + 16 :]
    refuse(loaded["sound"], sealed(header, other), "past.position: expected positions up to 4294967295")


def test_what_is_not_finite_is_not_saved(loaded):
    stream = loaded["sound"].stream(label="mid", **SETTINGS)
    next(stream)
    stream.progress.backbone["past.0.retention"] = np.full_like(stream.progress.backbone["past.0.retention"], np.nan)
    with pytest.raises(DamagedFileError, match=r"past\.0\.retention: expected finite numbers"):
        stream.state()


def leaves(value, path=()):
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return ([path] if path else []) + [leaf for key, item in items for leaf in leaves(item, (*path, key))]


VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.integers(0, 3), st.floats(), st.text(max_size=5),
    st.sampled_from([10**12, 1 << 32, 1 << 64, -(1 << 63), 10**300, [], {}, [[]], [0, 0], [True], "ddim", "\ud800"]),
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_whatever_the_header_says(loaded, saved, data):
    """With a checksum to match, the answer is a stream that makes finite samples, or one ADRError."""
    name = data.draw(st.sampled_from(["sound", "latent", "portable-sound"]))
    header, arrays = opened(saved[name])
    for _ in range(data.draw(st.integers(1, 2))):
        path = data.draw(st.sampled_from(leaves(header)))
        place = header
        for key in path[:-1]:
            place = place[key]
        if data.draw(st.booleans()) or not isinstance(place, dict):
            place[path[-1]] = copy.deepcopy(data.draw(VALUES))
        else:
            del place[path[-1]]
        if not leaves(header):
            break
    state = sealed(json.dumps(header).encode("utf-8", "surrogatepass"), arrays)
    try:
        stream = loaded[name].resume(state)
        chunk = next(stream, np.zeros(1))
    except ADRError as error:
        assert "\n" not in str(error)
        return
    assert np.isfinite(chunk).all() and chunk.shape[-1] <= stream.chunk_tokens * 8


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
