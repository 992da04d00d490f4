"""Clips of audio that end by themselves: many rows at once, nothing streamed."""

import numpy as np

from adr_runtime.causal.generator import TokenGenerator


def generate_clips(generator: TokenGenerator) -> tuple[np.ndarray, tuple[int, ...]]:
    """Samples (count, samples) of clips that end by themselves, zeros behind, and their lengths."""
    audio, state = generator.audio, generator.start()
    tokens: list[np.ndarray] = []
    longest = max(round(generator.manifest.defaults.seconds * audio.sample_rate / audio.hop), 1)
    ends = np.full(generator.batch, longest)
    while len(tokens) < min(longest, int(ends.max()) + 1):
        tokens.append(generator.next_token(state))
        ends = np.where(state.finished, np.minimum(ends, len(tokens)), ends)
    samples = generator.decode(state, np.stack(tokens, 1))[:, audio.delay :]
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
