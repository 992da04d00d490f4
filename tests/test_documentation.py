"""The examples of the documentation, run as they stand."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

RUN = [f"adr-run {c}" for c in ("audio", "image", "text", "compress", "decompress", "score", "info", "serve", "")]
ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def blocks(language: str) -> list[str]:
    found = re.findall(rf"^```{language}\n(.*?)^```$", README, re.M | re.S)
    assert found
    return found


def test_python_examples(tmp_path):
    for block in blocks("python"):
        assert len(block.splitlines()) <= 13
        done = subprocess.run([sys.executable, "-c", block], cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    assert (tmp_path / "seven.wav").stat().st_size > 10_000


def test_shell_examples(command):
    """Line by line in one folder; a training of minutes becomes one of two steps."""
    for block in blocks("sh"):
        for line in block.splitlines():
            program, *arguments = shlex.split(line.replace("--max-minutes 3", "--steps 2"))
            done = command(program, *arguments)
            assert done.returncode == 0, f"{line}: {done.stderr}"


def test_every_link_and_picture_is_there():
    for path in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\(([^)]+)\)", path.read_text()):
            if not target.startswith("http"):
                assert (path.parent / target).exists(), f"{path.name}: {target}"


@pytest.mark.parametrize("program", ["adr-run", "adr-train", "adr-eval", "adr-export"])
def test_every_option_in_the_text_exists(command, program):
    """Options named beside a command in the README are in its help."""
    commands = [program] if program != "adr-run" else RUN
    helps = "".join(command(*line.split(), "--help").stdout for line in commands)
    for line in README.splitlines():
        for text in re.findall(rf"{program} [^`]*", line):
            for option in re.findall(r"--[a-z][a-z-]+", text.split("|")[0]):
                assert option in helps, f"{option} of {line}"
