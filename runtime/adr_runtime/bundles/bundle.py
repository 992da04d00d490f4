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
from adr_runtime.errors import BundleError, InputError


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
    asked for."""

    folder: Path
    hub: HubName | None = None

    @property
    def remedy(self) -> str:
        return f"delete {self.folder.parents[1]} to fetch it anew" if self.hub else "fetch or export the bundle again"

    def read(self, file: str, size: int | None, limit: int) -> bytes:
        """A regular file directly in the folder, not a link out of it, of exactly `size` bytes where one is given. A
        hub's cache consists of links, which huggingface_hub has made. Raises ADRError."""
        if self.hub:
            self.hub.fetch(file, limit)
        path = self.folder / file
        try:
            if not self.hub and path.resolve(strict=True).parent != self.folder.resolve(strict=True):
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
            raise BundleError(f"{path}: missing; {self.remedy}") from error
        except (OSError, RuntimeError, ValueError) as error:
            # Up to Python 3.12 a circle of links is a RuntimeError.
            raise BundleError(f"{path}: cannot read: {getattr(error, 'strerror', None) or error}") from error


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
        folder = hub.fetch("manifest.json", MAX_MANIFEST_BYTES).parent
        # The other files are of the same commit, whatever comes to the branch meanwhile.
        return Source(folder, replace(hub, revision=folder.name))
    models = shipped()
    if str(name) in models:
        return Source(models[str(name)])
    path = Path(name)
    # A name that is too long is no file to these, and an exception to Path.
    if os.path.isfile(path / "manifest.json"):
        return Source(path)
    if os.path.isdir(path):
        raise BundleError(f"{path}: no manifest.json here; give a folder that adr-export wrote")
    raise InputError(
        f"unknown model {str(name)[:80]!r}; shipped are {', '.join(models) or 'none'}, or give a bundle's folder, or "
        "hf:owner/name"
    )


def read_bundle(name: str | Path, families: Mapping[str, Family]) -> tuple[Bundle, dict[str, VerifiedGraph]]:
    """Read and verify a bundle of one of the `families`, by name, and its graphs. Raises ADRError with one line that
    names file, field, expected and found."""
    source = find_bundle(name)
    folder = source.folder
    text = source.read("manifest.json", None, MAX_MANIFEST_BYTES)
    try:
        manifest = parse_manifest(text.decode(), families)
    except UnicodeDecodeError as error:
        raise BundleError(f"{folder / 'manifest.json'}: not UTF-8 text") from error
    graphs = {}
    for key, graph in manifest.graphs.items():
        data = source.read(graph.file, graph.bytes, graph.bytes)
        digest = hashlib.sha256(data).hexdigest()
        if digest != graph.sha256:
            raise BundleError(
                f"{folder / graph.file}: damaged: SHA-256 expected {graph.sha256[:16]}…, found {digest[:16]}…; "
                f"{source.remedy}"
            )
        graphs[key] = VerifiedGraph(data, check_onnx(data, str(folder / graph.file), key))
    return Bundle(source, manifest, hashlib.sha256(text).hexdigest()), graphs
