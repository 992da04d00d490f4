"""A recipe of pictures that trains and exports in seconds."""

TINY = """
dataset: digits
description: A tiny model for tests
licence: CC0-1.0
source: none
model:
  image: {height: 8, width: 8, channels: 1, patch: 2}
  schedule: {timesteps: 50}
  loss: {draws: 2, context_noise: 0.2}
  backbone: {layers: 2, feedforward: 32, dropout: 0.1, retention: {width: 32, heads: 2}}
  head: {width: 24, blocks: 1, frequencies: 8}
defaults: {steps: 4, sampler: ddim, guidance: 1.5, temperature: 1.0, seconds: 1.0, count: 4}
sizes:
  cpu: {train: {steps: 12, batch: 8, learning_rate: 1.0e-2}}
"""
