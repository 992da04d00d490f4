"""Pictures on a terminal: what the escape sequences say is read back, and is the picture."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from adr_runtime.cli import preview
from PIL import Image
from rich.console import Console

CELL = re.compile(r"\x1b\[38;2;(\d+);(\d+);(\d+)(?:;48;2;(\d+);(\d+);(\d+))?m▀")


def read_back(text: str) -> np.ndarray:
    """The pixels (height, width, 3) of lines of half blocks; the lower half of an odd last line is left out."""
    rows = []
    for line in text.splitlines():
        cells = CELL.findall(line)
        if cells:
            rows.append([[int(c) for c in cell[:3]] for cell in cells])
            if cells[0][3]:
                rows.append([[int(c) for c in cell[3:]] for cell in cells])
    return np.array(rows, np.uint8)


def terminal(width=100, height=30) -> Console:
    return Console(force_terminal=True, color_system="truecolor", width=width, height=height)


@pytest.mark.parametrize("shape", [(6, 5, 3), (7, 4, 3), (1, 1, 3), (4, 6, 1)])
def test_half_blocks_are_the_picture(shape):
    picture = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    console = terminal()
    with console.capture() as captured:
        console.print(preview.half_blocks(picture))
    assert np.array_equal(read_back(captured.get()), np.broadcast_to(picture, (*shape[:2], 3)))


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_what_lets_the_ground_through_is_seen_on_white(mode):
    """As Pillow lays it there."""
    pixels = np.random.default_rng(2).integers(0, 256, (6, 5, len(mode)), np.uint8)
    ground = Image.new("RGBA", (5, 6), "white")
    expected = Image.alpha_composite(ground, Image.fromarray(pixels, mode).convert("RGBA")).convert("RGB")
    console = terminal()
    with console.capture() as captured:
        console.print(preview.half_blocks(pixels))
    assert np.abs(read_back(captured.get()).astype(int) - np.asarray(expected)).max() <= 1


@pytest.mark.parametrize(
    ("width", "height", "asked"), [(20, 10, None), (80, 24, 8), (200, 60, 3), (1, 1, None), (7, 4, 2)]
)
def test_what_is_shown_fits(width, height, asked):
    """No wider and no higher than the terminal, and whole pictures, the first ones first."""
    pixels = np.random.default_rng(1).integers(0, 256, (9, 8, 6, 3), np.uint8)
    sheet = preview.fitting(pixels, asked, terminal(width, height))
    if width > 6 + 4 and height > 8:
        assert sheet.shape[1] <= width and sheet.shape[0] / 2 <= height
        assert np.array_equal(sheet[2:10, 2:8], pixels[0])
        assert sheet.shape[1] <= 2 + (asked or 99) * 8


def test_show_on_a_terminal(refused, tmp_path):
    """The last frame that a real terminal was sent is the sheet that was saved."""
    pty = pytest.importorskip("pty", reason="this system has no pseudo-terminals")
    program = Path(sys.executable).with_name("adr-run")
    outer, inner = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor", "COLUMNS": "100", "LINES": "40"}
    for name in ("NO_COLOR", "FORCE_COLOR"):
        environment.pop(name, None)
    out = tmp_path / "shown.png"
    arguments = ["--model", "digits", "-n", "2", "--seed", "1", "--scale", "1", "--show", "--out", out]
    process = subprocess.Popen([program, "image", *map(str, arguments)], stdout=inner, stderr=inner, env=environment)
    os.close(inner)
    sent = b""
    while True:
        try:
            read = os.read(outer, 1 << 16)
        except OSError:
            break
        if not read:
            break
        sent += read
    os.close(outer)
    assert process.wait() == 0, sent
    told = sent.decode()
    # Each frame but the first begins by going up to where the last one began.
    frames = re.split(r"(?:\x1b\[1A\x1b\[2K)+", told)
    saved = np.asarray(Image.open(out).convert("RGB"))
    assert len(frames) > 2 and np.array_equal(read_back(frames[-1]), saved)
    assert not np.array_equal(read_back(frames[0]), saved)
    assert "shown.png" in told

    refused("adr-run", "image", "--show", says=("--show draws on a terminal", "leave it out"))
