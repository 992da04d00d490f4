"""CUDA: refused with the missing piece named where it is missing, and equal to the CPU where it works."""

import ctypes
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import adr_runtime
import numpy as np
import pytest
from adr_runtime import ProviderError
from adr_runtime.cli.output import announce, announced
from adr_runtime.inference import cuda, session
from adr_runtime.inference.cuda import cuda_obstacle

OBSTACLE = cuda_obstacle()
needs_cuda = pytest.mark.skipif(OBSTACLE is not None, reason=f"CUDA cannot be used here: {OBSTACLE}")


@pytest.mark.skipif(OBSTACLE is None, reason="CUDA works here")
def test_cuda_is_refused_with_the_reason_and_auto_falls_back(exported, refused, command):
    with pytest.raises(ProviderError, match=r"^provider cuda: "):
        adr_runtime.load(exported["sound"], "cuda")
    assert adr_runtime.load(exported["sound"], "auto").provider == "cpu"
    refused("adr-run", "audio", "--provider", "cuda", says=("provider cuda: ", OBSTACLE))
    told = command("adr-run", "doctor").stdout
    assert "not used" in told and OBSTACLE.split(";")[0] in told


class Driver:
    """libcuda as far as the checks ask it."""

    def __init__(self, version=13000, status=0, count=1, capability=(8, 6)):
        self.version, self.status, self.count, self.capability = version, status, count, capability

    def cuDriverGetVersion(self, out):
        out._obj.value = self.version
        return 0

    def cuInit(self, flags):
        return self.status

    def cuDeviceGetCount(self, out):
        out._obj.value = self.count
        return 0

    def cuDeviceGetAttribute(self, out, attribute, device):
        out._obj.value = self.capability[attribute - 75]
        return 0


@pytest.mark.parametrize(
    "driver, says",
    [
        (Driver(), None),
        (Driver(version=13020, capability=(7, 5)), None),
        (Driver(version=12040), "knows CUDA 12.4 only, CUDA 13 is needed; update it to 580 or newer"),
        (Driver(status=803), "cuInit gives error 803"),
        (Driver(count=0), "finds no GPU"),
        (Driver(capability=(7, 0)), "has compute capability 7.0; CUDA 13 needs 7.5 or newer"),
        (Driver(capability=(6, 1)), "has compute capability 6.1"),
    ],
)
def test_driver_and_gpu_are_checked_before_anything_is_tried(driver, says):
    found = cuda.driver_obstacle(driver)
    assert found is None if says is None else says in found


@pytest.fixture
def gpu_build(monkeypatch):
    """An onnxruntime that is built for CUDA, by what it says, and cannot load CUDA's libraries: it prints as much, to
    Python's and to the process's standard output, once for a path and once for the bare name."""
    real, calls = cuda.import_onnxruntime(), []

    def preload_dlls():
        calls.append(1)
        for name in ("libcublasLt.so.13", "libcurand.so.10"):
            print(f"Failed to load /somewhere/{name}: damaged")
            print(f"Failed to load {name}: {name}: cannot open shared object file: No such file or directory")
        os.write(1, b"chatter of a library")

    fake = SimpleNamespace(
        **{name: getattr(real, name) for name in ("InferenceSession", "SessionOptions", "OrtValue", "__file__")},
        __version__=real.__version__, preload_dlls=preload_dlls, set_default_logger_severity=lambda level: None,
        get_available_providers=lambda: ["CUDAExecutionProvider", "CPUExecutionProvider"],
    )  # fmt: skip
    cuda.load_libraries.cache_clear()
    for module in (cuda, session):
        monkeypatch.setattr(module, "import_onnxruntime", lambda: fake)
    monkeypatch.setattr(cuda, "driver_obstacle", lambda driver: None)
    monkeypatch.setattr(ctypes, "CDLL", lambda name: None)
    yield calls
    cuda.load_libraries.cache_clear()


