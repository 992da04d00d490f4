"""Loading a bundle: verified, one session for each graph, on the provider that was asked for."""

from pathlib import Path

from adr_runtime.any_order import AnyOrderModel
from adr_runtime.any_order_manifest import AnyOrderManifest
from adr_runtime.bundle import open_bundle
from adr_runtime.engine import require_onnxruntime
from adr_runtime.errors import ADRError
from adr_runtime.limits import check_threads
from adr_runtime.model import Model
from adr_runtime.session import CudaFailure, choose_provider, open_sessions


def load(name: str | Path, provider: str = "auto", threads: int | None = None) -> "Model | AnyOrderModel":
    """A shipped bundle by name, or any bundle by its folder; an `AnyOrderModel` where its family is "ardm".

    provider "cuda" or "cpu" is used or refused; "auto" takes CUDA where it works. threads is ONNX Runtime's count
    within an operator, 1 unless given: for models of this size more threads cost more than they bring.
    Raises ADRError.
    """
    check_threads(threads)
    chosen, note = choose_provider(provider)
    bundle = open_bundle(name)
    require_onnxruntime(bundle.manifest.onnxruntime, str(bundle.folder))
    try:
        sessions = open_sessions(bundle, chosen, threads or 1)
    except CudaFailure as failure:
        if provider == "cuda":
            raise ADRError(f"--provider cuda: {failure}") from failure
        note = str(failure)
        sessions = open_sessions(bundle, "cpu", threads or 1)
    bundle.graphs.clear()
    if isinstance(bundle.manifest, AnyOrderManifest):
        return AnyOrderModel(bundle, sessions["network"], threads or 1, note)
    return Model(bundle, sessions, note)
