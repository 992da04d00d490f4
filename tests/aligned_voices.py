"""Aligned speech of two voices that say nothing but noise, and a recipe small enough for tests."""

import numpy as np
import soundfile
from adr_models.tokens.codec import CodecConfig
from adr_train.data import aligned

RATE = 8000
CODEC = CodecConfig(channels=4, width=16, hidden=24, kernel=3, coarse=1, fine=1)
RECIPE = """
dataset: aligned-speech
tokens: small-codec
description: for tests
licence: CC0-1.0
source: none
model:
  schedule: {timesteps: 50}
  loss: {draws: 2}
  backbone: {layers: 1, feedforward: 16, retention: {width: 16, heads: 2}}
  head: {width: 16, blocks: 1, frequencies: 8}
train: {batch: 4, steps: 4, loudness: 0.05, speakers: true, window: [0.5, 1.0]}
defaults: {steps: 4, sampler: dpm++, guidance: 2.0, temperature: 1.0, seconds: 1.0, count: 1}
sizes: {cpu: {}}
"""

VOCODER = {"sample_rate": 8000, "hop": 64, "stride": 4, "channels": 12, "cepstrum": 20, "balance": 4}
# The same without a codec.
VOCODED = RECIPE.replace("tokens: small-codec\n", "").replace("  schedule:", f"  vocoder: {VOCODER}\n  schedule:")


FEW = """
kind: distil
teacher: speaking
dataset: aligned-speech
description: for tests
licence: CC0-1.0
source: none
distil: {guidance: 2.0, slope: 0.5}
train: {batch: 4, steps: 2, loudness: 0.05, window: [0.5, 1.0]}
defaults: {steps: 1, sampler: ddim, guidance: 1.0, temperature: 1.0, seconds: 1.0, count: 1}
sizes: {cpu: {}}
"""


def make_voice(folder, sentences, seed, form="wav"):
    """A voice whose phones are noises of lengths that are drawn."""
    random = np.random.default_rng(seed)
    (folder / "wavs").mkdir(parents=True)
    lines = []
    for number, text in enumerate(sentences):
        symbols = ("pau", "HH", "AH0", "L", "OW1", ".")
        ends = np.cumsum(random.integers(200, 1500, len(symbols)))
        samples = random.normal(size=ends[-1]) * np.repeat([0, 0.1, 0.3, 0.1, 0.3, 0], np.diff(ends, prepend=0))
        soundfile.write(folder / "wavs" / f"s{number}.{form}", samples.clip(-1, 1), RATE, "PCM_16")
        row = aligned.Alignment(
            f"s{number}", text, text.lower(), RATE, symbols, (0, 1, 2, 1, 2, 0), tuple(map(int, ends))
        )
        lines.append(row.line())
    (folder / "alignments.jsonl").write_text("".join(lines))


SENTENCES = [f"Hello number {n}." for n in range(120)]
