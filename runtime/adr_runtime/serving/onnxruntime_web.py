"""ONNX Runtime for browsers: three files of the npm package onnxruntime-web, fetched once and kept.

They have 14 MB, and nothing but the demonstration needs them, so the wheel goes without. npm's archive has 33 MB. It is
unpacked only if its SHA-512 is the one that runtime/js/package-lock.json has, wherever it came from.
"""

import base64
import hashlib
import http.client
import os
import shutil
import tarfile
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

from adr_runtime.errors import ADRError, InputError
from adr_runtime.terminal.cache import default_cache

VERSION = "1.30.0"
INTEGRITY = "sha512-q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ=="
FILES = ("ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm")
REGISTRY = "https://registry.npmjs.org"
MAX_ARCHIVE_BYTES = 128 << 20
# Seconds without a byte after which the registry is given up.
PATIENCE = 60

# What is told of a download: bytes so far, and in all (0 where nobody knows).
Show = Callable[[int, int], None]


def is_whole(folder: Path) -> bool:
    return all((folder / name).is_file() for name in FILES)


def given_runtime(folder: Path) -> Path:
    """The folder with the files in `folder`, which may be that of the whole npm package. Raises InputError."""
    for place in (folder, folder / "dist"):
        if is_whole(place):
            return place
    raise InputError(f"--ort {folder}: has not all of {', '.join(FILES)}; give the folder of onnxruntime-web {VERSION}")


def kept_runtime(show: Show) -> Path:
    """The folder with the files in the user's cache, where they are put unless they are there. Raises ADRError."""
    folder = default_cache() / f"onnxruntime-web-{VERSION}"
    if not is_whole(folder):
        fetch_runtime(folder, show)
    return folder


def archive_address() -> str:
    """Where npm would look: at the registry of its environment variable, in letters of any size, or the public one."""
    settings = {name.lower(): value for name, value in os.environ.items()}
    registry = settings.get("npm_config_registry") or REGISTRY
    return f"{registry.rstrip('/')}/onnxruntime-web/-/onnxruntime-web-{VERSION}.tgz"


def fetch_runtime(folder: Path, show: Show) -> None:
    """Download, verify and unpack the files to `folder`, which appears when it is whole. Raises ADRError."""
    temporary = folder.with_name(f".{folder.name}.{os.getpid()}.part")
    address = archive_address()
    try:
        temporary.mkdir(parents=True)
        archive = temporary / "archive.tgz"
        download(address, archive, show)
        with tarfile.open(archive, "r:gz") as members:
            for name in FILES:
                source = members.extractfile(f"package/dist/{name}")
                assert source is not None, "the verified archive has these files"
                with source, (temporary / name).open("wb") as target:
                    shutil.copyfileobj(source, target)
        archive.unlink()
        # Of another one that began at the same time, or of one that lost a file.
        shutil.rmtree(folder, ignore_errors=True)
        os.replace(temporary, folder)
    except OSError as error:
        raise ADRError(f"{folder}: cannot write: {error.strerror or error}") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def download(address: str, archive: Path, show: Show) -> None:
    """The archive, verified. Raises ADRError, and OSError where it cannot be written; what was written stays with the
    caller."""
    digest, size = hashlib.sha512(), 0
    with archive.open("wb") as file:
        for part, total in arriving(address):
            digest.update(part)
            file.write(part)
            size += len(part)
            show(size, total)
    found = f"sha512-{base64.b64encode(digest.digest()).decode()}"
    if found != INTEGRITY:
        raise ADRError(
            f"{address}: damaged: expected {INTEGRITY[:23]}…, found {found[:23]}… in {size} bytes; nothing was kept"
        )


def arriving(address: str) -> Iterator[tuple[bytes, int]]:
    """What lies at an address, part by part, each with the bytes in all (0 where nobody knows). Raises ADRError; what
    the caller does with a part raises nothing here."""
    size = 0
    try:
        with urllib.request.urlopen(address, timeout=PATIENCE) as answer:
            total = int(answer.headers.get("content-length") or 0)
            while part := answer.read(1 << 20):
                size += len(part)
                if size > MAX_ARCHIVE_BYTES:
                    raise ValueError(f"more than {MAX_ARCHIVE_BYTES} bytes came")
                yield part, total
    except (OSError, ValueError, http.client.HTTPException) as error:
        why = " ".join(str(getattr(error, "reason", "") or error).split())
        raise ADRError(
            f"{address}: cannot fetch: {why}; the page needs onnxruntime-web {VERSION}: give its folder with "
            "--ort, or a registry with npm_config_registry"
        ) from error
