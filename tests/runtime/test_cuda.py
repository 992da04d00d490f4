"""CUDA: refused with the missing piece named where it is missing, and equal to the CPU where it works."""

import adr_runtime
import numpy as np
import pytest
from adr_runtime import ADRError
from adr_runtime.session import cuda_obstacle

OBSTACLE = cuda_obstacle()
needs_cuda = pytest.mark.skipif(OBSTACLE is not None, reason=f"CUDA cannot be used here: {OBSTACLE}")


@pytest.mark.skipif(OBSTACLE is None, reason="CUDA works here")
def test_cuda_is_refused_with_the_reason_and_auto_falls_back(exported, refused, command):
    with pytest.raises(ADRError, match="--provider cuda: "):
        adr_runtime.load(exported["sound"], "cuda")
    assert adr_runtime.load(exported["sound"], "auto").provider == "cpu"
    refused("adr-run", "audio", "--provider", "cuda", says=("--provider cuda: ", OBSTACLE))
    told = command("adr-run", "doctor").stdout
    assert "not used" in told and OBSTACLE.split(";")[0] in told


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
    whole = cpu.generate(label="mid", seconds=0.5, seed=4).samples
    stream = cuda.stream(label="mid", seconds=0.5, seed=4)
    first = [next(stream) for _ in range(10)]
    rest = list(cpu.resume(stream.state()))
    np.testing.assert_allclose(np.concatenate(first + rest), whole, atol=1e-3)


@needs_cuda
def test_the_commands_run_on_cuda(command):
    for kind in ("audio", "image"):
        assert command("adr-run", kind, "--provider", "cuda", "--seed", "1").returncode == 0
    assert "provider of auto" in command("adr-run", "doctor").stdout
