"""Pictures by ONNX Runtime beside PyTorch eager and torch.compile of the same weights, in one run:

    python bench/pictures.py                # `cifar10`; torch.compile takes minutes to compile
    python bench/pictures.py --quick        # seconds: two pictures in one step, traced but not compiled, one thread

The bundle's weights are read back from its graphs, and the same noise and the same sampler's table make the same
pictures, which is checked before anything is timed. The thumbnail is the first level of the pyramid, decoded: the first
sight of a picture. Prints Markdown; times are medians of rounds that take turns.
"""

import argparse
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from adr_models import ADRModel
from adr_models.causal.backbone import State
from adr_models.causal.generate import denoise_step
from adr_runtime import GenerationConfig, ImageModel
from adr_runtime.causal.samplers import coefficients
from adr_runtime.philox import normal
from adr_train.tasks.start import begin, read_start
from torch import Tensor
from turns import medians, table

# Of values of 0 to 255: how far any may be off, and how many may be off at all.
LEVELS, SHARE = 2, 0.01
# Denoising steps in one compiled call. Fewer calls cost less, and take far longer to compile.
UNROLLED = 5


def network_of(bundle: str, model: ImageModel) -> ADRModel:
    """The bundle's weights in PyTorch. Raises ADRError where its recipe is unknown, or its weights have no names."""
    start = read_start(Path(bundle))
    assert start.config is not None, f"{bundle}: trained by a recipe that is none of ours"
    network = ADRModel(replace(start.config, labels=model.labels))
    begin(network, start)
    return network.eval()


class Drawing:
    """Pictures in PyTorch as the runtime makes them, for samplers without noise of their own."""

    def __init__(self, network: ADRModel, model: ImageModel, steps: int | None, backend: str | None):
        """`backend` is one of torch.compile's, or None for eager."""
        self.network, self.model, self.steps = network, model, steps
        self.step, self.denoise = self.next_condition, self.denoise_some
        if backend:
            # Shapes that are known make faster code, and every number of rows has its own.
            self.step = torch.compile(self.step, dynamic=False, backend=backend)
            self.denoise = torch.compile(self.denoise, dynamic=False, backend=backend)

    def next_condition(self, token: Tensor, label: Tensor, state: State, guides: int) -> tuple[Tensor, State]:
        """What the head takes of the condition behind tokens (rows, C), (guides, rows, M), and the backbone's state."""
        condition, state = self.network.backbone.step(token.repeat(guides, 1), label, state)
        return self.network.head.condition_modulation(condition.reshape(guides, len(token), -1)), state

    def denoise_some(
        self, x: Tensor, before: Tensor, updates: Tensor, modulation: Tensor, condition: Tensor, mix: Tensor,
        clip: Tensor,
    ) -> tuple[Tensor, Tensor]:  # fmt: skip
        """x and the last x0 (rows, C) after some rows of the sampler's table."""
        head, still = self.network.head, torch.zeros_like(x)
        for row, time in zip(updates, modulation, strict=True):
            x, before = denoise_step(head, x, before, row, still, time, condition, mix, clip)
        return x, before

    @torch.inference_mode()
    def draw(self, labels: list[int], length: int, seed: int) -> np.ndarray:
        """Pixels uint8 (rows, height, width, channels) after so many tokens."""
        manifest, network, rows = self.model.manifest, self.network, len(labels)
        settings = GenerationConfig(steps=self.steps, seed=seed).resolve(manifest, labels)
        guides = settings.guidance_rows(manifest)
        timestep, updates = map(torch.from_numpy, coefficients(
            np.array(manifest.schedule.betas), manifest.schedule.prediction, False, settings.sampler, settings.steps,
            settings.temperature, manifest.defaults.spacing,
        ))  # fmt: skip
        modulations = torch.split(network.head.time_modulation(timestep), UNROLLED)
        parts = list(zip(torch.split(updates, UNROLLED), modulations, strict=True))
        mix = torch.tensor([[settings.guidance], [1 - settings.guidance]] if guides == 2 else [[1.0]]).repeat(1, rows)
        label = torch.tensor([*labels, *[len(self.model.labels)] * rows])[: guides * rows]
        channels, clip = network.tokens.channels, torch.tensor(manifest.schedule.clip)
        noise = torch.from_numpy(normal(seed, np.arange(rows), np.arange(length), np.arange(1), channels))[:, 0]
        state, tokens = network.backbone.initial_state(guides * rows), torch.zeros(rows, self.model.length, channels)
        token = torch.zeros(rows, channels)
        for n in range(length):
            condition, state = self.step(token, label, state, guides)
            token, before = noise[n], torch.zeros(rows, channels)
            for part, modulation in parts:
                token, before = self.denoise(token, before, part, modulation, condition, mix, clip)
            tokens[:, n] = token
        pixels, _ = network.tokens.decode(tokens, {})
        drawn: np.ndarray = (pixels.clamp(0, 1) * 255).round().to(torch.uint8).numpy()
        return drawn


