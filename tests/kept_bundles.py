"""Bundles of small random models, each exported once for all test sessions of the same code: an export takes seconds.

They lie in pytest's cache. Read only.
"""

import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial
from importlib import metadata
from pathlib import Path

from random_models import (
    ANY_ORDER,
    LATENT,
    MASKED,
    MASKED_PLAIN,
    PICTURE,
    PYRAMID,
    SOFTMAX,
    SOUND,
    STRUCK,
    SUNG,
    TOLD,
    VOICE,
    export,
    export_any_order,
    export_masked,
    export_spoken_text,
    random_any_order,
    random_masked,
    random_model,
)

ROOT = Path(__file__).parents[1]
KEPT = ROOT / ".pytest_cache" / "d" / "bundles"
Make = Callable[[Path], object]


def causal(config: dict, dialect: str, folder: Path) -> None:
    export(random_model(config), folder, dialect)


def any_order(config: dict, dialect: str, folder: Path) -> None:
    export_any_order(random_any_order(config), folder, dialect)


def masked(config: dict, dialect: str, folder: Path) -> None:
    export_masked(random_masked(config), folder, dialect)


def voice(folder: Path) -> None:
    """A random voice that speaks text."""
    from adr_export.spoken_text import inner_files
    from adr_runtime.spoken_text.controls import CONTROLS

    others, _ = inner_files(Bundles(FRONT_ENDS)["front-end"])
    export(random_model(VOICE, controls=dict(CONTROLS)), folder, OWN, others)


OWN, PORTABLE = "linear-attention", "portable"
CAUSAL: dict[str, Make] = {
    "sound": partial(causal, SOUND, OWN),
    "picture": partial(causal, PICTURE, OWN),
    "pyramid": partial(causal, PYRAMID, OWN),
    "portable-pyramid": partial(causal, PYRAMID, PORTABLE),
    "portable-sound": partial(causal, SOUND, PORTABLE),
    "latent": partial(causal, LATENT, OWN),
    "sung": partial(causal, SUNG, OWN),
    "portable-sung": partial(causal, SUNG, PORTABLE),
    "struck": partial(causal, STRUCK, OWN),
    "portable-struck": partial(causal, STRUCK, PORTABLE),
    "softmax-sound": partial(causal, SOFTMAX, OWN),
    "told": partial(causal, TOLD, OWN),
    "portable-told": partial(causal, TOLD, PORTABLE),
    "voice": voice,
}
IN_ANY_ORDER: dict[str, Make] = {
    **{name: partial(any_order, config, OWN) for name, config in ANY_ORDER.items()},
    "portable-colours": partial(any_order, ANY_ORDER["colours"], PORTABLE),
}
WITH_MASKS: dict[str, Make] = {
    "masked": partial(masked, MASKED, OWN),
    "portable-masked": partial(masked, MASKED, PORTABLE),
    "masked-plain": partial(masked, MASKED_PLAIN, OWN),
}
FRONT_ENDS: dict[str, Make] = {
    "front-end": export_spoken_text,
    "untimed": partial(export_spoken_text, durations=False),
    "hearing": partial(export_spoken_text, aligner=True),
}


class Bundles(Mapping[str, Path]):
    """The folders of bundles by name, which are exported when they are asked for."""

    def __init__(self, made: Mapping[str, Make]):
        self.made = made

    def __getitem__(self, name: str) -> Path:
        make, folder = self.made[name], KEPT / code() / name
        folder.parent.mkdir(parents=True, exist_ok=True)
        # Another process of the same tests waits for what this one makes.
        with folder.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not folder.exists():
                # A bundle's name is that of its folder.
                with tempfile.TemporaryDirectory(prefix="bundle-") as fresh:
                    make(Path(fresh) / name)
                    part = folder.with_suffix(f".{os.getpid()}.part")
                    shutil.copytree(Path(fresh) / name, part)
                part.rename(folder)
        return folder

    def __contains__(self, name: object) -> bool:
        return name in self.made

    def __iter__(self) -> Iterator[str]:
        return iter(self.made)

    def __len__(self) -> int:
        return len(self.made)


@cache
def code() -> str:
    """Names all that a bundle depends on; what was exported by other code goes."""
    digest = hashlib.sha256("".join(metadata.version(p) for p in ("torch", "onnx", "onnxruntime")).encode())
    for path in sorted(p for room in ("models", "export", "runtime") for p in (ROOT / room).rglob("*.py")):
        # What no bundle depends on may change.
        if not {"cli", "coding", "serving", "terminal"} & set(path.parts):
            digest.update(path.read_bytes())
    digest.update((ROOT / "tests" / "random_models.py").read_bytes())
    name = digest.hexdigest()[:16]
    for other in KEPT.glob("*"):
        if other.name != name:
            shutil.rmtree(other, ignore_errors=True)
    return name
