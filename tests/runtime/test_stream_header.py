"""States whose checksum matches and that no stream has are refused in one line, before anything large is made."""

import copy
import json

import numpy as np
import pytest
from adr_runtime import ADRError
from adr_runtime.causal.stream_header import MAX_CHUNK
from hypothesis import given, settings
from hypothesis import strategies as st
from stream_states import VALUES, leaves, opened, refuse, sealed

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
