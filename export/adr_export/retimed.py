"""A checkpoint of durations -> the bundle of text to phones that another one is with these durations in place of its
own: the rhythm of one's own voices, with the letters, the dictionary and the aligner of a bundle that is there."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import onnxruntime
from adr_models.spoken_text.durations import DurationsModel
from adr_runtime.bundles.manifest import MAX_MANIFEST_BYTES, parse_manifest
from adr_runtime.bundles.versions import release
from adr_runtime.loading import load_front_end
from adr_runtime.spoken_text.manifest import SPOKEN_TEXT, SpokenTextManifest

from adr_export.bundle_writer import About, describe_graph, write_folder
from adr_export.errors import ExportError
from adr_export.onnx_writer import OPSETS, least_onnxruntime, round_weights, write_onnx
from adr_export.parity import Checker
from adr_export.spoken_text import LEXICON, build_graph, check

NAME = "durations"


def write_retimed(
    model: DurationsModel, about: About, text: Path, out: Path, half: bool, overwrite: bool,
    tell: Callable[[str], None] = lambda line: None,
) -> SpokenTextManifest:  # fmt: skip
    """As `bundle_writer.write_bundle`, in the dialect of `text`, a bundle of the family "spoken-text" or a voice that
    has one inside; `about` is of the durations. Raises ADRError."""
    if out.exists() and not overwrite:
        raise ExportError(f"{out} exists; choose another folder or add --overwrite")
    bundle = load_front_end(text).bundle
    old, source, checker = bundle.manifest, bundle.source, Checker()
    assert isinstance(old, SpokenTextManifest)
    if out.exists() and out.resolve() == text.resolve() and not (out / old.lexicon.file).is_file():
        raise ExportError(f"{out} is a voice, in whose place there would be its text alone; choose another folder")
    if old.dialect not in OPSETS:
        raise ExportError(f"{text}: of the unknown dialect {old.dialect!r}; there are {', '.join(OPSETS)}")
    if half:
        round_weights(model)
    graph = build_graph(model.eval())
    tell(f"exporting {NAME}.onnx")
    files = {name: source.read_verified(spec) for name, spec in old.graphs.items() if name != NAME}
    files[NAME] = write_onnx(graph, old.dialect)
    check(model, files[NAME], checker)
    mine = {f"{NAME}: {name}": value for name, value in about["training"].items()}
    mine |= {f"{NAME}: licence": about["licence"], f"{NAME}: onnxruntime": onnxruntime.__version__}
    least = max((old.onnxruntime, least_onnxruntime(files, old.dialect)), key=release)
    manifest = replace(
        old, name=old.name if about["name"] == NAME else about["name"], paces=(), onnxruntime=least,
        graphs={k: replace(spec, file=f"{k}.onnx") for k, spec in old.graphs.items()}
        | {NAME: describe_graph(graph, files[NAME])}, speakers=model.config.speakers,
        lexicon=replace(old.lexicon, file=LEXICON), training={**others(old.training, f"{NAME}: "), **mine},
        parity={**others(old.parity, f"{NAME} "), **{k: float(f"{v:.2e}") for k, v in checker.errors.items()}},
        quality=others(old.quality, f"{NAME}: "),
    )  # fmt: skip
    checked = parse_manifest(manifest.to_json(), {"spoken-text": SPOKEN_TEXT})
    assert isinstance(checked, SpokenTextManifest)
    licence = source.read_if_there(f"{old.lexicon.file}.licence", MAX_MANIFEST_BYTES)
    notice = {f"{LEXICON}.licence": licence} if licence else {}
    write_folder(out, files, checked, {LEXICON: source.read_verified(old.lexicon), **notice})
    return checked


def others(told: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    return {name: value for name, value in told.items() if not name.startswith(prefix)}
