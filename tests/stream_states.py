"""Streams of the small random models, and their saved states taken apart, changed and sealed again."""

import json
import zlib

import pytest
from adr_runtime import DamagedFileError
from hypothesis import strategies as st

SETTINGS = {"steps": 3, "guidance": 2.5, "seed": 9}
STREAMS = {
    "sound": {"label": "mid", "seconds": 0.5, "sampler": "ddpm"},
    "softmax-sound": {"label": "low", "chunk_tokens": 2},
    "latent": {"playlist": ["low", "high", "mid"], "speaker": "ben", "cycle": True},
    "portable-sound": {"label": ["mid", None, "low"], "seconds": 0.4},
}


def opened(state: bytes) -> tuple[dict, bytes]:
    """Header and arrays of a state."""
    end = 9 + int.from_bytes(state[5:9], "little")
    return json.loads(state[9:end]), state[end:-4]


def sealed(header, arrays: bytes, version: int = 4) -> bytes:
    """A state of this header and these arrays, with the checksum to match."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    whole = b"ADRS" + bytes([version]) + len(text).to_bytes(4, "little") + text + arrays
    return whole + zlib.crc32(whole).to_bytes(4, "little")


def refuse(model, state: bytes, *says: str) -> None:
    """Going on from the state ends in one line that holds every given part."""
    with pytest.raises(DamagedFileError) as caught:
        model.resume(state)
    line = str(caught.value)
    assert "\n" not in line and len(line) < 500
    for part in says:
        assert part in line, line


def leaves(value, path=()):
    """Paths to everything inside a header."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return ([path] if path else []) + [leaf for key, item in items for leaf in leaves(item, (*path, key))]


VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.integers(0, 3), st.floats(), st.text(max_size=5),
    st.sampled_from([10**12, 1 << 32, 1 << 64, -(1 << 63), 10**300, [], {}, [[]], [0, 0], [True], "ddim", "\ud800"]),
)  # fmt: skip
