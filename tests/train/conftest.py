import os
import subprocess
import sys
from pathlib import Path

import pytest

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


@pytest.fixture
def recipe(tmp_path) -> Path:
    path = tmp_path / "tiny.yaml"
    path.write_text(TINY)
    return path


@pytest.fixture
def start_training(recipe, tmp_path):
    """start_training("out", "--resume") -> Popen of the installed adr-train with JSON lines on its stdout."""

    def start(out: str, *arguments: str, prefix: tuple[str, ...] = ()) -> subprocess.Popen:
        program = Path(sys.executable).with_name("adr-train")
        return subprocess.Popen(
            [*prefix, program, recipe, "--size", "cpu", "--out", tmp_path / out, "--device", "cpu", "--threads", "1",
             "--json", *arguments],
            cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )  # fmt: skip

    return start
