"""A checkpoint of durations -> the bundle of text to phones that another one is with these durations in place of its
own: the rhythm of one's own voices, with the letters, the dictionary and the aligner of a bundle that is there."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import onnxruntime
from adr_models.spoken_text.durations import DurationsModel
from adr_runtime.bundles.manifest import MAX_MANIFEST_BYTES
from adr_runtime.loading import load_front_end
from adr_runtime.spoken_text.manifest import SpokenTextManifest

from adr_export.bundle_writer import describe_graph, write_folder
from adr_export.errors import ExportError
from adr_export.onnx_writer import least_onnxruntime, round_weights, write_onnx
from adr_export.parity import Checker
from adr_export.spoken_text import build_graph, check

NAME = "durations"


def write_retimed(
    model: DurationsModel, training: Mapping[str, Any], text: Path, out: Path, half: bool, overwrite: bool,
    tell: Callable[[str], None] = lambda line: None,
) -> SpokenTextManifest:  # fmt: skip
    """As `bundle_writer.write_bundle`, in the dialect of `text`, a bundle of the family "spoken-text" or a voice that
    has one inside; `training` is the provenance of the durations. Raises ADRError."""
    if out.exists() and not overwrite:
        raise ExportError(f"{out} exists; choose another folder or add --overwrite")
    bundle = load_front_end(text).bundle
    old, source, checker = bundle.manifest, bundle.source, Checker()
    assert isinstance(old, SpokenTextManifest)
    if half:
        round_weights(model)
    graph = build_graph(model.eval())
    tell(f"exporting {NAME}.onnx")
    files = {name: source.read_verified(spec) for name, spec in old.graphs.items() if name != NAME}
    files[NAME] = write_onnx(graph, old.dialect)
    check(model, files[NAME], checker)
    mine = {f"{NAME}: {name}": value for name, value in training.items()}
    mine[f"{NAME}: onnxruntime"] = onnxruntime.__version__
    manifest = replace(
        old, graphs={**old.graphs, NAME: describe_graph(graph, files[NAME])}, speakers=model.config.speakers, paces=(),
        training={**others(old.training, f"{NAME}: "), **mine},
        parity={**others(old.parity, f"{NAME} "), **{k: float(f"{v:.2e}") for k, v in checker.errors.items()}},
        onnxruntime=least_onnxruntime(files, old.dialect),
    )  # fmt: skip
    notice = f"{old.lexicon.file}.licence"
    licence = source.read_if_there(notice, MAX_MANIFEST_BYTES)
    kept = {old.lexicon.file: source.read_verified(old.lexicon)} | ({notice: licence} if licence else {})
    write_folder(out, files, manifest, kept)
    return manifest


def others(told: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    return {name: value for name, value in told.items() if not name.startswith(prefix)}