@pytest.mark.skipif(
    "CUDAExecutionProvider" in cuda.import_onnxruntime().get_available_providers(), reason="a CUDA build"
)
@pytest.mark.filterwarnings("ignore:Specified provider")
def test_what_stands_in_the_way_is_said_once_and_never_on_standard_output(gpu_build, exported, capfd):
    missing = (
        "CUDA's libraries libcublasLt.so.13, libcurand.so.10 cannot be loaded; run: pip install 'adr-runtime[cuda]'"
    )
    with pytest.raises(ProviderError) as caught:
        adr_runtime.load(exported["sound"], "cuda")
    assert str(caught.value) == f"provider cuda: {missing}"
    model = adr_runtime.load(exported["sound"], "auto")
    assert (model.provider, model.provider_note) == ("cpu", missing)
    assert capfd.readouterr() == ("", "") and len(gpu_build) == 1
    announce.cache_clear()
    for _ in range(2):
        announced(adr_runtime.load(exported["sound"], "auto"))
    assert capfd.readouterr() == ("", f"adr-run: on the CPU, because {missing}\n")
    print("standard output is whole again", flush=True)
    os.write(1, b"!")
    assert capfd.readouterr().out == "standard output is whole again\n!"


def test_auto_says_nothing_of_cuda_to_those_who_have_the_cpu_build(exported):
    if cuda.built_for_cuda():
        pytest.skip("this is a CUDA build")
    assert adr_runtime.load(exported["sound"], "auto").provider_note is None


@pytest.mark.filterwarnings("ignore:Specified provider")
def test_onnxruntime_never_falls_back_by_itself(monkeypatch, exported, capfd):
    """It prints to standard output when it does."""
    monkeypatch.setattr(cuda, "preload", lambda: ())
    monkeypatch.setattr(sys.modules["onnxruntime"].capi._pybind_state.InferenceSession, "initialize_session", fail)
    with pytest.raises(session.CudaFailure, match="cannot start its CUDA provider: CUDA failure 36: not supported"):
        graph = exported["sound"] / "decode.onnx"
        session.Session(graph.read_bytes(), "decode.onnx", "cuda", 1)
    assert capfd.readouterr() == ("", "")


def fail(*arguments):
    raise RuntimeError("cuda_call.cc:154 CudaCall [with ERRTYPE = cudaError] CUDA failure 36: not supported ; GPU=-1")


def test_numbers_stay_numbers_when_they_are_bound(exported):
    """`clip` is a number, and the head takes nothing else."""
    model = adr_runtime.load(exported["sound"], "cpu")
    head, fed = model.sessions["head"], {}
    run = head.run
    head.run = lambda feed, keep=(): fed.update(feed) or run(feed, keep)
    model.generate(label="mid", seconds=0.05, steps=2)
    assert fed["clip"].shape == ()
    expected, bound, real = run(fed), {}, head.session.io_binding

    def io_binding():
        binding = real()
        bind = binding.bind_cpu_input
        binding.bind_cpu_input = lambda name, array: bound.update({name: array}) or bind(name, array)
        return binding

    head.session.io_binding, head.provider = io_binding, "cuda"
    for name, value in run(fed).items():
        np.testing.assert_array_equal(value, expected[name])
    assert {name: a.shape for name, a in bound.items()} == {name: a.shape for name, a in fed.items()}
    assert all(a.flags.c_contiguous for a in bound.values())


@pytest.mark.skipif(OBSTACLE is None, reason="CUDA works here")
def test_the_benchmark_refuses_in_one_line_without_a_gpu():
    bench = Path(__file__).parents[2] / "bench" / "cuda.py"
    done = subprocess.run([sys.executable, bench], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"bench/cuda.py: CUDA cannot be used here: {OBSTACLE}\n"


@needs_cuda
@pytest.mark.parametrize("name", ["sound", "portable-sound"])
def test_cuda_agrees_with_the_cpu(exported, name):
    made = []
    for provider in ("cpu", "cuda"):
        model = adr_runtime.load(exported[name], provider)
        assert model.provider == provider
        made.append(model.generate(label="mid", count=3, seconds=0.5, seed=4).samples)
    np.testing.assert_allclose(*made, atol=1e-3)


@needs_cuda
def test_a_stream_moves_between_providers(exported):
    cpu, cuda = (adr_runtime.load(exported["sound"], provider) for provider in ("cpu", "cuda"))
    whole = cpu.generate(label="mid", seconds=0.5, seed=4).samples[0]
    stream = cuda.stream(label="mid", seconds=0.5, seed=4)
    first = [next(stream) for _ in range(10)]
    rest = list(cpu.resume(stream.state()))
    np.testing.assert_allclose(np.concatenate(first + rest, 1)[0], whole, atol=1e-3)


@needs_cuda
def test_the_commands_run_on_cuda(command):
    for kind in ("audio", "image"):
        assert command("adr-run", kind, "--provider", "cuda", "--seed", "1").returncode == 0
    assert "provider of auto" in command("adr-run", "doctor").stdout
