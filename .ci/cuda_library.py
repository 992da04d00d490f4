"""Run by the Python of an environment with the extra `cuda` alone: does all that the CUDA provider's library needs come
with it, and does a machine without a GPU stay silent on standard output?

Needs no GPU: a `libcuda.so.1` made here stands in for the driver. 1.5 GB of wheels, 2.5 GB installed; by hand, or with
`.ci/run --cuda`.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

STUB = """
int cuInit(unsigned flags) { return 0; }
int cuDriverGetVersion(int *version) { *version = 13000; return 0; }
int cuDeviceGetCount(int *count) { *count = 1; return 0; }
int cuDeviceGetAttribute(int *value, int attribute, int device) { *value = attribute == 75 ? 8 : 0; return 0; }
int cuTensorMapEncodeTiled(void) { return 0; }
"""
LOAD = """
import ctypes, os, sys
from pathlib import Path
import onnxruntime
from adr_runtime import ADRError, load
from adr_runtime.inference import cuda
assert cuda.cuda_obstacle() is None, cuda.cuda_obstacle()
assert cuda.preload() == (), cuda.preload()
folder = Path(onnxruntime.__file__).parent / "capi"
ctypes.CDLL(str(folder / "libonnxruntime_providers_shared.so"), mode=os.RTLD_NOW | os.RTLD_GLOBAL)
try:
    load("digits", "cuda")
    raise SystemExit("no GPU is here, and a session ran on it")
except ADRError as error:
    print(error, file=sys.stderr)
ctypes.CDLL(str(folder / "libonnxruntime_providers_cuda.so"), mode=os.RTLD_NOW)
loaded = Path("/proc/self/maps").read_text()
for name in ("libonnxruntime_providers_cuda", "libcublasLt", "libcublas", "libcudart", "libcurand", "libcudnn"):
    assert f"/{name}.so" in loaded, f"{name} is not loaded"
"""


def build_stub(folder: Path) -> None:
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        sys.exit("skipped: there is no C compiler to make a libcuda.so.1 with")
    source = folder / "cuda.c"
    source.write_text(STUB)
    options = ["-shared", "-fPIC", "-Wl,-soname,libcuda.so.1", "-o", folder / "libcuda.so.1"]
    subprocess.run([compiler, *options, source], check=True)


def run(command: list[str], folder: Path, stub: bool) -> subprocess.CompletedProcess[str]:
    """In a folder of its own, with or without the stub, which must not be in the way of a real driver."""
    where = {"LD_LIBRARY_PATH": str(folder)} if stub else {}
    return subprocess.run(command, cwd=folder, env={**os.environ, **where}, capture_output=True, text=True)


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        build_stub(folder)
        done = run([sys.executable, "-c", LOAD], folder, stub=True)
        assert done.returncode == 0, done.stderr
        assert not done.stdout, f"on standard output: {done.stdout}"
        lines = done.stderr.splitlines()
        assert len(lines) == 1 and lines[0].startswith("provider cuda: "), done.stderr
        print(f"the CUDA provider's library loads; without a GPU: {lines[0]}")
        program = str(Path(sys.executable).with_name("adr-run"))
        command = [program, "image", "--label", "horse", "--seed", "1", "--json"]
        for stub in (True, False):
            done = run(command, folder, stub)
            assert done.returncode == 0, done.stderr
            assert json.loads(done.stdout)["provider"] == "cpu"
            lines = done.stderr.splitlines()
            assert len(lines) == 1 and lines[0].startswith("adr-run: on the CPU, because "), done.stderr
            print(lines[0])


main()
