"""Measured figures into a bundle: its manifest's `quality` and its card."""

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

from adr_runtime import AnyOrderModel, MaskedConfig, MaskedModel
from adr_runtime.bundles.card import model_card
from adr_runtime.causal.config import GenerationConfig
from adr_runtime.causal.parts import parts_text
from adr_runtime.media.atomic import write_atomic
from adr_runtime.terminal.interrupts import held
from adr_runtime.vectors import VECTORS

from adr_train.evaluation.evaluator import LabelledModel
from adr_train.evaluation.table import Rows


def record(
    model: LabelledModel, rows: Rows, settings: list[GenerationConfig], count: int, split: str,
    seeds: int,
) -> None:  # fmt: skip
    """Replace the manifest's quality section and rewrite the card, each under a temporary name first."""
    defaults, setting = model.manifest.defaults, settings[0]
    quality: dict[str, Any] = {
        "split": split,
        "samples": f"{count} a row",
        "steps": ", ".join(str(said(s.steps or defaults.steps)) for s in settings),
        "sampler": setting.sampler or defaults.sampler,
        "guidance": said(defaults.guidance if setting.guidance is None else setting.guidance),
        "temperature": said(defaults.temperature if setting.temperature is None else setting.temperature),
        "seed": setting.seed,
        "seeds": seeds,
    }
    if isinstance(model, MaskedModel):
        own = [s for s in settings if isinstance(s, MaskedConfig)]
        calls = ", ".join(str(s.calls or model.manifest.defaults.calls) for s in own)
        quality |= {"calls": calls, "order": own[0].order or model.manifest.orders[0]}
    record_rows(model, rows, quality)


def said(value: Any) -> Any:
    """A number as it is, and several as the options have them."""
    return parts_text(value) if isinstance(value, (tuple, list)) else value


def record_rows(model: LabelledModel | AnyOrderModel, rows: Rows, quality: dict[str, Any]) -> None:
    """Settings and rows of figures as the manifest's quality section, and the card written anew."""
    for row, figures in rows.items():
        quality |= {f"{row}: {name}": round(float(value), 4) for name, value in figures.items() if name != "samples"}
    manifest = replace(model.manifest, quality=quality)
    folder, text = model.bundle.folder, manifest.to_json()
    files = {"manifest.json": text, "README.md": model_card(manifest)}
    if (folder / VECTORS).is_file():
        # They are those of the new manifest.
        vectors = (folder / VECTORS).read_bytes().decode(errors="surrogateescape")
        files[VECTORS] = vectors.replace(model.bundle.hash, hashlib.sha256(text.encode()).hexdigest(), 1)
    # All or none: the card quotes the manifest, and the test vectors name its hash.
    with held():
        for name, text in files.items():
            write_text(folder / name, text)


def write_text(path: Path, text: str) -> None:
    write_atomic(path, lambda temporary: temporary.write_bytes(text.encode(errors="surrogateescape")))
