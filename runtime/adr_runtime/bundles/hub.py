"""Bundles on the Hugging Face hub, as names of models: "hf:owner/name", or "hf:owner/name@revision".

`huggingface_hub` does what goes over the network and keeps the cache, by its own settings (HF_HOME, HF_HUB_OFFLINE,
HF_TOKEN, HF_ENDPOINT). It is optional, and imported when a name asks for it.
"""

import os
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, NoReturn

from adr_runtime.bundles.interfaces import MAX_FILE_BYTES
from adr_runtime.errors import (
    DISTRIBUTION,
    ADRError,
    BundleError,
    InputError,
    MissingFileError,
    ProviderError,
    install_hint,
)

PREFIX = "hf:"
# The files of a bundle, and of one that turns text into phones inside of it; others of a repository are never fetched.
PATTERNS = ("manifest.json", "README.md", "vectors.json", "*.onnx", "lexicon.xz", "lexicon.xz.licence")
NESTED_FOLDER = "text/"
NAME = re.compile(r"(?:hf:)?([\w-][\w.-]*/[\w-][\w.-]*)(?:@([\w-][\w./-]*))?", re.ASCII)


def is_hub_name(name: str | Path) -> bool:
    return str(name).startswith(PREFIX)


def import_hub() -> Any:
    """The module `huggingface_hub`. Raises ProviderError where it is missing."""
    try:
        import huggingface_hub
    except ImportError as error:
        raise ProviderError(f"models on a hub need one more package; run: {install_hint('hub')}") from error
    return huggingface_hub


@dataclass(frozen=True)
class HubName:
    """A repository on the hub, at a branch, a tag or a commit; None is its main branch."""

    repository: str
    revision: str | None = None

    @classmethod
    def parse(cls, name: str | Path) -> "HubName":
        """Of "owner/name" and "owner/name@revision", with "hf:" before it or not. Raises InputError."""
        found = NAME.fullmatch(name if isinstance(name, str) else name.as_posix())
        if not found or ".." in found[0]:
            shown = str(name)[:80]
            raise InputError(f"{shown!r} is no repository; expected hf:owner/name or hf:owner/name@revision")
        return cls(*found.groups())

    def __str__(self) -> str:
        return f"{PREFIX}{self.repository}" + (f"@{self.revision}" if self.revision else "")

    def fetch(self, file: str, limit: int, folder: Path | None = None) -> Path:
        """A file in the hub's cache, or in `folder` where one is given, downloaded unless it is there.

        Raises ADRError; for a file that no bundle has, or one of more than `limit` bytes, before it is downloaded.
        """
        if not is_bundle_file(file):
            raise BundleError(f"{self}: {file!r} is no file that adr-export writes")
        hub = import_hub()
        options: dict[str, Any] = {"revision": self.revision, "local_dir": folder, "library_name": DISTRIBUTION}
        try:
            found = hub.hf_hub_download(self.repository, file, dry_run=True, **options)
            if not found.is_cached and (found.file_size or 0) > limit:
                raise BundleError(f"{self}: {file} has {found.file_size} bytes; up to {limit} would be fetched")
            return Path(hub.hf_hub_download(self.repository, file, **options))
        except Exception as error:
            refuse(error, str(self), file)

    def files(self) -> tuple[str, list[str]]:
        """The commit of the revision, and which files of a bundle the repository has there. Raises ADRError."""
        try:
            info = import_hub().HfApi(library_name=DISTRIBUTION).model_info(self.repository, revision=self.revision)
        except Exception as error:
            refuse(error, str(self))
        names = [sibling.rfilename for sibling in info.siblings or ()]
        return info.sha, [name for name in names if is_bundle_file(name)]


def is_bundle_file(name: str) -> bool:
    inner = name.removeprefix(NESTED_FOLDER)
    return "/" not in inner and any(fnmatchcase(inner, pattern) for pattern in PATTERNS)


def pull_bundle(repository: str, out: Path, verify: Callable[[Path], object]) -> None:
    """Download a repository, by a name that `HubName.parse` takes, to the new folder `out`, which appears when `verify`
    has read it without an error. Only what a bundle holds is fetched. Raises ADRError."""
    hub = HubName.parse(repository)
    if out.exists():
        raise InputError(f"{out} exists; choose another folder")
    temporary = out.with_name(f".{out.name}.{os.getpid()}.part")
    try:
        commit, names = hub.files()
        if "manifest.json" not in names:
            raise BundleError(f"{hub} is no bundle: it has no manifest.json")
        # One after the other, here: threads of a whole snapshot go on writing after an interrupt.
        for name in names:
            HubName(hub.repository, commit).fetch(name, MAX_FILE_BYTES, temporary)
        verify(temporary)
        shutil.rmtree(temporary / ".cache", ignore_errors=True)
        os.replace(temporary, out)
    except OSError as error:
        raise ADRError(f"{out}: cannot write: {error.strerror or error}") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def refuse(error: Exception, what: str, file: str = "a file") -> NoReturn:
    """Raise the one line of what huggingface_hub has raised while it was asked for `what`."""
    if isinstance(error, ADRError):
        raise error
    from huggingface_hub import constants, errors, get_token

    at, status = constants.ENDPOINT, getattr(getattr(error, "response", None), "status_code", None)
    kind, line = ADRError, " ".join(f"{'' if status else type(error).__name__ + ': '}{error}".split())[:300]
    if isinstance(error, errors.OfflineModeIsEnabled):
        line = "needs the network, which HF_HUB_OFFLINE forbids; unset it"
    elif isinstance(error, errors.LocalEntryNotFoundError) and constants.HF_HUB_OFFLINE:
        line = "not in the cache, and HF_HUB_OFFLINE forbids to look elsewhere; unset it"
    elif isinstance(error, errors.LocalEntryNotFoundError):
        cause = " ".join(str(error.__cause__ or error).split())[:200]
        line = f"not in the cache, and {at} cannot be asked: {cause}"
    elif isinstance(error, errors.GatedRepoError):
        line = f"gated: ask for access at {at}, then log in: hf auth login"
    elif isinstance(error, errors.RevisionNotFoundError):
        kind, line = InputError, "the repository has no such revision"
    elif isinstance(error, errors.RepositoryNotFoundError) or (status == 401 and not get_token()):
        kind, line = InputError, f"no such repository at {at}, or a private one, which takes a token: hf auth login"
    elif isinstance(error, errors.EntryNotFoundError):
        kind, line = MissingFileError, f"no bundle: it has no {file}"
    elif isinstance(error, errors.HFValidationError):
        kind = InputError
    elif status == 401:
        line = f"{at} does not take your token (status 401); make another there, then: hf auth login"
    elif status == 403:
        line = f"your token may not do that (status 403); make one at {at} that may, then: hf auth login"
    raise kind(f"{what}: {line}") from error
