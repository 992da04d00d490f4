"""What has to be fetched to use a bundle in each language, for languages.py: files, and their size when compressed."""

import json
import zlib
from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path

from adr_runtime.serving.page import page_files
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
MODULES = ROOT / "runtime" / "js" / "node_modules"


def compressed(files: Iterable[Path]) -> int:
    """Bytes of files as wheels, npm's archives and web servers compress them: deflate."""
    return sum(len(zlib.compress(file.read_bytes())) for file in set(files))


def of_python() -> Iterator[Path]:
    """The extra `cpu` with all that it needs, and the wheel without its bundles."""
    for name in sorted(needed("adr-runtime", "cpu") - {"adr-runtime"}):
        files = metadata.files(name) or []
        yield from (path for file in files if (path := Path(str(file.locate()))).suffix != ".pyc" and path.is_file())
    for folder in (
        "models/adr_models",
        "train/adr_train",
        "export/adr_export",
        "runtime/adr_runtime",
        "runtime/js/src",
        "runtime/js/page",
    ):
        for path in (ROOT / folder).rglob("*"):
            if path.is_file() and path.suffix != ".pyc" and "shipped" not in path.parts:
                yield path


def needed(name: str, extra: str) -> set[str]:
    """A distribution with one of its extras, and all that it requires."""
    found = [name]
    for one in found:
        for line in metadata.requires(one) or ():
            requirement = Requirement(line)
            wanted = {"extra": extra if one == name else ""}
            if requirement.name not in found and (requirement.marker is None or requirement.marker.evaluate(wanted)):
                found.append(requirement.name)
    return set(found)


def of_node(name: str) -> Iterator[Path]:
    """A package of npm with all that it depends on, whose archive is fetched whole, and this project's."""
    yield from (path for path in (ROOT / "runtime" / "js" / "src").rglob("*.js"))
    packages = [name]
    for package in packages:
        yield from (path for path in (MODULES / package).rglob("*") if path.is_file())
        about = json.loads((MODULES / package / "package.json").read_text())
        packages += [other for other in about.get("dependencies", {}) if other not in packages]


def of_page() -> Iterator[Path]:
    """What a page asks for: this project's package, and three files of onnxruntime-web."""
    files = page_files(MODULES / "onnxruntime-web" / "dist")
    yield from (path for address, path in files.items() if address.startswith(("/src/", "/ort/")))


def of_c(program: Path) -> Iterator[Path]:
    """The program and the library beside it."""
    yield from (program, (program.with_name("libonnxruntime.so.1")).resolve())
