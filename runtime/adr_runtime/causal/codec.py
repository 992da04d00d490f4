"""Sound to tokens in pieces, so that memory does not grow with the sound."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike

from adr_runtime.causal.generator import initial_states
from adr_runtime.causal.manifest import CausalManifest
from adr_runtime.errors import InputError
from adr_runtime.inference.session import Session

# Tokens of a piece; a shorter sound is one piece.
PIECE = 512
MAX_CONTEXT = 1 << 14


def encoder(sessions: dict[str, Session], manifest: CausalManifest) -> Session:
    """The graph that makes tokens of sound. Raises InputError where the bundle has none."""
    if "encode" not in sessions:
        raise InputError(f"{manifest.name} makes sound and takes none: its bundle has no encoder")
    return sessions["encode"]


def left_context(manifest: CausalManifest) -> int:
    """How many tokens before a piece its own tokens may depend on.

    The encoder is causal and the mirror image of the decoder, whose convolutions keep their last kernel - 1 inputs as
    states (rows, kernel - 1, width). Frames are never longer than tokens, so the sum of these lengths, counted in
    tokens, is at least what the encoder's convolutions reach back. Two tokens more: the window of a frame, and a part
    of a token.
    """
    states = manifest.states_of("decode")
    reach = sum(state.shape[1] for state in states if len(state.shape) == 3 and isinstance(state.shape[1], int))
    if reach > MAX_CONTEXT:
        raise InputError(f"{manifest.name}: its codec looks back {reach} tokens; prompts take up to {MAX_CONTEXT}")
    return reach + 2


def encode(session: Session, manifest: CausalManifest, samples: np.ndarray) -> Iterator[np.ndarray]:
    """samples float32 (n * hop,) -> tokens float32 (1, up to PIECE, channels), n in all."""
    assert manifest.audio is not None
    hop, context = manifest.audio.hop, left_context(manifest)
    for start in range(0, len(samples) // hop, PIECE):
        before = min(context, start)
        piece = samples[(start - before) * hop : (start + PIECE) * hop]
        yield session.run({"samples": piece[None]})["tokens"][:, before:]


def checked_samples(samples: ArrayLike, what: str) -> np.ndarray:
    """Samples as float (samples,). Raises InputError for what are no finite numbers of that shape."""
    array = np.asarray(samples)
    array = array.astype(np.float32) if array.dtype.kind in "biuf" else array
    if array.dtype.kind != "f" or array.ndim != 1 or not np.isfinite(array).all():
        raise InputError(f"{what} must be finite numbers of shape (samples,), not {array.dtype} {array.shape}")
    return array


def reconstruct(sessions: dict[str, Session], manifest: CausalManifest, samples: np.ndarray) -> np.ndarray:
    """Sound float32 (samples,) to tokens and back, as long as it was."""
    audio, session = manifest.audio, encoder(sessions, manifest)
    assert audio is not None
    padded = np.pad(samples, (0, -len(samples) % audio.hop + audio.delay))
    past, parts = initial_states(manifest, "decode", 1), [np.zeros(0, np.float32)]
    for tokens in encode(session, manifest, padded):
        outputs = sessions["decode"].run({"tokens": tokens, **past})
        past = {state.past: outputs[state.present] for state in manifest.states_of("decode")}
        parts.append(outputs["samples"][0])
    return np.concatenate(parts)[audio.delay : audio.delay + len(samples)]
