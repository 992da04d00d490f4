"""Fetching a bundle from a hub: verified before it takes its name."""

import os
import shutil
from pathlib import Path

from adr_runtime.bundle import open_bundle
from adr_runtime.errors import ADRError


def pull_bundle(repository: str, out: Path) -> None:
    """Download `owner/name` to the new folder `out`. Only what a bundle holds is fetched; raises ADRError."""
    try:
        from huggingface_hub import snapshot_download
    except ImportError as error:
        raise ADRError("pull needs one more package; run: pip install huggingface_hub") from error
    if out.exists():
        raise ADRError(f"{out} exists; choose another folder")
    if repository.count("/") != 1:
        raise ADRError(f"{repository!r} is no repository; expected owner/name")
    beside = out.with_name(f".{out.name}.{os.getpid()}.part")
    try:
        patterns = ["manifest.json", "README.md", "*.onnx"]
        snapshot_download(repository, local_dir=beside, allow_patterns=patterns)
        open_bundle(beside)
        shutil.rmtree(beside / ".cache", ignore_errors=True)
        os.replace(beside, out)
    except ADRError:
        raise
    except Exception as error:
        line = " ".join(str(error).split())[:300]
        raise ADRError(f"{repository}: cannot fetch: {line}", exit_status=1) from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)
