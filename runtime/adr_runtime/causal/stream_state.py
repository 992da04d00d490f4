"""A stream's state as bytes, which any language can write and read.

    magic "ADRS", format version (1 byte), length of the header (uint32), header (JSON, UTF-8), arrays, CRC-32 (uint32)

All numbers are little-endian, and the CRC-32 is that of everything before it. The header is a JSON object with the
fields of `Header`. The arrays follow one another without padding: the last token float32 (rows, channels), then the
states of the manifest in their order, backbone before decode, with their dtypes and shapes. There "rows" is the number
of labels, twice that for the backbone where guidance is on, and "past", the length of a softmax mixer's cache, is in
the header. Where a model has controls and those of tokens to come are known, they come last, int64 (rows, tokens, K).

A state comes from others like a bundle does: its header is read strictly, every number is bounded, and the sizes of the
arrays are known, and compared with what is there, before they are read.
"""

import json
import math
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from adr_runtime.bundles.strict_json import convert, read_json, refuse
from adr_runtime.causal.controls import null_controls
from adr_runtime.causal.generator import GenerationState, TokenGenerator
from adr_runtime.causal.manifest import CausalManifest, StateSpec
from adr_runtime.causal.stream_header import MAX_POSITION, Header, header_rules
from adr_runtime.errors import DamagedFileError
from adr_runtime.inference.opening import OpenBundle
from adr_runtime.inference.session import to_host

MAGIC, VERSION = b"ADRS", 4
WHAT, CONTROLS = "the stream's state", "controls"
START, END = len(MAGIC) + 5, 4
MAX_HEADER = 1 << 20


def pack_state(header: Header, manifest: CausalManifest, state: GenerationState) -> bytes:
    """The bytes of a state. Raises ADRError where the graphs have left numbers that are not finite."""
    text = json.dumps(header.values()).encode()
    parts = [MAGIC, bytes([VERSION]), len(text).to_bytes(4, "little"), text]
    states = {**state.backbone, **state.decoder}
    known = [] if state.controls is None else [(CONTROLS, state.controls)]
    saved = [("token", state.token), *((spec.past, states[spec.past]) for spec in ordered(manifest)), *known]
    for name, value in saved:
        array = np.ascontiguousarray(to_host(value))
        check_values(array, name)
        parts.append(array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes())
    whole = b"".join(parts)
    return whole + zlib.crc32(whole).to_bytes(END, "little")


def cache_length(manifest: CausalManifest, state: GenerationState) -> int:
    """Tokens in the cache of a softmax mixer; 0 for others."""
    caches = [(spec, spec.shape.index("past")) for spec in manifest.states_of("backbone") if "past" in spec.shape]
    return to_host(state.backbone[caches[0][0].past]).shape[caches[0][1]] if caches else 0


def ordered(manifest: CausalManifest) -> tuple[StateSpec, ...]:
    return (*manifest.states_of("backbone"), *manifest.states_of("decode"))


def unpack_state(state: bytes, opened: OpenBundle) -> tuple[Header, TokenGenerator, GenerationState]:
    """The checked header of a state of the opened bundle, and what goes on. Raises ADRError."""
    manifest = opened.bundle.manifest
    assert isinstance(manifest, CausalManifest)
    header, arrays = unpack_header(state, opened.bundle.hash)
    for where, found, good, expected in header_rules(header, manifest):
        if not good:
            refuse(where, expected, found, WHAT)
    values = read_arrays(header, manifest, arrays)
    generator = TokenGenerator(opened, header.settings)
    resumed = generator.start()
    resumed.token, resumed.controls = values.pop("token"), values.pop(CONTROLS, None)
    if resumed.controls is not None and (resumed.controls > null_controls(manifest)).any():
        refuse(CONTROLS, "classes that the model has", "others", WHAT)
    for states in (resumed.backbone, resumed.decoder):
        states.update({name: values[name] for name in states})
    resumed.position, resumed.labels = header.position, header.labels
    resumed.conditioning = generator.conditioning(header.labels)
    resumed.finished = np.array(header.finished, bool)
    return header, generator, resumed


def unpack_header(state: bytes, bundle: str) -> tuple[Header, memoryview]:
    """The header of an undamaged state, whose numbers are still to be checked, and the bytes of the arrays."""
    whole = memoryview(state)
    if whole[: len(MAGIC)] != MAGIC or len(whole) < START + END:
        raise damaged("it does not begin as one does")
    if whole[len(MAGIC)] != VERSION:
        raise DamagedFileError(
            f"{WHAT} has version {whole[len(MAGIC)]}, this runtime reads {VERSION}; start the stream anew"
        )
    if zlib.crc32(whole[:-END]) != int.from_bytes(whole[-END:], "little"):
        raise damaged("its checksum is another")
    length = int.from_bytes(whole[len(MAGIC) + 1 : START], "little")
    if length > min(MAX_HEADER, len(whole) - START - END):
        raise damaged(f"its header is said to have {length} bytes")
    try:
        text = bytes(whole[START : START + length]).decode()
    except UnicodeDecodeError as error:
        raise damaged("its header is no UTF-8 text") from error
    header: Header = convert(Header, read_json(text, WHAT), "", WHAT)
    if header.bundle != bundle:
        raise DamagedFileError(f"{WHAT} is of another bundle ({ascii(header.bundle)[1:13]}…), not {bundle[:12]}…")
    return header, whole[START + length : -END]


def damaged(how: str) -> DamagedFileError:
    return DamagedFileError(f"not a stream's state, or damaged: {how}; save it again")


def shapes(header: Header, manifest: CausalManifest) -> Iterator[tuple[str, np.dtype[Any], tuple[int, ...]]]:
    """Name, dtype and shape of each array."""
    rows = len(header.labels)
    yield "token", np.dtype("float32"), (rows, manifest.tokens.channels)
    for spec in ordered(manifest):
        count = rows * header.settings.guidance_rows(manifest) if spec.graph == "backbone" else rows
        named = {"rows": count, "past": header.past}
        shape = tuple(named[size] if isinstance(size, str) else size for size in spec.shape)
        yield spec.past, np.dtype(spec.dtype), shape
    if header.controls is not None:
        yield CONTROLS, np.dtype("int64"), (rows, header.controls, len(manifest.controls))


def read_arrays(header: Header, manifest: CausalManifest, data: memoryview) -> dict[str, np.ndarray]:
    """The arrays by name. Raises ADRError where there are more or fewer bytes, or numbers that no stream has."""
    expected = list(shapes(header, manifest))
    sizes = [math.prod(shape) * dtype.itemsize for _, dtype, shape in expected]
    if sum(sizes) != len(data):
        raise DamagedFileError(f"{WHAT}: expected {sum(sizes)} bytes of arrays, found {len(data)}")
    arrays, offset = {}, 0
    for (name, dtype, shape), size in zip(expected, sizes, strict=True):
        arrays[name] = np.frombuffer(data[offset : offset + size], dtype.newbyteorder("<")).astype(dtype).reshape(shape)
        check_values(arrays[name], name)
        offset += size
    return arrays


def check_values(array: np.ndarray, name: str) -> None:
    """Floats are finite, integers are positions in a stream. Raises ADRError."""
    if array.dtype.kind == "f":
        good, expected = bool(np.isfinite(array).all()), "finite numbers"
    else:
        good = array.dtype.kind == "b" or bool(((array >= 0) & (array < MAX_POSITION)).all())
        expected = f"positions up to {MAX_POSITION - 1}"
    if not good:
        raise DamagedFileError(f"{WHAT}: {name}: expected {expected}, found others")
