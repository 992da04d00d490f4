"""manifest.json: what a bundle of any family holds, parsed strictly because a bundle is untrusted input.

Sizes are capped here, before anything is allocated. Every error names the field, what was expected and what was found.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from adr_runtime.bundles.interfaces import MAX_FILE_BYTES, check_graph
from adr_runtime.bundles.specs import Flat, GraphSpec, Sizes
from adr_runtime.bundles.strict_json import MANIFEST, convert, read_json, refuse
from adr_runtime.bundles.versions import release
from adr_runtime.errors import BundleError, upgrade_hint

SCHEMA_VERSION = 1
MAX_MANIFEST_BYTES = 4 << 20

# The class that loads a family's bundles.
LOADERS = {
    "adr": "an AudioModel or ImageModel", "ardm": "an AnyOrderModel", "masked": "a MaskedModel",
    "spoken-text": "a SpokenText",
}  # fmt: skip

# A field, what was found there, whether that is right, and what would be.
Rule = tuple[str, Any, bool, str]


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What the manifests of all families have in common; `onnxruntime` is the least version of ONNX Runtime that runs
    the graphs, as "1.25.1", or nothing where nobody has said."""

    schema_version: int
    family: str
    kind: str
    name: str
    description: str
    dialect: str
    graphs: dict[str, GraphSpec]
    labels: tuple[str, ...]
    licence: str
    data: str
    training: Flat
    quality: Flat
    parity: Flat
    onnxruntime: str = ""
    # The names of all fields as they follow one another in the file.
    ORDER: ClassVar[tuple[str, ...]]

    def values(self) -> dict[str, Any]:
        """All fields as JSON has them, in the order of the file."""
        found = asdict(self)
        return {name: found[name] for name in self.ORDER}

    def to_json(self) -> str:
        return json.dumps(self.values(), indent=1, ensure_ascii=False) + "\n"

    @property
    def makes(self) -> str:
        """ "audio", "image" or "text": in manifests, any-order models of audio are of a kind of their own."""
        return self.kind.replace("sound", "audio")

    @property
    def output(self) -> str:
        """What the model makes, in one line for cards."""
        raise NotImplementedError

    def output_sizes(self, graph: str) -> Sizes:
        """How long the dimensions of a graph's outputs are that its inputs do not have."""
        return lambda sizes: {}


@dataclass(frozen=True)
class Family:
    """The manifest of a family of models as a type, and the function that checks what its types cannot say."""

    manifest: type[Manifest]
    check: Callable[[Any], None]


def parse_manifest(text: str, families: Mapping[str, Family]) -> Manifest:
    """The checked manifest of one of the `families`, by name, from JSON text. Raises ADRError with one line."""
    values = read_json(text)
    about = values if isinstance(values, dict) else {}
    version, family = about.get("schema_version"), about.get("family")
    if isinstance(version, int) and version > SCHEMA_VERSION:
        raise BundleError(
            f"manifest.json: schema_version is {version}, this runtime reads up to {SCHEMA_VERSION}; "
            f"upgrade with: {upgrade_hint()}"
        )
    if not isinstance(values, dict):
        refuse("the whole", "an object", values)
    if not isinstance(family, str) or family not in families:
        refuse("family", known_families(families, family), about.get("family", "nothing"))
    manifest: Manifest = convert(families[family].manifest, values, "")
    families[family].check(manifest)
    return manifest


def common_rules(
    manifest: Manifest, kinds: tuple[str, ...], graphs: tuple[str, ...], others: tuple[str, ...] = ()
) -> list[Rule]:
    """The rules of a family with models of these `kinds`, whose bundles have these `graphs`, and may have `others`."""
    version, least, present = manifest.schema_version, manifest.onnxruntime, manifest.graphs
    fits = set(graphs) <= set(present) <= {*graphs, *others}
    wanted = ", ".join(sorted(graphs)) + (f", and perhaps {', '.join(sorted(others))}" if others else "")
    written = len(least) <= 32 and ".".join(map(str, release(least))) == least
    return [
        ("schema_version", version, version == SCHEMA_VERSION, str(SCHEMA_VERSION)),
        ("kind", manifest.kind, manifest.kind in kinds, " or ".join(f'"{kind}"' for kind in kinds)),
        ("graphs", sorted(present), fits, wanted),
        ("labels", "others", len(set(manifest.labels)) == len(manifest.labels), "no label twice"),
        ("onnxruntime", least, written, 'a version as "1.25.1"'),
    ]


def check_graphs(manifest: Manifest) -> None:
    """Raises ADRError where a graph's file or tensors are none that any bundle has."""
    for name, graph in manifest.graphs.items():
        check_graph(f"graphs.{name}", graph)
    size = sum(graph.bytes for graph in manifest.graphs.values())
    enforce([("graphs", size, size <= MAX_FILE_BYTES, f"up to {MAX_FILE_BYTES} bytes in all")])


def known_families(families: Mapping[str, Family], family: object) -> str:
    """What a reader of these families expects; it may be the wrong one for a bundle that is right."""
    expected = " or ".join(f'"{name}"' for name in families)
    other = LOADERS.get(family) if isinstance(family, str) else None
    return f"{expected} (load it as {other})" if other else expected


def enforce(rules: list[Rule], file: str = MANIFEST) -> None:
    """Raises ADRError at the first rule that is broken."""
    for where, found, good, expected in rules:
        if not good:
            refuse(where, expected, found, file)
