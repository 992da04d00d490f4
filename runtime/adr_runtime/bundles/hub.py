"""Fetching a bundle from a hub: verified before it takes its name."""

import os
import shutil
from collections.abc import Callable
from fnmatch import fnmatchcase
from pathlib import Path

from adr_runtime.errors import ADRError, InputError

PATTERNS = ("manifest.json", "README.md", "*.onnx")


def pull_bundle(repository: str, out: Path, verify: Callable[[Path], object]) -> None:
    """Download `owner/name` to the new folder `out`, which appears when `verify` has read it without an error. Only
    what a bundle holds is fetched. Raises ADRError."""
    try:
        from huggingface_hub import HfApi, hf_hub_download
    except ImportError as error:
        raise InputError("pull needs one more package; run: pip install huggingface_hub") from error
    if out.exists():
        raise InputError(f"{out} exists; choose another folder")
    if repository.count("/") != 1:
        raise InputError(f"{repository!r} is no repository; expected owner/name")
    temporary = out.with_name(f".{out.name}.{os.getpid()}.part")
    try:
        info = HfApi().model_info(repository)
        names = [sibling.rfilename for sibling in info.siblings or ()]
        # One after the other, here: threads of a whole snapshot go on writing after an interrupt.
        for name in names:
            if "/" not in name and any(fnmatchcase(name, pattern) for pattern in PATTERNS):
                hf_hub_download(repository, name, revision=info.sha, local_dir=temporary)
        verify(temporary)
        shutil.rmtree(temporary / ".cache", ignore_errors=True)
        os.replace(temporary, out)
    except ADRError:
        raise
    except Exception as error:
        line = " ".join(str(error).split())[:300]
        raise ADRError(f"{repository}: cannot fetch: {line}") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
