"""Checkpoints of letters, and perhaps of durations, and a dictionary -> a bundle of the family "spoken-text"."""

import copy
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnxruntime
import torch
from adr_models.spoken_text.durations import DurationsModel
from adr_models.spoken_text.letters import LettersModel
from adr_runtime.bundles.manifest import parse_manifest
from adr_runtime.bundles.specs import FileSpec, GraphSpec
from adr_runtime.spoken_text.front_end import SpokenText
from adr_runtime.spoken_text.letters import LETTERS
from adr_runtime.spoken_text.lexicon import KNOWN, pack
from adr_runtime.spoken_text.manifest import NESTED, SPOKEN_TEXT, SpokenTextManifest
from adr_runtime.spoken_text.phones import PLACES, SYMBOLS

from adr_export.bundle_writer import About, describe_graph, write_folder
from adr_export.errors import ExportError
from adr_export.graphs import Graph
from adr_export.onnx_writer import least_onnxruntime, round_weights, write_onnx
from adr_export.parity import Checker, open_session, run_onnx, run_torch

LEXICON = "lexicon.xz"
# Lengths at which the graphs are held against PyTorch: a short and a long word, and sentences.
LENGTHS = (3, 12, 60, 300)


# Their provenance comes with the weights of durations.
Timed = tuple[DurationsModel, dict[str, Any]]


def build_graph(model: LettersModel | DurationsModel, length: int = 7) -> Graph:
    """The graph of either network, with random words or sentences of some length."""
    generator, axes = torch.Generator().manual_seed(length), {0: "rows", 1: "length"}
    numbers = {
        name: torch.randint(count, (3, length), generator=generator)
        for name, count in (("letters", len(LETTERS)), ("symbols", len(SYMBOLS)), ("places", PLACES))
    }
    if isinstance(model, LettersModel):
        letters = {"letters": numbers["letters"]}
        return Graph("letters", model, letters, {"letters": axes}, {"log_probabilities": {0: "rows", 1: "slots"}})
    sentences = {name: numbers[name] for name in ("symbols", "places")}
    every = dict.fromkeys(sentences, axes)
    if model.config.speakers:
        sentences["speaker"], every["speaker"] = torch.arange(3) % (len(model.config.speakers) + 1), {0: "rows"}
    return Graph("durations", model, sentences, every, {"log_seconds": axes})


def check(model: LettersModel | DurationsModel, data: bytes, checker: Checker) -> None:
    """ONNX Runtime against PyTorch in float32 and float64, at several lengths. Raises ADRError."""
    session, double = open_session(data), copy.deepcopy(model).double()
    for length in LENGTHS:
        single = build_graph(model, length)
        actual = run_onnx(session, single.arguments)
        for kind, reference in (("float32", single), ("float64", build_graph(double, length))):
            expected = run_torch(reference, reference.arguments)
            checker.compare(f"{single.name} against {kind}", actual, expected)


def read_dictionary(path: Path) -> dict[str, list[tuple[str, ...]]]:
    """Words and pronunciations of a file as cmudict.dict. Raises ExportError that names the line at fault."""
    entries: dict[str, list[tuple[str, ...]]] = {}
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ExportError(f"{path}: cannot read the dictionary: {error}") from error
    for number, line in enumerate(lines, 1):
        if line.startswith(";;;"):
            continue
        word, *phones = line.partition("#")[0].split() or [""]
        if word and (not phones or not KNOWN.issuperset(phones)):
            raise ExportError(f"{path}:{number}: expected a word and its phones, as 'cat K AE1 T', found {line[:60]!r}")
        if word:
            entries.setdefault(word.partition("(")[0].lower(), []).append(tuple(phones))
    if not entries:
        raise ExportError(f"{path}: a dictionary without words")
    return entries


def inner_files(name: Path) -> tuple[dict[str, bytes], tuple[str, ...]]:
    """The files of a bundle of the family "spoken-text", by their names inside a voice's, and the speakers whose pace
    it knows. Raises ADRError where it is damaged, and where it has no durations, which a voice needs."""
    model = SpokenText.load(name)
    manifest, source = model.bundle.manifest, model.bundle.source
    assert isinstance(manifest, SpokenTextManifest)
    if model.durations is None:
        raise ExportError(f"{name} has no durations, which a voice needs; export it with --durations")
    specs: list[GraphSpec | FileSpec] = [*manifest.graphs.values(), manifest.lexicon]
    files = {spec.file: source.read_verified(spec) for spec in specs}
    for file in ("manifest.json", "README.md", f"{manifest.lexicon.file}.licence"):
        if (source.folder / file).is_file():
            files[file] = (source.folder / file).read_bytes()
    return {NESTED.replace("manifest.json", file): data for file, data in files.items()}, manifest.speakers


def write_spoken_text(
    letters: LettersModel, durations: Timed | None, lexicon: Path, about: About, out: Path, dialect: str, half: bool,
    overwrite: bool, tell: Callable[[str], None] = lambda line: None,
) -> SpokenTextManifest:  # fmt: skip
    """As `bundle_writer.write_bundle`. `lexicon` is a file as cmudict.dict; a file LICENSE beside it goes into the
    bundle, as its licence asks. Both dialects hold standard operators only."""
    if out.exists() and not overwrite:
        raise ExportError(f"{out} exists; choose another folder or add --overwrite")
    packed = pack(read_dictionary(lexicon))
    models: list[LettersModel | DurationsModel] = [letters, *([durations[0]] if durations else [])]
    checker, graphs, files = Checker(), dict[str, Graph](), dict[str, bytes]()
    for model in models:
        if half:
            round_weights(model)
        graph = build_graph(model.eval())
        tell(f"exporting {graph.name}.onnx")
        graphs[graph.name], files[graph.name] = graph, write_onnx(graph, dialect)
        check(model, files[graph.name], checker)
    timed = {f"durations: {name}": value for name, value in (durations[1] if durations else {}).items()}
    manifest = SpokenTextManifest(
        schema_version=1, family="spoken-text", kind="text", name=about["name"], description=about["description"],
        dialect=dialect, graphs={name: describe_graph(graph, files[name]) for name, graph in graphs.items()},
        lexicon=FileSpec(LEXICON, hashlib.sha256(packed).hexdigest(), len(packed)), licence=about["licence"],
        data=about["source"], training={**about["training"], "onnxruntime": onnxruntime.__version__, **timed},
        quality={}, parity={what: float(f"{error:.2e}") for what, error in checker.errors.items()},
        onnxruntime=least_onnxruntime(files, dialect), speakers=durations[0].config.speakers if durations else (),
    )  # fmt: skip
    checked = parse_manifest(manifest.to_json(), {"spoken-text": SPOKEN_TEXT})
    assert isinstance(checked, SpokenTextManifest)
    licence = lexicon.parent / "LICENSE"
    others = {f"{LEXICON}.licence": licence.read_bytes()} if licence.is_file() else {}
    write_folder(out, files, checked, {LEXICON: packed, **others})
    return checked
