"""The valid things that attacks begin with: loaded bundles, and media, containers and states made with them."""

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from .bundles import NAMES
from .cases import Seeds
from .files import pictures, sounds


def make_seeds(folder: Path) -> Seeds:
    """The bundles of `folder`, as `bundles` exports them, and what can be made with them."""
    import adr_runtime

    bundles = {name: (folder / name).resolve() for name in NAMES}
    models = {name: adr_runtime.load(path, "cpu") for name, path in bundles.items()}
    media = {**pictures(), **sounds(), **texts(models["symbols"])}
    return Seeds(bundles, models, media, make_containers(bundles, media), make_states(models["latent"]))


def texts(model: Any) -> dict[str, bytes]:
    """One that the model likes, so that it is worth coding, and others."""
    from adr_runtime.any_order.config import AnyOrderConfig

    nothing, settings = np.zeros((1, 24, 1), np.int64), AnyOrderConfig(steps=24, temperature=0.5, seed=1)
    likely = model.fill(nothing, nothing == 0, 8, settings.resolve(model.manifest)).astype(np.uint8).tobytes()
    plain = b"to be or not to be, " * 4
    return {"likely.txt": likely, "plain.txt": plain, "empty.txt": b"", "noise.bin": bytes(range(64))}


def coding_models(bundles: dict[str, Path]) -> list[str]:
    """Options by which no shipped model, large as they are, is loaded."""
    return [part for name in ("symbols", "colours") for part in ("--model", str(bundles[name]))]


def make_containers(bundles: dict[str, Path], media: dict[str, bytes]) -> dict[str, bytes]:
    """One file each, and a folder of several."""
    made = {}
    with tempfile.TemporaryDirectory(prefix="fuzz-seeds-") as name:
        folder = Path(name)
        (folder / "tree" / "below").mkdir(parents=True)
        for path in ("likely.txt", "plain.txt", "rgb.png", "deep.png", "tree/likely.txt", "tree/below/rgb.png",
                     "tree/empty.txt"):  # fmt: skip
            (folder / path).write_bytes(media[Path(path).name])
        for path in ("likely.txt", "plain.txt", "rgb.png", "deep.png", "tree"):
            out = folder / f"{path}.ardm"
            command = [sys.executable, "-m", "adr_runtime", "compress", str(folder / path), str(out)]
            options = ["--steps", "24", "--seed", "1", *coding_models(bundles)]
            done = subprocess.run([*command, *options], capture_output=True, text=True)
            if done.returncode:
                raise SystemExit(f"{path}: {done.stderr.strip()}")
            made[path] = out.read_bytes()
    return made


def make_states(model: Any) -> tuple[bytes, ...]:
    prompt = np.sin(np.arange(64, dtype=np.float32) * 0.3)
    streams = [
        model.stream(label="low", seed=1, steps=2),
        model.stream(playlist=["low", "high"], cycle=True, seed=2, steps=3, chunk_tokens=2),
        model.stream(label=["mid", None], seconds=0.5, seed=3, steps=2, sampler="ddpm", guidance=1.0),
        model.stream(prompt=prompt, speaker="ben", seconds=0.5, seed=4, steps=2),
    ]
    for stream in streams:
        next(stream)
    return tuple(stream.state() for stream in streams)
