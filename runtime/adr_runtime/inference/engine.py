"""The onnxruntime module: imported with its telemetry off, and refused where a bundle needs a newer one."""

import os
from typing import Any

from adr_runtime.bundles.versions import release
from adr_runtime.errors import ProviderError, install_hint, upgrade_hint

INSTALL = f"ONNX Runtime is not installed; run: {install_hint('cpu')} (or {install_hint('cuda')} for an NVIDIA GPU)"


def import_onnxruntime() -> Any:
    """The onnxruntime module, with its telemetry off, which must be said before the import."""
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    try:
        import onnxruntime
    except ImportError as error:
        raise ProviderError(INSTALL) from error
    return onnxruntime


def require_onnxruntime(least: str, what: str) -> None:
    """ADRError where the installed ONNX Runtime is older than `least`, as "1.25.1"; "" asks for nothing."""
    onnxruntime = import_onnxruntime()
    if release(onnxruntime.__version__) < release(least):
        package = "onnxruntime" + ("-gpu" if "CUDAExecutionProvider" in onnxruntime.get_available_providers() else "")
        raise ProviderError(
            f"{what}: needs ONNX Runtime {least} or newer, this is {onnxruntime.__version__}; "
            f"run: {upgrade_hint(package)}"
        )
