"""CUDA beside the CPU, on the machine at hand, for every shipped bundle.

    python bench/cuda.py                # ends in one line where CUDA cannot be used
    python bench/cuda.py --rehearse     # the same with the CPU in CUDA's place, to see that the script runs

Parity: what each graph was fed in a real generation on the CPU goes through both providers. Outputs may differ by 1e-4
of the largest value, probabilities by 1e-4 bits a variable. Commands: `adr-run audio` and `image` with --provider cuda.
Placement: whether a graph runs on the GPU alone, asked of ONNX Runtime by disable_cpu_ep_fallback. Times: seconds for
1, 16 and 64 rows, the best of some runs on a warm model. Exit status 1 where parity or a command fails.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import adr_runtime
import numpy as np
from adr_runtime.any_order.config import AnyOrderConfig
from adr_runtime.bundles.bundle import read_bundle, shipped
from adr_runtime.inference.cuda import PROVIDER_OPTIONS, cuda_obstacle, preload
from adr_runtime.inference.engine import import_onnxruntime
from adr_runtime.inference.session import Session
from adr_runtime.loading import FAMILIES

TOLERANCE = 1e-4
ROWS = (1, 16, 64)
Loaded = adr_runtime.AudioModel | adr_runtime.ImageModel | adr_runtime.AnyOrderModel
Feed = dict[str, np.ndarray]


def sessions_of(model: Loaded) -> dict[str, Session]:
    return {"network": model.session} if isinstance(model, adr_runtime.AnyOrderModel) else model.sessions


def generate(model: Loaded, rows: int, steps: int | None = None) -> None:
    """A generation of so many rows: a second of sound, pictures, or samples of all variables."""
    if isinstance(model, adr_runtime.AnyOrderModel):
        size, settings = model.variables.dimensions, AnyOrderConfig(steps=steps, seed=1).resolve(model.manifest)
        model.sample(np.zeros((rows, size), np.int64), np.zeros(size, bool), np.ones(size, bool), settings, seed=1)
    elif isinstance(model, adr_runtime.ImageModel):
        model.generate(label=model.labels[-1], count=rows, steps=steps, seed=1)
    else:
        model.generate(label=model.labels[-1], count=rows, steps=steps, seed=1, seconds=1.0)


def prompted(model: Loaded) -> None:
    """A generation behind a prompt, which takes the graphs that the others do not."""
    if isinstance(model, adr_runtime.AnyOrderModel):
        return
    if isinstance(model, adr_runtime.ImageModel):
        image = model.spec
        top = np.zeros((image.patch, image.width, image.channels), np.uint8)
        model.generate(label=model.labels[0], count=2, prompt=top, seed=0)
    else:
        tone = 0.1 * np.sin(np.arange(model.sample_rate // 2) * 0.3).astype(np.float32)
        model.generate(label=model.labels[0], seconds=0.2, prompt=tone, seed=0)


def record(model: Loaded) -> dict[str, Feed]:
    """The last feed of every graph in real generations."""
    feeds: dict[str, Feed] = {}

    def listen(name: str, session: Session) -> None:
        run = session.run

        def heard(feed: Feed, keep: tuple[str, ...] = ()) -> dict[str, Any]:
            feeds[name] = {key: np.array(value) for key, value in feed.items()}
            return run(feed, keep)

        session.run = heard  # type: ignore[method-assign]

    for name, session in sessions_of(model).items():
        listen(name, session)
    generate(model, 3, steps=8)
    prompted(model)
    return feeds


def difference(name: str, found: np.ndarray, expected: np.ndarray) -> float:
    """Of the largest value; of log-probabilities the Kullback-Leibler divergence in bits, the mean over variables."""
    if found.shape != expected.shape or not np.isfinite(found.astype(np.float64)).all():
        return float("inf")
    found, expected = found.astype(np.float64), expected.astype(np.float64)
    if name == "log_probabilities":
        return abs(float((np.exp(expected) * (expected - found)).sum(-1).mean() / np.log(2)))
    return float(np.abs(found - expected).max(initial=0) / max(1.0, np.abs(expected).max(initial=0)))


def parity(name: str, provider: str) -> bool:
    cpu, other = adr_runtime.load(name, "cpu"), adr_runtime.load(name, provider)
    feeds, good = record(cpu), True
    for graph, session in sessions_of(other).items():
        if graph not in feeds:
            print(f"{name:14} {graph:9} not run: nothing feeds it")
            continue
        want, got = sessions_of(cpu)[graph].run(feeds[graph]), session.run(feeds[graph])
        worst = max(difference(key, got[key], want[key]) for key in want)
        good &= worst <= TOLERANCE
        print(f"{name:14} {graph:9} {worst:.1e} {'' if worst <= TOLERANCE else 'TOO FAR'}")
    return good


def placement(name: str) -> None:
    """Whether ONNX Runtime can run each graph without its CPU provider."""
    onnxruntime = import_onnxruntime()
    for graph, verified in read_bundle(name, FAMILIES)[1].items():
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        options.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
        try:
            providers = [("CUDAExecutionProvider", PROVIDER_OPTIONS)]
            onnxruntime.InferenceSession(verified.data, options, providers=providers, enable_fallback=0)
            said = "on the GPU alone"
        except Exception as error:
            said = "needs the CPU too: " + " ".join(str(error).split())[:120]
        print(f"{name:14} {graph:9} {said}")


def command(kind: str, provider: str) -> bool:
    """`adr-run` on the provider: status 0, one JSON object on standard output, and the provider that was asked for."""
    with tempfile.TemporaryDirectory() as folder:
        call = [sys.executable, "-m", "adr_runtime", kind, "--provider", provider, "--seed", "1", "--json"]
        done = subprocess.run(call, cwd=folder, capture_output=True, text=True)
        try:
            told = json.loads(done.stdout)
            good = done.returncode == 0 and told["provider"] == provider and Path(folder, told["files"][0]).is_file()
        except ValueError:
            good = False
    print(f"adr-run {kind} --provider {provider}: {'works' if good else f'FAILED: {done.stderr.strip()[:200]}'}")
    return good


def best_of(model: Loaded, rows: int, seconds: float = 3.0) -> float:
    generate(model, rows)
    times: list[float] = []
    while not times or (sum(times) < seconds and len(times) < 20):
        started = time.perf_counter()
        generate(model, rows)
        times.append(time.perf_counter() - started)
    return min(times)


def timings(name: str, provider: str, every: tuple[int, ...]) -> None:
    models = [adr_runtime.load(name, which) for which in ("cpu", provider)]
    for rows in every:
        cpu, other = (best_of(model, rows) for model in models)
        print(
            f"{name:14} {rows:4} rows   cpu {cpu:8.3f} s   {provider} {other:8.3f} s   {cpu / other:6.2f} times as fast"
        )


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("bundles", nargs="*", help="names or folders; all that are shipped unless given")
    arguments.add_argument("--rehearse", action="store_true", help="the CPU in CUDA's place")
    arguments.add_argument("--rows", default=",".join(map(str, ROWS)), help="batches to time, as 1,16,64")
    given = arguments.parse_args()
    provider = "cpu" if given.rehearse else "cuda"
    obstacle = None if given.rehearse else cuda_obstacle()
    if obstacle:
        print(f"bench/cuda.py: CUDA cannot be used here: {obstacle}", file=sys.stderr)
        return 2
    if not given.rehearse:
        preload()
    names = given.bundles or list(shipped())
    print(f"onnxruntime {import_onnxruntime().__version__}\n\nparity, within {TOLERANCE:.0e}")
    good = [parity(name, provider) for name in names]
    print("\ncommands")
    good += [command(kind, provider) for kind in ("audio", "image")]
    print("\nplacement")
    for name in names if not given.rehearse else []:
        placement(name)
    print("\ntimes")
    for name in names:
        timings(name, provider, tuple(int(rows) for rows in given.rows.split(",")))
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
