"""Recipes of a codec, of a model of its latents, and of the head that is taught to jump, which train in seconds."""

ABOUT = "dataset: fsdd\ndescription: for tests\nlicence: CC0-1.0\nsource: none\n"
CODEC = (
    ABOUT
    + """
kind: codec
model: {sample_rate: 8000, hop: 64, stride: 4, channels: 4, width: 16, hidden: 24, kernel: 3, coarse: 1, fine: 1}
train: {batch: 4, steps: 6, learning_rate: 1.0e-3}
losses: {seconds: 0.3, adversary_from: 0.5, adversary_width: 4}
sizes: {cpu: {}}
"""
)
LATENTS = (
    ABOUT
    + """
tokens: small-codec
model:
  schedule: {timesteps: 50}
  backbone: {layers: 1, feedforward: 16, ends: true, retention: {width: 16, heads: 2}}
  head: {width: 16, blocks: 1, frequencies: 8}
train: {batch: 4, steps: 3, silence: 8, speakers: true}
defaults: {steps: 4, sampler: dpm++, guidance: 2.0, temperature: 1.0, seconds: 1.0, count: 1}
sizes: {cpu: {}}
"""
)
FEW = (
    ABOUT
    + """
kind: distil
teacher: small-latents
train: {batch: 4, steps: 3, silence: 8}
defaults: {steps: 2, sampler: ddim, guidance: 1.0, temperature: 1.0, seconds: 1.0, count: 1}
sizes: {cpu: {}}
"""
)
