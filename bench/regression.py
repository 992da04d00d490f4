"""Ratios that a change must not make worse, measured in one run and compared with those recorded in ratios.json:

    python bench/regression.py            # measures and compares, ends with status 1 where something is worse
    python bench/regression.py --write    # records anew

Ratios compare two things on the same machine at the same time, so that they mean the same on another one; still they
vary by some per cent, and only what is worse by more than TOLERANCE counts. Run it on a quiet machine.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import adr_runtime

RECORD = Path(__file__).with_name("ratios.json")
TOLERANCE = 0.25
ROUNDS = 5


def seconds(run: Callable[[], object]) -> float:
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


def ratio(first: Callable[[], object], second: Callable[[], object]) -> float:
    """Median time of the first over that of the second; they take turns, and a round before warms up."""
    pairs = [(seconds(first), seconds(second)) for _ in range(ROUNDS + 1)][1:]
    return statistics.median(a for a, _ in pairs) / statistics.median(b for _, b in pairs)


def take(stream: adr_runtime.Stream, chunks: int) -> None:
    for _ in range(chunks):
        next(stream)


def eager_step(model: adr_runtime.AudioModel) -> Callable[[], object]:
    """Forty tokens by PyTorch eager, of the shipped model's size and number of steps, on one thread."""
    import torch
    from adr_models import ADRConfig, ADRModel
    from adr_models.causal.generate import denoise
    from adr_runtime.causal.samplers import coefficients
    from adr_train.recipes.recipe import read_recipe

    torch.set_num_threads(1)
    recipe = read_recipe("speech-digits", "cpu")
    values = recipe.model.to_dict() | {"labels": list(model.labels), "speakers": list(model.speakers)}
    network = ADRModel(ADRConfig.from_dict(values)).eval()
    steps, clip = model.manifest.defaults.steps, torch.tensor(8.0)
    betas, schedule = network.schedule.betas.numpy(), network.config.schedule
    timestep, table = coefficients(betas, schedule.prediction, False, "ddim", steps, 1.0)
    label, nobody = torch.tensor([7]), torch.tensor([len(model.speakers)])

    @torch.no_grad()
    def run() -> None:
        modulation, rows = network.head.time_modulation(torch.from_numpy(timestep)), torch.from_numpy(table)
        state, decoder = network.backbone.initial_state(1), network.tokens.initial_state(1)
        token = torch.zeros(1, network.tokens.channels)
        for _ in range(40):
            condition, state = network.backbone.step(token, label, state, speaker=nobody)
            noise = torch.randn(steps + 1, 1, network.tokens.channels)
            token = denoise(
                network.head, condition[:, None], torch.ones(1, 1), modulation, rows, noise[0], noise[1:], clip
            )
            _, decoder = network.tokens.decode(token[:, None], decoder)

    return run


def measure() -> dict[str, float]:
    """Every ratio; smaller is better."""
    model = adr_runtime.AudioModel.load("speech-digits", "cpu")
    digits = adr_runtime.AnyOrderModel.load("digits-any", "cpu")
    near, far = model.stream(label="seven", seed=1), model.stream(label="seven", seed=1, chunk_tokens=64)
    take(far, 300)
    far.chunk_tokens = 1
    program = Path(sys.executable).with_name("adr-run")
    bare = [sys.executable, "-c", "import numpy, onnxruntime, typer, rich.progress"]
    words = [str(program), "audio", "--label", "seven", "--seed", "1", "--out", "-"]
    eager = eager_step(model)
    return {
        "a token, over PyTorch eager": ratio(lambda: take(model.stream(label="seven", seed=1), 40), eager),
        "a token after ten minutes, over one at the start": ratio(lambda: take(far, 40), lambda: take(near, 40)),
        "sixteen clips at once, over one": ratio(
            lambda: model.generate(label=[7] * 16, seconds=0.5, seed=1),
            lambda: model.generate(label=7, seconds=0.5, seed=1),
        ),
        "sixteen pictures in any order, over one": ratio(
            lambda: digits.generate(count=16, seed=1), lambda: digits.generate(count=1, seed=1)
        ),
        "adr-run audio, over importing what it needs": ratio(
            lambda: subprocess.run(words, check=True, capture_output=True), lambda: subprocess.run(bare, check=True)
        ),
    }  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="record what is measured")
    ratios = {name: round(value, 3) for name, value in measure().items()}
    if parser.parse_args().write:
        RECORD.write_text(json.dumps(ratios, indent=1) + "\n")
    recorded = json.loads(RECORD.read_text())
    worse = [name for name, value in ratios.items() if value > recorded.get(name, value) * (1 + TOLERANCE)]
    for name, value in ratios.items():
        print(f"{name:50s} {value:7.3f}  recorded {recorded.get(name)}{'  WORSE' if name in worse else ''}")
    return bool(worse)


if __name__ == "__main__":
    sys.exit(main())
