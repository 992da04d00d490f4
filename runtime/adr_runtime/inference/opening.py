"""A bundle, ready to run: verified, one session for each graph, on the provider that was asked for."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from adr_runtime.bundles.bundle import Bundle, VerifiedGraph, read_bundle, read_nested
from adr_runtime.bundles.manifest import Family, Manifest
from adr_runtime.bundles.specs import FileSpec
from adr_runtime.errors import ProviderError
from adr_runtime.inference.engine import require_onnxruntime
from adr_runtime.inference.outputs import OutputCheck
from adr_runtime.inference.session import CudaFailure, Session, check_signature, choose_provider
from adr_runtime.limits import check_threads


@dataclass(frozen=True)
class OpenBundle:
    """A verified bundle with its sessions by graph. `provider_note` says why "auto" could not take CUDA although ONNX
    Runtime is built for it, or is None."""

    bundle: Bundle
    sessions: dict[str, Session]
    threads: int
    provider_note: str | None

    @property
    def provider(self) -> str:
        """ "cpu" or "cuda"."""
        return next(iter(self.sessions.values())).provider


def open_model(
    name: str | Path, families: Mapping[str, Family], provider: str = "auto", threads: int | None = None,
    accept: Callable[[Manifest], None] | None = None,
) -> OpenBundle:  # fmt: skip
    """Open a shipped bundle by name, or any bundle by its folder or its name on a hub.

    provider "cuda" or "cpu" is used or refused; "auto" takes CUDA where it works. threads is ONNX Runtime's count
    within an operator, 1 unless given: for models of this size more threads cost more than they bring. `accept` may
    refuse the bundle before any graph is loaded.
    Raises ADRError.
    """
    check_threads(threads)
    chosen, note = choose_provider(provider)
    bundle, graphs = read_bundle(name, families)
    if accept:
        accept(bundle.manifest)
    require_onnxruntime(bundle.manifest.onnxruntime, str(bundle.folder))
    try:
        sessions = open_sessions(bundle, graphs, chosen, threads or 1)
    except CudaFailure as failure:
        if provider == "cuda":
            raise ProviderError(f"provider cuda: {failure}") from failure
        note = str(failure)
        sessions = open_sessions(bundle, graphs, "cpu", threads or 1)
    return OpenBundle(bundle, sessions, threads or 1, note)


def open_nested(
    outer: Bundle, spec: FileSpec, families: Mapping[str, Family], threads: int, wanted: Collection[str]
) -> OpenBundle:
    """Open the bundle inside another one, for the CPU, with those of its graphs that are wanted. Raises ADRError."""
    bundle, graphs = read_nested(outer, spec, families)
    require_onnxruntime(bundle.manifest.onnxruntime, str(bundle.folder))
    chosen = {name: graph for name, graph in graphs.items() if name in wanted}
    return OpenBundle(bundle, open_sessions(bundle, chosen, "cpu", threads), threads, None)


def open_sessions(
    bundle: Bundle, graphs: Mapping[str, VerifiedGraph], provider: str, threads: int
) -> dict[str, Session]:
    """A session for each graph of a bundle. Raises as `Session` does, and where a graph is not as the manifest says."""
    sessions = {}
    for key, verified in graphs.items():
        graph = bundle.manifest.graphs[key]
        file = str(bundle.folder / graph.file)
        sessions[key] = Session(verified.data, file, provider, threads, verified.constant_bytes)
        check_signature(sessions[key], file, graph)
        sessions[key].check = OutputCheck(file, graph, bundle.manifest.output_sizes(key))
    return sessions
