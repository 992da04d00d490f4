"""Whole pictures, and clips of sound that end by themselves: many rows at once, nothing streamed."""

import numpy as np

from adr_runtime.errors import ADRError
from adr_runtime.manifest import ImageSpec
from adr_runtime.walk import Loop


def whole_clips(loop: Loop) -> tuple[np.ndarray, tuple[int, ...]]:
    """Samples (count, samples) of clips that end by themselves, zeros behind, and their lengths."""
    audio = loop.manifest.audio
    assert audio is not None
    walk = loop.start()
    tokens: list[np.ndarray] = []
    longest = max(round(loop.manifest.defaults.seconds * audio.sample_rate / audio.hop), 1)
    ends = np.full(loop.batch, longest)
    while len(tokens) < min(longest, int(ends.max()) + 1):
        tokens.append(loop.advance(walk))
        ends = np.where(walk.over, np.minimum(ends, len(tokens)), ends)
    samples = loop.decode(walk, np.stack(tokens, 1))[:, audio.delay :]
    # One token behind the end is kept: it holds what of the last sound dies away.
    lengths = np.minimum(ends * audio.hop, samples.shape[1])
    for row, length in zip(samples, lengths, strict=True):
        fade_out(row, int(length), audio.hop)
    return samples[:, : int(lengths.max())], tuple(int(n) for n in lengths)


def fade_out(row: np.ndarray, length: int, over: int) -> None:
    """Silence behind `length` samples, in place, with the last `over` of them fading."""
    start = max(length - over, 0)
    row[start:length] *= np.linspace(1, 0, length - start, dtype=np.float32)
    row[length:] = 0


def whole_pictures(loop: Loop, prompt: np.ndarray | None) -> np.ndarray:
    image = loop.manifest.image
    assert image is not None
    walk, tokens = loop.start(), []
    given = None
    if prompt is not None:
        given = picture_prompt(image, prompt)
        encoded = loop.sessions["encode"].run({"pixels": given[None].astype(np.float32) / 255})["tokens"]
        encoded = np.repeat(encoded, loop.batch, 0)
        loop.prefill(walk, encoded)
        tokens = list(encoded.transpose(1, 0, 2))
    assert loop.manifest.tokens.length is not None
    while len(tokens) < loop.manifest.tokens.length:
        tokens.append(loop.advance(walk))
    pixels = loop.decode(walk, np.stack(tokens, 1))
    found = (np.clip(pixels, 0, 1) * 255).round().astype(np.uint8)
    if given is not None:
        found[:, : len(given)] = given
    return found


def picture_prompt(image: ImageSpec, prompt: np.ndarray) -> np.ndarray:
    """The top of a picture, whole rows of patches, uint8 (h, width, channels)."""
    prompt = np.asarray(prompt)
    if prompt.dtype != np.uint8 or prompt.ndim != 3 or prompt.shape[1:] != (image.width, image.channels):
        raise ADRError(
            f"the prompt must be uint8 (rows, {image.width}, {image.channels}), not {prompt.dtype} {prompt.shape}"
        )
    rows = prompt.shape[0] // image.patch * image.patch
    if not 0 < rows < image.height:
        raise ADRError(
            f"the prompt must have from {image.patch} to {image.height - image.patch} rows, not {prompt.shape[0]}"
        )
    return prompt[:rows]
