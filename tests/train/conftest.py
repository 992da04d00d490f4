import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from adr_models.tokens.codec import CodecTokens
from aligned_voices import CODEC, SENTENCES, make_voice
from tiny_recipe import TINY


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


@pytest.fixture
def train(recipe, command):
    """train("out", "--steps", "3") -> CompletedProcess of an adr-train that ended well, with JSON lines as output."""

    def run(out: str, *arguments: str) -> subprocess.CompletedProcess:
        common = ("--size", "cpu", "--out", out, "--device", "cpu", "--threads", "1", "--json")
        done = command("adr-train", recipe, *common, *arguments)
        assert done.returncode == 0, done.stderr
        return done

    return run


@pytest.fixture
def voices(tmp_path):
    folder = tmp_path / "voices"
    make_voice(folder / "ann", SENTENCES, 1)
    make_voice(folder / "bob", SENTENCES[::-1], 2, "flac")
    (folder / "notes").mkdir()
    return folder


@pytest.fixture
def codec():
    torch.manual_seed(0)
    tokens = CodecTokens(CODEC)
    tokens.fit([torch.randn(8000) * 0.1])
    return tokens
