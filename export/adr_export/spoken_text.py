"""Checkpoints of letters, and perhaps of durations and an aligner, and a dictionary -> a bundle of the family
"spoken-text"."""

import copy
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import onnxruntime
import torch
from adr_models.spoken_text.aligner import AlignerModel
from adr_models.spoken_text.durations import DurationsModel
from adr_models.spoken_text.letters import LettersModel
from adr_runtime.bundles.manifest import MAX_MANIFEST_BYTES, parse_manifest
from adr_runtime.bundles.specs import FileSpec, GraphSpec
from adr_runtime.loading import load_front_end
from adr_runtime.spoken_text.aligner import HOP
from adr_runtime.spoken_text.letters import LETTERS
from adr_runtime.spoken_text.lexicon import KNOWN, pack
from adr_runtime.spoken_text.manifest import (
    NESTED,
    PACE_OF,
    PACES_BESIDE,
    SPOKEN_TEXT,
    Pace,
    SpokenTextManifest,
)
from adr_runtime.spoken_text.phones import PLACES, SYMBOLS

from adr_export.bundle_writer import About, describe_graph, write_folder
from adr_export.errors import ExportError
from adr_export.graphs import Graph
from adr_export.onnx_writer import least_onnxruntime, round_weights, write_onnx
from adr_export.parity import Checker, open_session, run_onnx, run_torch, widen

LEXICON = "lexicon.xz"
# Lengths at which the graphs are held against PyTorch: a short and a long word, and sentences.
LENGTHS = (3, 12, 60, 300)


# Their provenance comes with the weights of durations and of an aligner.
Timed = tuple[DurationsModel, dict[str, Any]]
Hearing = tuple[AlignerModel, dict[str, Any]]
SpokenTextModel = LettersModel | DurationsModel | AlignerModel


def build_graph(model: SpokenTextModel, length: int = 7) -> Graph:
    """The graph of one of the networks, with random words, sentences or sounds of some length."""
    generator, axes = torch.Generator().manual_seed(length), {0: "rows", 1: "length"}
    if isinstance(model, AlignerModel):
        # Sounds that are no whole number of frames, and are louder at times.
        samples = torch.randn(3, length * HOP + length, generator=generator, dtype=model.out.weight.dtype)
        samples = samples * torch.linspace(0, 6, samples.shape[1]).sin() / 10
        named = {"samples": {0: "rows", 1: "samples"}}
        return Graph("align", model, {"samples": samples}, named, {"log_probabilities": {0: "rows", 1: "frames"}})
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


def check(model: SpokenTextModel, data: bytes, checker: Checker) -> None:
    """ONNX Runtime against PyTorch in float32 and float64, at several lengths. Raises ADRError."""
    session, double = open_session(data), copy.deepcopy(model).double()
    for length in LENGTHS:
        single = build_graph(model, length)
        actual = run_onnx(session, single.arguments)
        for kind, reference in (("float32", single), ("float64", build_graph(double, length))):
            exact = single.arguments if kind == "float32" else widen(single.arguments)
            expected = run_torch(reference, exact)
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


def inner_files(
    name: Path, speakers: Sequence[str] = (), training: Mapping[str, Any] | None = None
) -> tuple[dict[str, bytes], tuple[str, ...]]:
    """The files of a bundle of the family "spoken-text", or of the one inside a voice's, by their names inside a
    voice's, and the speakers whose pace it knows: to these come those `speakers` whose pace beside its own durations is
    told by what a checkpoint says of its `training`. Raises ADRError where it is damaged, and where it has no
    durations, which a voice needs."""
    model = load_front_end(name)
    manifest, source = model.bundle.manifest, model.bundle.source
    assert isinstance(manifest, SpokenTextManifest)
    if model.durations is None:
        raise ExportError(f"{name} has no durations, which a voice needs; export it with --durations")
    specs: list[GraphSpec | FileSpec] = [*manifest.graphs.values(), manifest.lexicon]
    files = {spec.file: source.read_verified(spec) for spec in specs}
    for file in ("manifest.json", "README.md", f"{manifest.lexicon.file}.licence"):
        data = source.read_if_there(file, MAX_MANIFEST_BYTES)
        if data is not None:
            files[file] = data
    paces = paces_of(manifest, speakers, training or {})
    if paces != manifest.paces:
        files["manifest.json"] = replace(manifest, paces=paces).to_json().encode()
    paced = (*manifest.speakers, *(pace.speaker for pace in paces))
    return {NESTED.replace("manifest.json", file): data for file, data in files.items()}, paced


def paces_of(manifest: SpokenTextManifest, speakers: Sequence[str], training: Mapping[str, Any]) -> tuple[Pace, ...]:
    """The paces that the manifest has of these speakers, and those that were measured beside the same durations."""
    kept = {pace.speaker: pace.factor for pace in manifest.paces if pace.speaker in speakers}
    if training.get(PACES_BESIDE) == manifest.graphs["durations"].sha256:
        told = {speaker: training.get(f"{PACE_OF}{speaker}") for speaker in speakers}
        kept |= {k: float(v) for k, v in told.items() if v is not None and k not in manifest.speakers}
    return tuple(Pace(speaker, factor) for speaker, factor in sorted(kept.items()))


def write_spoken_text(
    letters: LettersModel, durations: Timed | None, aligner: Hearing | None, lexicon: Path, about: About, out: Path,
    dialect: str, half: bool, overwrite: bool, tell: Callable[[str], None] = lambda line: None,
) -> SpokenTextManifest:  # fmt: skip
    """As `bundle_writer.write_bundle`. `lexicon` is a file as cmudict.dict; a file LICENSE beside it goes into the
    bundle, as its licence asks. Both dialects hold standard operators only."""
    if out.exists() and not overwrite:
        raise ExportError(f"{out} exists; choose another folder or add --overwrite")
    packed = pack(read_dictionary(lexicon))
    others: dict[str, Timed | Hearing | None] = {"durations": durations, "aligner": aligner}
    models: list[SpokenTextModel] = [letters, *(other[0] for other in others.values() if other)]
    checker, graphs, files = Checker(), dict[str, Graph](), dict[str, bytes]()
    for model in models:
        if half:
            round_weights(model)
        graph = build_graph(model.eval())
        tell(f"exporting {graph.name}.onnx")
        graphs[graph.name], files[graph.name] = graph, write_onnx(graph, dialect)
        check(model, files[graph.name], checker)
    further = {f"{what}: {name}": v for what, other in others.items() if other for name, v in other[1].items()}
    manifest = SpokenTextManifest(
        schema_version=1, family="spoken-text", kind="text", name=about["name"], description=about["description"],
        dialect=dialect, graphs={name: describe_graph(graph, files[name]) for name, graph in graphs.items()},
        lexicon=FileSpec(LEXICON, hashlib.sha256(packed).hexdigest(), len(packed)), licence=about["licence"],
        data=about["source"], training={**about["training"], "onnxruntime": onnxruntime.__version__, **further},
        quality={}, parity={what: float(f"{error:.2e}") for what, error in checker.errors.items()},
        onnxruntime=least_onnxruntime(files, dialect), speakers=durations[0].config.speakers if durations else (),
    )  # fmt: skip
    checked = parse_manifest(manifest.to_json(), {"spoken-text": SPOKEN_TEXT})
    assert isinstance(checked, SpokenTextManifest)
    licence = lexicon.parent / "LICENSE"
    notice = {f"{LEXICON}.licence": licence.read_bytes()} if licence.is_file() else {}
    write_folder(out, files, checked, {LEXICON: packed, **notice})
    return checked
