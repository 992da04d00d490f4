"""The manifest of a bundle that turns text into phones: the graph of letters, a dictionary, and perhaps the graph of
durations."""

from dataclasses import dataclass

from adr_runtime.bundles.interfaces import check_tensors, floats
from adr_runtime.bundles.manifest import Family, Manifest, check_graphs, common_rules, enforce
from adr_runtime.bundles.specs import FileSpec, Sizes, Tensors
from adr_runtime.spoken_text.letters import CLASSES, SLOTS
from adr_runtime.spoken_text.lexicon import MAX_PACKED

# Where a voice's bundle has this one's manifest, its other files beside it.
NESTED = "text/manifest.json"
LETTERS: tuple[Tensors, Tensors] = (
    {"letters": ("int64", ("rows", "length"))},
    {"log_probabilities": floats("rows", "slots", CLASSES)},
)
DURATIONS: tuple[Tensors, Tensors] = (
    {"symbols": ("int64", ("rows", "length")), "places": ("int64", ("rows", "length"))},
    {"log_seconds": floats("rows", "length")},
)
MAX_SPEAKERS = 1 << 12


@dataclass(frozen=True, kw_only=True)
class SpokenTextManifest(Manifest):
    """`lexicon` is the dictionary (`adr_runtime.spoken_text.lexicon`); `speakers` are those whose pace the durations
    know, which have then one input more."""

    labels: tuple[str, ...] = ()
    speakers: tuple[str, ...] = ()
    lexicon: FileSpec
    ORDER = (
        "schema_version", "family", "kind", "name", "description", "dialect", "graphs", "lexicon", "licence", "data",
        "training", "quality", "parity", "labels", "speakers", "onnxruntime",
    )  # fmt: skip

    @property
    def output(self) -> str:
        return "phones of American English (ARPAbet)" + (" and their durations" * ("durations" in self.graphs))

    def output_sizes(self, graph: str) -> Sizes:
        return lambda sizes: {"slots": SLOTS * sizes["length"]} if graph == "letters" else {}


def check_spoken_text(manifest: SpokenTextManifest) -> None:
    """Check what the types cannot say. Raises ADRError that names the field."""
    lexicon, speakers = manifest.lexicon, manifest.speakers
    confined = bool(lexicon.file == lexicon.file.strip(". ") and not set(lexicon.file) & set("/\\:\0") and lexicon.file)
    enforce([
        *common_rules(manifest, ("text",), ("letters",), ("durations",)),
        ("labels", len(manifest.labels), not manifest.labels, "none"),
        ("speakers", len(speakers), len(speakers) <= MAX_SPEAKERS, f"at most {MAX_SPEAKERS}"),
        ("speakers", "others", len(set(speakers)) == len(speakers), "no speaker twice"),
        ("speakers", "some", not speakers or "durations" in manifest.graphs, "none without durations"),
        ("lexicon.file", lexicon.file, confined, "a plain file name inside the bundle"),
        ("lexicon.bytes", lexicon.bytes, 0 < lexicon.bytes <= MAX_PACKED, f"1 to {MAX_PACKED}"),
    ])  # fmt: skip
    check_graphs(manifest)
    taken, given = DURATIONS
    if manifest.speakers:
        taken = {**taken, "speaker": ("int64", ("rows",))}
    for name, tensors in {"letters": LETTERS, "durations": (taken, given)}.items():
        if name in manifest.graphs:
            check_tensors(manifest.graphs, name, *tensors)


SPOKEN_TEXT = Family(SpokenTextManifest, check_spoken_text)
