"""The onnxruntime module: imported with its telemetry off, and refused where a bundle needs a newer one."""

import os
import re
from typing import Any

from adr_runtime.errors import ADRError, install_hint, upgrade_hint

INSTALL = f"ONNX Runtime is not installed; run: {install_hint('cpu')} (or {install_hint('cuda')} for an NVIDIA GPU)"


def import_onnxruntime() -> Any:
    """The onnxruntime module, with its telemetry off, which must be said before the import."""
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    try:
        import onnxruntime
    except ImportError as error:
        raise ADRError(INSTALL) from error
    return onnxruntime


def release(version: str) -> tuple[int, ...]:
    """The leading numbers of a version, for comparing: "1.32.0.dev7+cu13" -> (1, 32, 0)."""
    found = re.match(r"\d+(?:\.\d+)*", version)
    return tuple(int(part) for part in found[0].split(".")) if found else ()


def require_onnxruntime(least: str, what: str) -> None:
    """ADRError where the installed ONNX Runtime is older than `least`, as "1.25.1"; "" asks for nothing."""
    onnxruntime = import_onnxruntime()
    if release(onnxruntime.__version__) < release(least):
        package = "onnxruntime" + ("-gpu" if "CUDAExecutionProvider" in onnxruntime.get_available_providers() else "")
        raise ADRError(
            f"{what}: needs ONNX Runtime {least} or newer, this is {onnxruntime.__version__}; "
            f"run: {upgrade_hint(package)}"
        )
