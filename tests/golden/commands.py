"""Ten commands and what each leaves behind, as digests: what a redesign must not change.

`python -m tests.golden` compares with `digests.json`, `python -m tests.golden --write` records anew. Bytes of audio and
pictures follow from ONNX Runtime's kernels, so a record counts where its environment is the same.
"""

import hashlib
import json
import os
import platform
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image

RECORD = Path(__file__).with_name("digests.json")
# Fields of JSON that clocks decide.
CLOCKS = ("seconds", "real_time_factor", "first_sound_ms", "under_runs", "folder")
COMMANDS = {
    "word": "audio --label seven --seed 1 --out seven.wav --plot seven.png --json",
    "words": 'audio --labels "three one four" --seed 2 --steps 2 --out words.flac --json',
    "pipe": "audio --label five --seconds 1.5 --seed 3 --steps 2 --out -",
    "spoken": 'audio --text "Turn left." --voice bdl --seed 4 --timestamps left.srt --out left.wav --json',
    "pictures": "image --model digits --label 7 -n 9 --seed 1 --guidance 2 --sampler ddpm --steps 20 --out sevens.png "
    "--json",
    "filled": "image --fill grey.png --mask mask.png -n 2 --seed 5 --separate --out filled.png --json",
    "text": 'text --template "to be ??? not to be" -n 3 --seed 1 --json',
    "compress": "compress grey.png grey.ardm --steps 20 --json",
    "decompress": "decompress grey.ardm back.png --json",
    "score": "score grey.png --steps 20 --json",
    "info": "info speech-digits --json",
}


def environment() -> str:
    """What the bytes may depend on beside this project."""
    about = Path("/proc/cpuinfo")
    lines = about.read_text().splitlines() if about.exists() else []
    names = [line for line in lines if line.startswith("model name")]
    processor = names[0].partition(":")[2].strip() if names else platform.processor()
    return f"onnxruntime {onnxruntime.__version__}, numpy {np.__version__}, Pillow {Image.__version__}, {processor}"


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]


def run_commands(folder: Path) -> dict[str, str]:
    """Run all commands in an empty folder -> digests of what they print and of the files that they leave."""
    inputs(folder)
    found, program = {}, Path(sys.executable).with_name("adr-run")
    for name, line in COMMANDS.items():
        before = set(folder.iterdir())
        done = subprocess.run(
            f"{program} {line}", shell=True, cwd=folder, capture_output=True, check=False,
            env={**os.environ, "COLUMNS": "160", "OMP_NUM_THREADS": "1"},
        )  # fmt: skip
        if done.returncode:
            raise SystemExit(f"adr-run {line}: {done.stderr.decode()}")
        found[f"{name}: output"] = digest(timeless(done.stdout))
        for path in sorted(set(folder.iterdir()) - before):
            found[f"{name}: {path.name}"] = digest(path.read_bytes())
    return found


def timeless(output: bytes) -> bytes:
    """Printed JSON without what a clock decided, its keys in order; anything else as it is."""
    try:
        values = json.loads(output)
    except ValueError:
        return output
    return json.dumps({k: v for k, v in values.items() if k not in CLOCKS}, sort_keys=True).encode()


def inputs(folder: Path) -> None:
    """A grey picture and a mask."""
    rows, columns = np.mgrid[:12, :14]
    levels = (np.sin(rows / 3) * np.cos(columns / 2) * 8 + 8).round().clip(0, 16)
    Image.fromarray((levels * 255 / 16).round().astype(np.uint8)).save(folder / "grey.png")
    mask = np.zeros((12, 14), np.uint8)
    mask[3:8, 4:11] = 255
    Image.fromarray(mask).save(folder / "mask.png")
