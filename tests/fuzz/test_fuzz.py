"""The fuzzer finds every fault that is planted, says how to see it again, and finds none in a few real cases."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# As in `planted`.
PLANTED = (
    "refused", "accepted", "crash", "traceback", "wrong", "memory", "memory", "wrong", "wrong", "refused", "hang",
)  # fmt: skip


def fuzz(folder: Path, *arguments: object) -> "subprocess.CompletedProcess[str]":
    paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
    return subprocess.run(
        [sys.executable, "-m", "tests.fuzz", *map(str, arguments)], cwd=ROOT, capture_output=True, text=True,
        env={**os.environ, "TMPDIR": str(folder), "PYTHONPATH": os.pathsep.join(filter(None, paths))},
    )  # fmt: skip


def test_what_is_planted_is_found(tmp_path):
    done = fuzz(tmp_path, "--target", "planted", "--count", len(PLANTED) - 1, "--memory", 250, "--debug")
    assert done.returncode == 1, done.stderr
    found = [line.split()[2].rstrip(":") for line in done.stdout.splitlines() if line.startswith("planted ")]
    assert found == list(PLANTED[:-1])
    assert "SIGSEGV" in done.stdout and "ValueError in planted.py:attack" in done.stdout
    assert "| planted | 10 | 2 | 1 | 1 | 1 | 0 | 3 | 2 |" in done.stdout
    assert "    python -m tests.fuzz --target planted --seed 3 --count 1 --debug" in done.stdout


def test_what_hangs_is_ended(tmp_path):
    done = fuzz(tmp_path, "--target", "planted", "--seed", len(PLANTED) - 1, "--count", 1, "--timeout", 1)
    assert done.returncode == 1, done.stderr
    assert "planted 10: hang: longer than 1 s in planted.py:attack" in done.stdout


@pytest.fixture(scope="module")
def bundles(exported, any_order, masked, tmp_path_factory) -> Path:
    """The bundles of other tests, where the fuzzer looks for its own."""
    folder = tmp_path_factory.mktemp("fuzz")
    for name, path in {**exported, **any_order, **masked}.items():
        (folder / name).symlink_to(path)
    return folder


def test_real_cases(bundles, tmp_path):
    done = fuzz(tmp_path, "--bundles", bundles, "--count", 30, "--seed", 3000)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "| all | 30 |" in done.stdout
