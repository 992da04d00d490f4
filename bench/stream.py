"""Streaming speech on one CPU core, ONNX Runtime beside PyTorch eager of the same weights, in one run:

    python bench/stream.py speech-digits runs/speech-digits-few --steps 4,8,25
    python bench/stream.py speech-digits --minutes 60 --data fsdd

The first prints, for each number of steps, the time to the first sound on a loaded model and the real-time factor,
medians of rounds that alternate between the two. The second streams that much sound, prints resident memory and the
cost of a token minute by minute, and how many words of the first and of the last minute are judged right.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import adr_runtime
import numpy as np


def resident(process: int | str = "self") -> float:
    """MiB of a process in memory, this one unless given."""
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * 4096 / 2**20


def onnx_round(model: adr_runtime.AudioModel, steps: int, tokens: int, seed: int) -> tuple[float, float]:
    """Seconds to the first sound, and seconds a token after it."""
    started = time.perf_counter()
    stream = model.stream(label="seven", steps=steps, seed=seed)
    next(stream)
    first = time.perf_counter()
    for _ in range(tokens):
        next(stream)
    return first - started, (time.perf_counter() - first) / tokens


def torch_round(checkpoint: Path, guidance: float, sampler: str) -> Callable[[int, int, int], tuple[float, float]]:
    """The same in PyTorch eager, with the same tables."""
    import torch
    from adr_export.checkpoint import load_checkpoint
    from adr_models.causal.generate import denoise
    from adr_models.checkpoint import find_checkpoint
    from adr_runtime.causal.samplers import coefficients

    torch.set_num_threads(1)
    model, _ = load_checkpoint(find_checkpoint(checkpoint))
    schedule, guides = model.config.schedule, 1 if guidance == 1 else 2
    mix = torch.tensor([[1.0]] if guides == 1 else [[guidance], [1 - guidance]])
    nobody, clip = torch.full((guides,), len(model.config.speakers)), torch.tensor(8.0)
    label = torch.tensor([7, len(model.config.labels)])[:guides]

    @torch.no_grad()
    def run(steps: int, tokens: int, seed: int) -> tuple[float, float]:
        generator = torch.Generator().manual_seed(seed)
        started = time.perf_counter()
        timestep, table = coefficients(model.schedule.betas.numpy(), schedule.prediction, False, sampler, steps, 1.0)
        modulation, rows = model.head.time_modulation(torch.from_numpy(timestep)), torch.from_numpy(table)
        state, decoder = model.backbone.initial_state(guides), model.tokens.initial_state(1)
        token, first = torch.zeros(1, model.tokens.channels), 0.0
        for n in range(tokens + 1):
            condition, state = model.backbone.step(token.repeat(guides, 1), label, state, speaker=nobody)
            noise = torch.randn(steps + 1, 1, model.tokens.channels, generator=generator)
            token = denoise(model.head, condition[:, None], mix, modulation, rows, noise[0], noise[1:], clip)
            _, decoder = model.tokens.decode(token[:, None], decoder)
            if n == 0:
                first = time.perf_counter()
        return first - started, (time.perf_counter() - first) / tokens

    return run


def compare(model: adr_runtime.AudioModel, checkpoint: Path | None, steps: list[int], rounds: int, tokens: int) -> None:
    defaults, second = model.manifest.defaults, model.sample_rate / model.spec.hop
    eager = torch_round(checkpoint, defaults.guidance, defaults.sampler) if checkpoint else None
    for count in steps:
        taken: dict[str, list[tuple[float, float]]] = {}
        for seed in range(rounds + 1):
            for name, run in (("onnxruntime", lambda *a: onnx_round(model, *a)), ("pytorch", eager)):
                if run is not None:
                    taken.setdefault(name, []).append(run(count, tokens, seed))
        row: dict[str, float] = {"steps": count}
        for name, values in taken.items():
            # The first round warms up.
            first, each = (statistics.median(v) for v in zip(*values[1:], strict=True))
            row |= {
                f"{name} first_sound_ms": round(1000 * first, 2),
                f"{name} real_time_factor": round(each * second, 4),
            }
        if eager is not None:
            row["ratio"] = round(row["pytorch real_time_factor"] / row["onnxruntime real_time_factor"], 2)
        print(json.dumps(row), flush=True)


def endure(model: adr_runtime.AudioModel, minutes: int, steps: int | None, data: Path | None) -> None:
    """A playlist of all labels again and again; the words of the first and of the last minute are kept and judged."""
    rate = model.sample_rate
    stream = model.stream(playlist=list(model.labels), cycle=True, steps=steps, seed=1)
    playlist = stream.playlist
    assert playlist is not None
    kept: dict[int, list[tuple[int, np.ndarray]]] = {1: [], minutes: []}
    for minute in range(1, minutes + 1):
        started, samples, tokens, word = time.perf_counter(), 0, 0, []
        while samples < 60 * rate:
            label, number = playlist.label, playlist.word
            word.append(next(stream)[0])
            samples, tokens = samples + len(word[-1]), tokens + 1
            if playlist.word != number:
                if minute in kept:
                    kept[minute].append((label, np.concatenate(word)))
                word = []
        taken = time.perf_counter() - started
        row = {"minute": minute, "resident_mib": round(resident(), 2), "ms_a_token": round(1000 * taken / tokens, 4)}
        print(json.dumps(row), flush=True)
    if data:
        from adr_train.data.resample import resampler
        from adr_train.data.types import AudioClips
        from adr_train.evaluation.cli import default_cache
        from adr_train.evaluation.evaluator import Evaluator
        from adr_train.recipes.recipe import dataset_of

        evaluator = Evaluator(dataset_of(str(model.manifest.training["recipe"])), data, "test", default_cache())
        assert isinstance(evaluator.real, AudioClips)
        judged = evaluator.real.sample_rate
        brought = resampler(rate, judged) if rate != judged else lambda clip: clip
        for minute, words in kept.items():
            # The first word of a minute may have begun in the one before.
            figures = evaluator.measure([brought(w) for _, w in words[1:]], np.array([label for label, _ in words[1:]]))
            print(json.dumps({"minute": minute, "words": len(words) - 1, "right": figures["accuracy"]}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle")
    parser.add_argument("checkpoint", nargs="?", type=Path)
    parser.add_argument("--steps", default="")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--tokens", type=int, default=40)
    parser.add_argument("--minutes", type=int)
    parser.add_argument("--data", type=Path)
    given = parser.parse_args()
    model = adr_runtime.AudioModel.load(given.bundle, "cpu", 1)
    steps = [int(number) for number in given.steps.split(",") if number] or [model.manifest.defaults.steps]
    if given.minutes:
        endure(model, given.minutes, steps[0], given.data)
    else:
        compare(model, given.checkpoint, steps, given.rounds, given.tokens)


if __name__ == "__main__":
    main()