def onnx_draw(model: ImageModel, steps: int | None, labels: list[int], length: int, seed: int) -> np.ndarray:
    """The same by the runtime, up to so many tokens."""
    return next(model.stream(label=labels, every=length, steps=steps, seed=seed)).pixels


def difference(found: np.ndarray, expected: np.ndarray) -> tuple[int, float]:
    """Of values from 0 to 255: the largest, and the share that is not the same."""
    levels = np.abs(found.astype(np.int64) - expected.astype(np.int64))
    return int(levels.max()), float((levels > 0).mean())


def compare(bundle: str, count: int, steps: int | None, rounds: int, threads: int, backend: str) -> list[list[object]]:
    """Rows of the table for one number of threads."""
    torch.set_num_threads(threads)
    model = ImageModel.load(bundle, "cpu", threads)
    network = network_of(bundle, model)
    eager, compiled = (Drawing(network, model, steps, which).draw for which in (None, backend))
    labels = [i % len(model.labels) for i in range(count)]
    expected = onnx_draw(model, steps, labels, model.length, 1)
    for name, draw in (("eager", eager), ("torch.compile", compiled)):
        levels, share = difference(draw(labels, model.length, 1), expected)
        print(f"{threads} thread(s): {name} differs by up to {levels} of 255 levels, in {share:.2%} of the values")
        assert levels <= LEVELS and share <= SHARE, "these are not the same pictures"
    first = model.length // model.spec.levels
    cases = [(f"{count} pictures, a picture", labels, model.length), ("one picture", labels[:1], model.length)]
    rows: list[list[object]] = []
    for what, chosen, length in [*cases, (f"its thumbnail, {first} of {model.length} tokens", labels[:1], first)]:
        runs: dict[str, Callable[[], object]] = {
            "onnx": partial(onnx_draw, model, steps, chosen, length, 1),
            "eager": partial(eager, chosen, length, 1),
            "compiled": partial(compiled, chosen, length, 1),
        }
        onnx, *others = (1000 * seconds / len(chosen) for seconds in medians(runs, rounds).values())
        rows.append([what, threads, onnx, others[0], others[0] / onnx, others[1], others[1] / onnx])
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", default="cifar10")
    parser.add_argument("--count", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", default="1,2", help="numbers of threads")
    parser.add_argument("--quick", action="store_true", help="tiny sizes and one round")
    given = parser.parse_args()
    count, steps, rounds, backend = (2, 1, 1, "eager") if given.quick else (given.count, None, given.rounds, "inductor")
    every = [1] if given.quick else [int(number) for number in given.threads.split(",")]
    rows = [row for threads in every for row in compare(given.bundle, count, steps, rounds, threads, backend)]
    head = ["", "threads", "ONNX Runtime, ms", "PyTorch eager, ms", "/ ONNX Runtime", "torch.compile, ms"]
    print(f"\n{given.bundle}, medians of {rounds} rounds\n\n{table([*head, '/ ONNX Runtime'], rows)}")


if __name__ == "__main__":
    main()
