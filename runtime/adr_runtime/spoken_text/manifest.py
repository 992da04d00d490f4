"""The manifest of a bundle that turns text into phones: the graph of letters, a dictionary, and perhaps the graphs of
durations and of what finds phones in recordings."""

from dataclasses import dataclass
from typing import Any

from adr_runtime.bundles.interfaces import check_tensors, floats
from adr_runtime.bundles.manifest import Family, Manifest, check_graphs, common_rules, enforce
from adr_runtime.bundles.specs import FileSpec, Sizes, Tensors
from adr_runtime.spoken_text.aligner import HOP, SOUNDS
from adr_runtime.spoken_text.durations import FASTEST, SLOWEST
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
ALIGN: tuple[Tensors, Tensors] = (
    {"samples": floats("rows", "samples")},
    {"log_probabilities": floats("rows", "frames", len(SOUNDS))},
)
MAX_SPEAKERS = 1 << 12
# What `training` says of a speaker's pace, and of the durations beside which it was measured (their SHA-256).
PACE_OF, PACES_BESIDE = "pace of ", "paces beside"


@dataclass(frozen=True)
class Pace:
    """How long the phones of a speaker, whom the durations do not know, are beside those of nobody's pace."""

    speaker: str
    factor: float


@dataclass(frozen=True, kw_only=True)
class SpokenTextManifest(Manifest):
    """`lexicon` is the dictionary (`adr_runtime.spoken_text.lexicon`); `speakers` are those whose pace the durations
    know, which have then one input more; `paces` are those of others."""

    labels: tuple[str, ...] = ()
    speakers: tuple[str, ...] = ()
    paces: tuple[Pace, ...] = ()
    lexicon: FileSpec
    ORDER = (
        "schema_version", "family", "kind", "name", "description", "dialect", "graphs", "lexicon", "licence", "data",
        "training", "quality", "parity", "labels", "speakers", "paces", "onnxruntime",
    )  # fmt: skip

    def values(self) -> dict[str, Any]:
        """All fields as JSON has them; paces only where there are some, for older runtimes."""
        values = super().values()
        if not self.paces:
            del values["paces"]
        return values

    @property
    def output(self) -> str:
        return "phones of American English (ARPAbet)" + (" and their durations" * ("durations" in self.graphs))

    def output_sizes(self, graph: str) -> Sizes:
        if graph == "align":
            return lambda sizes: {"frames": sizes["samples"] // HOP}
        return lambda sizes: {"slots": SLOTS * sizes["length"]} if graph == "letters" else {}


def check_spoken_text(manifest: SpokenTextManifest) -> None:
    """Check what the types cannot say. Raises ADRError that names the field."""
    lexicon, speakers, paces = manifest.lexicon, manifest.speakers, manifest.paces
    others = [pace.speaker for pace in paces]
    confined = bool(lexicon.file == lexicon.file.strip(". ") and not set(lexicon.file) & set("/\\:\0") and lexicon.file)
    enforce([
        *common_rules(manifest, ("text",), ("letters",), ("durations", "align")),
        ("labels", len(manifest.labels), not manifest.labels, "none"),
        ("speakers", len(speakers), len(speakers) <= MAX_SPEAKERS, f"at most {MAX_SPEAKERS}"),
        ("speakers", "others", len(set(speakers)) == len(speakers), "no speaker twice"),
        ("speakers", "some", not speakers or "durations" in manifest.graphs, "none without durations"),
        ("paces", len(paces), len(paces) <= MAX_SPEAKERS, f"at most {MAX_SPEAKERS}"),
        ("paces", "others", len({*others, *speakers}) == len(others) + len(speakers), "no speaker twice"),
        ("paces", "some", not paces or "durations" in manifest.graphs, "none without durations"),
        ("paces", [pace.factor for pace in paces], all(SLOWEST <= pace.factor <= FASTEST for pace in paces),
         f"factors from {SLOWEST:g} to {FASTEST:g}"),
        ("lexicon.file", lexicon.file, confined, "a plain file name inside the bundle"),
        ("lexicon.bytes", lexicon.bytes, 0 < lexicon.bytes <= MAX_PACKED, f"1 to {MAX_PACKED}"),
    ])  # fmt: skip
    check_graphs(manifest)
    taken, given = DURATIONS
    if manifest.speakers:
        taken = {**taken, "speaker": ("int64", ("rows",))}
    for name, tensors in {"letters": LETTERS, "durations": (taken, given), "align": ALIGN}.items():
        if name in manifest.graphs:
            check_tensors(manifest.graphs, name, *tensors)


SPOKEN_TEXT = Family(SpokenTextManifest, check_spoken_text)
