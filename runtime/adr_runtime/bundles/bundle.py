"""Opening a bundle: everything is verified before an ONNX Runtime session is created from it."""

import hashlib
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path

from adr_runtime.bundles.hub import HubName, is_hub_name
from adr_runtime.bundles.manifest import MAX_MANIFEST_BYTES, Family, Manifest, parse_manifest
from adr_runtime.bundles.onnx_file import check_onnx
from adr_runtime.bundles.specs import FileSpec, GraphSpec
from adr_runtime.bundles.strict_json import MANIFEST
from adr_runtime.errors import BundleError, InputError, MissingFileError


@dataclass(frozen=True)
class VerifiedGraph:
    """The very bytes whose SHA-256 was checked, and the bytes of the largest constant that ONNX Runtime needs to
    compute of them."""

    data: bytes
    constant_bytes: int


def shipped() -> dict[str, Path]:
    """The bundles inside the package, by name."""
    folder = Path(str(resources.files("adr_runtime.bundles"))) / "shipped"
    return {path.parent.name: path.parent for path in sorted(folder.glob("*/manifest.json"))}


@dataclass(frozen=True)
class Source:
    """Where the files of a bundle are read: a folder, or a commit's in the cache of a hub, fetched there when they are
    asked for. `within` is the name of the folder, and a stroke, where it is inside another bundle's."""

    folder: Path
    hub: HubName | None = None
    within: str = ""

    @property
    def remedy(self) -> str:
        kept = self.folder.parents[2 if self.within else 1] if self.hub else None
        return f"delete {kept} to fetch it anew" if kept else "fetch or export the bundle again"

    @property
    def real_folder(self) -> Path:
        """Where files may be, no link leading elsewhere."""
        if self.within:
            return self.folder.parent.resolve(strict=True) / self.folder.name
        return self.folder.resolve(strict=True)

    def read(self, file: str, size: int | None, limit: int) -> bytes:
        """A regular file directly in the folder, not a link out of it, of exactly `size` bytes where one is given. A
        hub's cache consists of links, which huggingface_hub has made. Raises ADRError."""
        if self.hub:
            self.hub.fetch(self.within + file, limit)
        path = self.folder / file
        try:
            if not self.hub and path.resolve(strict=True).parent != self.real_folder:
                raise BundleError(f"{path}: leads out of the bundle's folder")
            # A pipe would let us wait for somebody who writes.
            flags = getattr(os, "O_NONBLOCK", 0)
            with open(path, "rb", opener=lambda name, others: os.open(name, others | flags)) as source:
                about = os.fstat(source.fileno())
                if not stat.S_ISREG(about.st_mode):
                    raise BundleError(f"{path}: is no plain file; {self.remedy}")
                if about.st_size > limit or (size is not None and about.st_size != size):
                    expected = f"{'up to ' if size is None else ''}{limit} bytes"
                    raise BundleError(f"{path}: expected {expected}, found {about.st_size}; {self.remedy}")
                return source.read(limit)
        except FileNotFoundError as error:
            raise MissingFileError(f"{path}: missing; {self.remedy}") from error
        except (OSError, RuntimeError, ValueError) as error:
            # Up to Python 3.12 a circle of links is a RuntimeError.
            raise BundleError(f"{path}: cannot read: {getattr(error, 'strerror', None) or error}") from error

    def read_if_there(self, file: str, limit: int) -> bytes | None:
        """The same for a file that a bundle may be without. Raises ADRError, also where a hub cannot be asked."""
        try:
            return self.read(file, None, limit)
        except MissingFileError:
            return None

    def read_verified(self, spec: GraphSpec | FileSpec) -> bytes:
        """A file that a manifest names, of the size and hash that it says. Raises ADRError."""
        data = self.read(spec.file, spec.bytes, spec.bytes)
        digest = hashlib.sha256(data).hexdigest()
        if digest != spec.sha256:
            raise BundleError(
                f"{self.folder / spec.file}: damaged: SHA-256 expected {spec.sha256[:16]}…, found {digest[:16]}…; "
                f"{self.remedy}"
            )
        return data


@dataclass(frozen=True)
class Bundle:
    """A verified bundle. `hash` is the SHA-256 of manifest.json, which in turn holds those of the graphs."""

    source: Source
    manifest: Manifest
    hash: str

    @property
    def folder(self) -> Path:
        """Where its files are."""
        return self.source.folder


def find_bundle(name: str | Path) -> Source:
    """Where a shipped bundle, one on a hub, or a folder is."""
    if is_hub_name(name):
        hub = HubName.parse(name)
        folder = hub.fetch(MANIFEST, MAX_MANIFEST_BYTES).parent
        # The other files are of the same commit, whatever comes to the branch meanwhile.
        return Source(folder, replace(hub, revision=folder.name))
    models = shipped()
    if str(name) in models:
        return Source(models[str(name)])
    path = Path(name)
    # A name that is too long is no file to these, and an exception to Path.
    if os.path.isfile(path / MANIFEST):
        return Source(path)
    if os.path.isdir(path):
        raise BundleError(f"{path}: no {MANIFEST} here; give a folder that adr-export wrote")
    raise InputError(
        f"unknown model {str(name)[:80]!r}; shipped are {', '.join(models) or 'none'}, or give a bundle's folder, or "
        "hf:owner/name"
    )


def read_bundle(name: str | Path, families: Mapping[str, Family]) -> tuple[Bundle, dict[str, VerifiedGraph]]:
    """Read and verify a bundle of one of the `families`, by name, and its graphs. Raises ADRError with one line that
    names file, field, expected and found."""
    source = find_bundle(name)
    return verified(source, source.read(MANIFEST, None, MAX_MANIFEST_BYTES), families)


def read_nested(
    bundle: Bundle, spec: FileSpec, families: Mapping[str, Family]
) -> tuple[Bundle, dict[str, VerifiedGraph]]:
    """The same for a bundle in a folder of another one, whose manifest names the inner manifest by size and hash, so
    that the hash of the outer bundle stands for both."""
    within = spec.file.removesuffix(MANIFEST)
    source = replace(bundle.source, folder=bundle.folder / within, within=within)
    return verified(source, source.read_verified(replace(spec, file=MANIFEST)), families)


def verified(source: Source, text: bytes, families: Mapping[str, Family]) -> tuple[Bundle, dict[str, VerifiedGraph]]:
    """The bundle of a manifest and its graphs. Raises ADRError."""
    try:
        manifest = parse_manifest(text.decode(), families)
    except UnicodeDecodeError as error:
        raise BundleError(f"{source.folder / MANIFEST}: not UTF-8 text") from error
    except BundleError as error:
        # It begins with the name of the file alone.
        raise BundleError(f"{source.within}{error}") from error
    graphs = {}
    for key, graph in manifest.graphs.items():
        data = source.read_verified(graph)
        graphs[key] = VerifiedGraph(data, check_onnx(data, str(source.folder / graph.file), key))
    return Bundle(source, manifest, hashlib.sha256(text).hexdigest()), graphs
