"""The claims of the ADR paper, measured with this repository's own modules (docs/paper.md says which is which):

    python bench/paper.py --data cifar10              # minutes on a quiet machine; takes about 6 GiB
    python bench/paper.py --bundle digits --quick     # seconds, to see that it runs

1. Time and peak memory of a forward and backward pass against the length of the sequence: retention in its three forms,
   and softmax attention as printed.
2. Time a token and bytes of state against the position: retention's recurrent form, and softmax attention with its
   cache of keys and values, in PyTorch eager and in ONNX Runtime.
3. Teacher-forced against free-running: real validation pictures, tokens behind real ones and tokens behind sampled ones
   (bench/drift.py says what is compared).

Prints Markdown. Times are medians of rounds that take turns. What is compared must agree first: retention's forms with
each other, ONNX Runtime with PyTorch.
"""

import argparse
import platform
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from adr_runtime import ADRError, GenerationConfig, ImageModel
from adr_runtime.inference.engine import import_onnxruntime
from drift import drift_rows
from mixers import PASSES, Stepper, forms_differ, mixer_pass, peaks
from turns import medians, table

TOLERANCE = 1e-4


def training(lengths: list[int], rounds: int, threads: int) -> str:
    """The first table: a row a length, and how the last doubling went."""
    memory = {name: peaks(name, lengths, threads) for name in PASSES}
    rows: list[list[object]] = []
    for n, length in enumerate(lengths):
        taken = medians({name: mixer_pass(name, length) for name in PASSES}, rounds)
        mib = {name: memory[name][n] for name in PASSES}
        rows.append([length, *(1000 * seconds for seconds in taken.values()), taken["softmax"] / taken["chunkwise"],
                     *mib.values(), mib["softmax"] / mib["chunkwise"]])  # fmt: skip
    *_, half, last = rows
    growth = [b / a for a, b in zip(half, last, strict=True)]  # type: ignore[operator]
    rows.append([f"{last[0]:,} over {half[0]:,}", *growth[1:]])
    times, sizes = ([f"{name}, {unit}" for name in PASSES] for unit in ("ms", "MiB"))
    return table(["tokens", *times, "softmax / chunkwise", *sizes, "softmax / chunkwise"], rows)


def generation(positions: list[int], rounds: int, tokens: int, layers: int, threads: int) -> str:
    """The second table: a row a position."""
    steppers = {mixer: Stepper(mixer, layers, threads) for mixer in ("retention", "softmax")}
    rows: list[list[object]] = []
    for position in positions:
        runs: dict[str, Callable[[], object]] = {}
        for mixer, stepper in steppers.items():
            eager, onnx = stepper.eager(position, tokens), stepper.onnx(position, tokens)
            expected = eager().numpy()
            assert np.abs(onnx() - expected).max() <= TOLERANCE * np.abs(expected).max(), f"{mixer}: parity"
            runs |= {f"{mixer} eager": eager, f"{mixer} onnx": onnx}
        taken = {name: 1e6 * seconds / tokens for name, seconds in medians(runs, rounds).items()}
        kib = {mixer: stepper.state_bytes(position) / 1024 for mixer, stepper in steppers.items()}
        rows.append([
            position, taken["retention eager"], taken["retention onnx"], kib["retention"],
            taken["softmax eager"], taken["softmax onnx"], kib["softmax"],
            taken["softmax eager"] / taken["retention eager"], taken["softmax onnx"] / taken["retention onnx"],
        ])  # fmt: skip
    columns = ("PyTorch, us", "ONNX Runtime, us", "state, KiB")
    head = [f"{mixer}: {what}" for mixer in steppers for what in columns]
    return table(["position", *head, "softmax / retention, PyTorch", "ONNX Runtime"], rows)


def drift(model: ImageModel, given: argparse.Namespace) -> str:
    """The third table."""
    config = GenerationConfig(sampler=given.sampler, guidance=given.guidance, temperature=1.0, seed=given.seed)
    steps = [1, 2] if given.quick else [4, 10, 50]
    count, draws = (8, 2) if given.quick else (given.count, 16)
    rows = drift_rows(model, given.data, count, config, steps, draws)
    pairs = ("forced / real", "free / real", "free / forced")
    names = [f"{what}: {pair}" for what in ("loss", "deviation") for pair in pairs]
    return table(["steps", "tokens", "loss of real pictures", *names], rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", default="cifar10", help="a model of pictures, for the third part")
    parser.add_argument("--data", type=Path, help="the folder of the data set that it was trained on")
    parser.add_argument("--parts", default="1,2,3")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--count", type=int, default=500, help="validation pictures")
    parser.add_argument("--sampler", help="that of the bundle unless given")
    parser.add_argument("--guidance", type=float, default=1.0, help="1 is none: what is sampled is what was learned")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="tiny sizes and one round")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    rounds, parts = 1 if given.quick else given.rounds, given.parts.split(",")
    print(
        f"PyTorch {torch.__version__}, ONNX Runtime {import_onnxruntime().__version__}, {platform.machine()}, "
        f"{given.threads} thread(s), medians of {rounds} rounds\n"
    )
    try:
        # First, so that a data set that is missing is said before minutes go by.
        made = drift(ImageModel.load(given.bundle, "cpu", given.threads), given) if "3" in parts else ""
    except ADRError as error:
        parser.error(str(error))
    if "1" in parts:
        differ = forms_differ(1024)
        assert max(differ.values()) <= TOLERANCE, differ
        others = ", ".join(f"{form} {value:.0e}" for form, value in differ.items())
        print("1. A forward and backward pass of one layer, by tokens. Largest difference from the parallel form, of")
        print(f"its largest output: {others}\n")
        print(training([32, 64] if given.quick else [256, 512, 1024, 2048, 4096, 8192], rounds, given.threads))
    if "2" in parts:
        positions, tokens, layers = ([0, 16], 2, 1) if given.quick else ([0, 256, 1024, 2048, 4096, 8192], 20, 6)
        print(f"2. A token, by position, {layers} layer(s)\n")
        print(generation(positions, rounds, tokens, layers, given.threads))
    if "3" in parts:
        print(f"3. Teacher-forced against free-running, {given.bundle} at guidance {given.guidance:g}\n")
        print(made)


if __name__ == "__main__":
    main()
