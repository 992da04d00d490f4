"""ONNX Runtime sessions: which provider, how many threads, and where the states live.

A provider that was asked for by name is used or refused with the reason; only `auto` falls back. What counts is what
the session really got: ONNX Runtime itself falls back to the CPU with no more than a log line.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from adr_runtime.bundles.constants import SMALLEST_LIMIT
from adr_runtime.bundles.specs import GraphSpec
from adr_runtime.errors import ADRError, BundleError, ProviderError
from adr_runtime.inference import cuda
from adr_runtime.inference.engine import import_onnxruntime
from adr_runtime.inference.memory import TOO_MUCH, limit_memory

PROVIDERS = ("auto", "cuda", "cpu")


class CudaFailure(ADRError):
    """CUDA seemed usable, and a session could not be made on it. The line is the reason alone."""


def choose_provider(provider: str) -> tuple[str, str | None]:
    """ "cuda" or "cpu" for "auto", "cuda" or "cpu", and why "auto" passes a CUDA build of ONNX Runtime by, or None.
    Raises ProviderError when CUDA was asked for and cannot be used."""
    if provider not in PROVIDERS:
        raise ProviderError(f"unknown provider {provider!r}; there are {', '.join(PROVIDERS)}")
    import_onnxruntime()
    if provider == "cpu" or (provider == "auto" and not cuda.built_for_cuda()):
        return "cpu", None
    obstacle = cuda.cuda_obstacle()
    if provider == "cuda" and obstacle:
        raise ProviderError(f"provider cuda: {obstacle}")
    return ("cpu" if obstacle else "cuda"), obstacle


class Session:
    """One graph, ready to run from any thread. On CUDA, outputs named in `keep` stay on the device. Raises CudaFailure
    where the provider is "cuda" and cannot be had, ADRError where the graph is refused."""

    def __init__(self, data: bytes, file: str, provider: str, threads: int, constant_bytes: int = SMALLEST_LIMIT):
        onnxruntime = import_onnxruntime()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        options.log_severity_level = 4
        # Threads that spin between the small calls of a token loop fight the caller's own threads for cores.
        options.add_session_config_entry("session.force_spinning_stop", "1")
        limit_memory(onnxruntime, options, constant_bytes)
        names: list[Any] = ["CPUExecutionProvider"]
        if provider == "cuda":
            cuda.preload()
            # Why the provider cannot be loaded is said in our line (`cuda.failure`), not in ONNX Runtime's log.
            onnxruntime.set_default_logger_severity(4)
            names.insert(0, ("CUDAExecutionProvider", cuda.PROVIDER_OPTIONS))
        try:
            # Without enable_fallback=0, ONNX Runtime prints to standard output and tries the CPU by itself.
            self.session = onnxruntime.InferenceSession(data, options, providers=names, enable_fallback=0)
        except Exception as error:
            if provider == "cuda":
                raise CudaFailure(cuda.failure(error)) from error
            line = " ".join(str(error).split())[:300]
            raise BundleError(f"{file}: ONNX Runtime {onnxruntime.__version__} refuses it: {line}") from error
        self.provider = "cuda" if self.session.get_providers()[0] == "CUDAExecutionProvider" else "cpu"
        if self.provider != provider:
            raise CudaFailure(cuda.failure(None))
        self.inputs, self.outputs = self.session.get_inputs(), self.session.get_outputs()
        self.names = [output.name for output in self.outputs]
        self.ort_value, self.file = onnxruntime.OrtValue, file
        # What looks at the outputs of each run, once the manifest has said what they are (`inference.outputs`).
        self.check: Callable[[dict[str, Any], dict[str, Any]], None] | None = None

    def to_device(self, array: np.ndarray) -> Any:
        """An input that many runs share, on the session's device."""
        return self.ort_value.ortvalue_from_numpy(array, "cuda", 0) if self.provider == "cuda" else array

    def run(self, feed: dict[str, Any], keep: tuple[str, ...] = ()) -> dict[str, Any]:
        """Outputs by name: NumPy arrays, and device values for `keep` on CUDA (see `to_host`). Raises ADRError where
        the graph fails, or puts out what the manifest does not say."""
        try:
            outputs = self.run_graph(feed, keep)
        except Exception as error:
            if "Available memory of" in str(error):
                raise ADRError(f"{self.file}: {TOO_MUCH}") from error
            line = " ".join(str(error).split())[:300]
            raise ADRError(f"{self.file}: ONNX Runtime cannot run it: {line}") from error
        if self.check:
            self.check(feed, outputs)
        return outputs

    def run_graph(self, feed: dict[str, Any], keep: tuple[str, ...]) -> dict[str, Any]:
        if self.provider == "cpu":
            return dict(zip(self.names, self.session.run(self.names, feed), strict=True))
        binding = self.session.io_binding()
        for name, value in feed.items():
            if isinstance(value, np.ndarray):
                # Not ascontiguousarray, which turns a number, as `clip` is, into an array of one.
                binding.bind_cpu_input(name, np.asarray(value, order="C"))
            else:
                binding.bind_ortvalue_input(name, value)
        for name in self.names:
            binding.bind_output(name, "cuda" if name in keep else "cpu")
        self.session.run_with_iobinding(binding)
        values = zip(self.names, binding.get_outputs(), strict=True)
        return {name: value if name in keep else value.numpy() for name, value in values}


def to_host(value: Any) -> np.ndarray:
    """A state as NumPy, wherever it lives."""
    return value if isinstance(value, np.ndarray) else value.numpy()


def check_signature(session: Session, file: str, graph: GraphSpec) -> None:
    """The graph's real inputs and outputs against the manifest: names, dtypes, ranks and fixed sizes."""
    for side, found, expected in (
        ("inputs", session.inputs, graph.inputs),
        ("outputs", session.outputs, graph.outputs),
    ):
        names, names_expected = [t.name for t in found], [t.name for t in expected]
        if sorted(names) != sorted(names_expected):
            raise BundleError(f"{file}: {side}: the manifest expects {names_expected}, found {names}")
        real = {t.name: t for t in found}
        for tensor in expected:
            dtype = {"tensor(float)": "float32", "tensor(double)": "float64"}.get(real[tensor.name].type)
            dtype = dtype or real[tensor.name].type.removeprefix("tensor(").removesuffix(")")
            shape = list(real[tensor.name].shape)
            fits = len(shape) == len(tensor.shape) and all(
                not isinstance(a, int) or not isinstance(b, int) or a == b
                for a, b in zip(shape, tensor.shape, strict=True)
            )
            if dtype != tensor.dtype or not fits:
                raise BundleError(
                    f"{file}: {tensor.name}: the manifest expects {tensor.dtype} {list(tensor.shape)}, "
                    f"found {dtype} {shape}"
                )
