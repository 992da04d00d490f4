"""Fetching the public data sets: checked, unpacked under a temporary name, then renamed."""

import hashlib
import os
import shutil
import tarfile
import urllib.error
import urllib.request
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from adr_runtime.errors import ADRError

from adr_train.errors import TrainError


@dataclass(frozen=True)
class Release:
    """Where an archive lies; its checksum as published (algorithm, hexadecimal) where there is one. A release without
    an archive has its files under the address: the name and the checksum of each."""

    url: str
    checksum: tuple[str, str] | None = None
    files: tuple[tuple[str, tuple[str, str]], ...] = ()


RELEASES = {
    "cifar10": Release(
        "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz", ("md5", "c32a1d4ab5d03f1284b67883e8d87530")
    ),
    "fashion": Release(
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        files=(
            ("train-images-idx3-ubyte.gz", ("md5", "8d4fb7e6c68d591d4c3dfef9ec88bf0d")),
            ("train-labels-idx1-ubyte.gz", ("md5", "25c81989df183df01b3e8a0aad5dffbe")),
            ("t10k-images-idx3-ubyte.gz", ("md5", "bef4ecab320f06d8554ea6380940ec79")),
            ("t10k-labels-idx1-ubyte.gz", ("md5", "bb300cfdad3c16e7a12a480ee83cd310")),
        ),
    ),
    "fsdd": Release("https://github.com/Jakobovski/free-spoken-digit-dataset/archive/refs/tags/v1.0.10.tar.gz"),
    "speech-commands": Release(
        "https://storage.googleapis.com/download.tensorflow.org/data/speech_commands_v0.02.tar.gz"
    ),
}


def download(name: str, folder: Path, release: Release | None = None, tell: Callable[[str], None] = print) -> None:
    """Fetch and unpack a data set to `folder`, which must not exist yet and appears only when it is whole."""
    if name not in RELEASES:
        raise TrainError(f"no download for {name!r}; there are {', '.join(RELEASES)}")
    release = release or RELEASES[name]
    if folder.exists():
        raise TrainError(f"{folder} exists; choose another folder")
    temporary = folder.with_name(f".{folder.name}.{os.getpid()}.part")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary.mkdir()
        unpacked = temporary / "unpacked"
        tell(f"fetching {release.url}")
        if release.files:
            unpacked.mkdir()
            for file, checksum in release.files:
                fetch(Release(release.url + file, checksum), unpacked / file)
        else:
            archive = temporary / "archive"
            fetch(release, archive)
            unpack(archive, unpacked)
            archive.unlink()
        entries = list(unpacked.iterdir())
        # Archives with a single top folder give their contents to `folder`.
        os.replace(entries[0] if len(entries) == 1 and entries[0].is_dir() else unpacked, folder)
    except OSError as error:
        raise ADRError(f"{release.url}: {error}") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def fetch(release: Release, path: Path) -> None:
    try:
        with urllib.request.urlopen(release.url) as answer, path.open("wb") as file:
            shutil.copyfileobj(answer, file)
            expected = answer.headers.get("Content-Length") if answer.headers else None
    except (urllib.error.URLError, OSError) as error:
        raise ADRError(f"{release.url}: cannot fetch: {error}") from error
    size = path.stat().st_size
    if expected and int(expected) != size:
        raise ADRError(f"{release.url}: expected {expected} bytes, got {size}; try again")
    if release.checksum:
        algorithm, digest = release.checksum
        with path.open("rb") as file:
            real = hashlib.file_digest(file, algorithm).hexdigest() if hasattr(hashlib, "file_digest") else None
        if real is None:
            real = hashlib.new(algorithm, path.read_bytes()).hexdigest()
        if real != digest:
            raise ADRError(f"{release.url}: {algorithm} expected {digest}, found {real}; try again")


def unpack(archive: Path, folder: Path) -> None:
    """tar or zip, to a new folder that nothing leaves. Raises ADRError, also for links and devices in a tar."""
    try:
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as zipped:
                zipped.extractall(folder)
        else:
            folder.mkdir()
            with tarfile.open(archive) as tar:
                for member in tar:
                    unpack_member(tar, member, folder)
    except (tarfile.TarError, zipfile.BadZipFile, EOFError, zlib.error) as error:
        raise ADRError(f"not a whole archive: {error}; try again") from error


def unpack_member(tar: tarfile.TarFile, member: tarfile.TarInfo, folder: Path) -> None:
    """A plain file or a folder, as one's own: of Python 3.11, the first releases have none of tarfile's filters."""
    path = folder / member.name
    if not path.resolve().is_relative_to(folder.resolve()):
        raise ADRError(f"the archive has {member.name!r}, which leads out of it; nothing was kept")
    if member.isdir():
        path.mkdir(parents=True, exist_ok=True)
        return
    source = tar.extractfile(member) if member.isfile() else None
    if source is None:
        raise ADRError(f"the archive has {member.name!r}, which is no plain file; nothing was kept")
    path.parent.mkdir(parents=True, exist_ok=True)
    with source, path.open("wb") as file:
        shutil.copyfileobj(source, file)
