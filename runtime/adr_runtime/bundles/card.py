"""The model card of a bundle, written from its manifest alone, so that it can say nothing else."""

import re
import shlex

from adr_runtime.bundles.manifest import Manifest
from adr_runtime.bundles.specs import Flat
from adr_runtime.errors import DISTRIBUTION

# How a standard error's name follows from that of its figure.
ERROR = "_standard_error"
# Licences that model hubs know by SPDX's identifier in small letters.
KNOWN_LICENCE = re.compile(
    r"apache-2\.0|mit|isc|bsd-[23]-clause|zlib|unlicense|mpl-2\.0|a?gpl-3\.0|gpl-2\.0|lgpl-(2\.1|3\.0)|cc0-1\.0"
    r"|(?!cc-by-nd-3)cc-by(-nc)?(-nd|-sa)?-[34]\.0|pddl|odbl"
)


def model_card(manifest: Manifest) -> str:
    """README.md of a bundle: front matter as model hubs read it, use, data and licence, quality, parity."""
    any_order, front_end = manifest.family == "ardm", manifest.family == "spoken-text"
    speakers: tuple[str, ...] = getattr(manifest, "speakers", ())
    example = f" --label {shlex.quote(manifest.labels[-1])}" if manifest.labels else ""
    if getattr(manifest, "spoken_text", None):
        example = ' --text "Hello, world."'
    sections = [
        *front_matter(manifest),
        f"# {manifest.name}",
        "",
        f"{manifest.description}.",
        "",
        *([f"    adr-run {manifest.makes} --model {manifest.name}{example}", ""] if not front_end else []),
        f"- Data: {manifest.data}",
        f"- Licence: {manifest.licence}",
        *([f"- Labels: {', '.join(manifest.labels) or 'none'}"] if not any_order and not front_end else []),
        *([f"- Speakers: {', '.join(speakers)}"] if speakers else []),
        f"- Output: {manifest.output}",
        f"- Dialect: {manifest.dialect}",
    ]
    for title, values in (("Training", manifest.training), ("Quality", manifest.quality), ("Parity", manifest.parity)):
        if values:
            settings, rows = measured(values)
            sections += ["", f"## {title}", "", *table(settings)]
            if rows:
                names = [n for n in dict.fromkeys(n for row in rows.values() for n in row) if not n.endswith(ERROR)]
                lines = [[title, *(cell(row, name) for name in names)] for title, row in rows.items()]
                sections += ["", *markdown(["", *(name.replace("_", " ") for name in names)], lines)]
    return "\n".join(sections) + "\n"


def front_matter(manifest: Manifest) -> list[str]:
    """What hubs index a card by, as YAML between two rules, and an empty line."""
    own = {"ardm": ["any-order", "lossless-compression"], "masked": ["any-order"]}
    kinds = ["autoregressive-diffusion", *own.get(manifest.family, [])]
    if manifest.family == "spoken-text":
        kinds = ["grapheme-to-phoneme"]
    return [
        "---",
        *licence_lines(manifest.licence),
        f"library_name: {DISTRIBUTION}",
        f"tags: [{', '.join([*kinds, 'onnx', manifest.kind.replace('audio', 'sound')])}]",
        "---",
        "",
    ]


def hub_card(manifest: Manifest, card: str, name: str) -> str:
    """A bundle's card as it stands on a hub: front matter if it has none, and in the commands the name there."""
    front = "" if card.startswith("---\n") else "\n".join(front_matter(manifest)) + "\n"
    return front + re.sub(rf"(?<= --model ){re.escape(manifest.name)}(?!\S)", lambda _: name, card)


def licence_lines(licence: str) -> list[str]:
    """Front matter of a licence: the hubs' identifier, or `other` with a name out of the text and the link in it."""
    if KNOWN_LICENCE.fullmatch(licence.lower()):
        return [f"license: {licence.lower()}"]
    link = re.search(r"https?://[^\s<>()\"',;]+", licence)
    text = licence.replace(link[0], "") if link else licence
    name = "-".join(re.findall(r"[a-z0-9]+(?:\.[0-9]+)*", text.lower()))
    lines = ["license: other", f"license_name: {name or 'unnamed'}"]
    return [*lines, f"license_link: {link[0]}"] if link else lines


def measured(values: Flat) -> tuple[Flat, dict[str, Flat]]:
    """Plain values, and rows of figures out of those named "row: figure"."""
    settings: Flat = {}
    rows: dict[str, Flat] = {}
    for name, value in values.items():
        row, colon, figure = name.partition(": ")
        if colon:
            rows.setdefault(row, {})[figure] = value
        else:
            settings[name] = value
    return settings, rows


def cell(row: Flat, name: str) -> str:
    """A figure with its standard error where the row has one."""
    error = row.get(name + ERROR)
    return shown(row.get(name, "")) + (f" ± {error:.1g}" if isinstance(error, float) else "")


def shown(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def table(values: Flat) -> list[str]:
    return markdown(["what", "value"], [[name, shown(value)] for name, value in values.items()])


def markdown(headings: list[str], lines: list[list[str]]) -> list[str]:
    rule = "|".join("---" for _ in headings)
    return [f"| {' | '.join(headings)} |", f"|{rule}|", *(f"| {' | '.join(line)} |" for line in lines)]
