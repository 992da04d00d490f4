"""Whether ONNX Runtime's CUDA provider works here, and if not, why: in one line, and never on standard output."""

import contextlib
import ctypes
import functools
import io
import os
import re
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from adr_runtime.errors import install_hint
from adr_runtime.inference.engine import import_onnxruntime

WINDOWS = sys.platform == "win32"
DRIVER_LIBRARY = "nvcuda.dll" if WINDOWS else "libcuda.so.1"
# What onnxruntime-gpu is built for: CUDA 13, which begins with driver 580 and compute capability 7.5.
CUDA_MAJOR, DRIVER, CAPABILITY = 13, 580, (7, 5)
# CUdevice_attribute in cuda.h.
CAPABILITY_ATTRIBUTES = (75, 76)
# TF32 is worth 1e-3 a layer. An exhaustive search would tune anew for every length that is decoded.
PROVIDER_OPTIONS = {"use_tf32": "0", "cudnn_conv_algo_search": "HEURISTIC"}
PRELOADING = threading.Lock()


def built_for_cuda() -> bool:
    return "CUDAExecutionProvider" in import_onnxruntime().get_available_providers()


def cuda_obstacle() -> str | None:
    """Why CUDA cannot be used here, or None when nothing speaks against it before a session is made."""
    if not built_for_cuda():
        return (
            f"this is the CPU build of onnxruntime; run: pip uninstall onnxruntime && {install_hint('cuda')} "
            "(the two builds cannot stand side by side)"
        )
    try:
        driver = ctypes.CDLL(DRIVER_LIBRARY)
    except OSError:
        return f"no NVIDIA driver: {DRIVER_LIBRARY} cannot be loaded"
    return driver_obstacle(driver)


def driver_obstacle(driver: Any) -> str | None:
    """What of the driver (the loaded libcuda) or of its first GPU, the one that is used, is missing or too old."""
    version, count = ctypes.c_int(0), ctypes.c_int(0)
    # The version is answered even where cuInit fails, as it does when driver and kernel module differ.
    if driver.cuDriverGetVersion(ctypes.byref(version)) == 0 and 0 < version.value < CUDA_MAJOR * 1000:
        spoken = f"{version.value // 1000}.{version.value % 1000 // 10}"
        return (
            f"the NVIDIA driver knows CUDA {spoken} only, CUDA {CUDA_MAJOR} is needed; update it to {DRIVER} or newer"
        )
    status = driver.cuInit(0)
    if status:
        return f"the NVIDIA driver does not start: cuInit gives error {status}; see nvidia-smi"
    if driver.cuDeviceGetCount(ctypes.byref(count)) or not count.value:
        return "the NVIDIA driver finds no GPU"
    parts = [ctypes.c_int(0), ctypes.c_int(0)]
    for part, attribute in zip(parts, CAPABILITY_ATTRIBUTES, strict=True):
        if driver.cuDeviceGetAttribute(ctypes.byref(part), attribute, 0):
            return "the NVIDIA driver does not tell the GPU's compute capability; see nvidia-smi"
    capability = (parts[0].value, parts[1].value)
    if capability < CAPABILITY:
        had, needed = (".".join(map(str, pair)) for pair in (capability, CAPABILITY))
        return f"the GPU has compute capability {had}; CUDA {CUDA_MAJOR} needs {needed} or newer"
    return None


@contextlib.contextmanager
def without_output() -> Iterator[io.StringIO]:
    """Standard output belongs to the caller: what is printed meanwhile goes into the text that this yields, and what
    libraries write to descriptor 1 goes nowhere."""
    printed = io.StringIO()
    try:
        duplicate = os.dup(1)
    except OSError:
        duplicate = None
    try:
        if duplicate is not None:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, 1)
            os.close(nowhere)
        with contextlib.redirect_stdout(printed):
            yield printed
    finally:
        if duplicate is not None:
            os.dup2(duplicate, 1)
            os.close(duplicate)


def preload() -> tuple[str, ...]:
    """Load CUDA's libraries, once in a process; the names of those that cannot be loaded."""
    with PRELOADING:
        return load_libraries()


@functools.cache
def load_libraries() -> tuple[str, ...]:
    onnxruntime = import_onnxruntime()
    with without_output() as printed:
        onnxruntime.preload_dlls()
    missing = re.findall(r"^Failed to load ([^\s/\\:]+): ", printed.getvalue(), re.M)
    return tuple(dict.fromkeys(missing))


def failure(error: Exception | None) -> str:
    """Why a session that was to run on CUDA does not: `error` is what ONNX Runtime raised, None where it fell back."""
    missing = preload()
    if missing:
        return f"CUDA's libraries {', '.join(missing)} cannot be loaded; run: {install_hint('cuda')}"
    if error is not None:
        line = " ".join(str(error).split())
        told = re.search(r"C\w+ failure \d+: [^;]+", line)
        return f"ONNX Runtime cannot start its CUDA provider: {told[0].strip() if told else line[:200]}"
    return f"ONNX Runtime cannot load its CUDA provider: {provider_library_error()}"


def provider_library_error() -> str:
    folder = Path(import_onnxruntime().__file__).parent / "capi"
    name = "onnxruntime_providers_cuda.dll" if WINDOWS else "libonnxruntime_providers_cuda.so"
    try:
        ctypes.CDLL(str(folder / name))
    except OSError as error:
        return " ".join(str(error).split())[:200]
    return "it says no more; see adr-run doctor"
