"""adr-eval of any-order models: bits per dimension on a held-out split at several budgets, beside a causal baseline.

A budget is measured by doing what it says: random orders, the policy's steps, the bits that each step charges. At full
steps, one network call a variable, that would take D calls a picture; there the bound is estimated as it is in
training, with steps spread evenly over each picture, which has the same expectation.
"""

import math
import time
from pathlib import Path

import adr_runtime
import numpy as np
import torch
from adr_models.any_order.baseline import Causal, CausalConfig
from adr_models.checkpoint import find_checkpoint, read_config, read_tensors
from adr_runtime.any_order.network import random_orders

from adr_train.data.datasets import load_dataset
from adr_train.data.splits import spread
from adr_train.data.variables import Variables, own_form, to_variables, windows
from adr_train.errors import TrainError

ROWS = 16


def held_out_values(
    config: Variables, dataset: str, folder: Path | None, split: str, count: int | None, seed: int = 0
) -> np.ndarray:
    """Variables int64 (count, D) of a split: pictures, or windows of a stream, drawn by the seed and evenly spread over
    the split, so that its order does not matter."""
    values = to_variables(load_dataset(dataset, folder, split, *own_form(config)), config, dataset)
    if values.ndim == 1:
        values = windows(values, math.prod(config.shape))
    chosen: np.ndarray = values[spread(len(values), len(values) if count is None else count, seed)]
    return chosen.astype(np.int64)


def measure(model: adr_runtime.AnyOrderModel, values: np.ndarray, steps: int, seed: int = 0) -> dict[str, float]:
    """Bits per dimension at one budget, its standard error over sequences, network calls and seconds a sequence."""
    bits, calls = np.zeros(len(values)), 0
    policy, started = model.policy(steps), time.perf_counter()
    every = np.arange(model.variables.dimensions)
    for first in range(0, len(values), ROWS):
        block = values[first : first + ROWS]
        order = random_orders(seed, first + np.arange(len(block)), every)
        bits[first : first + ROWS], calls = model.bits(block, np.zeros(block.shape, bool), order, policy)
    return row(bits / len(every), calls, model.predicted_bits(steps), time.perf_counter() - started)


def measure_full(model: adr_runtime.AnyOrderModel, values: np.ndarray, draws: int, seed: int = 0) -> dict[str, float]:
    """An estimate of the bound at one call a variable and stage: `draws` steps a sequence, evenly spread over all of
    them from a random one on, each weighted with stages * D / (D - t) (equation 3). The standard error over sequences
    has the estimate's own in it, which `estimate_error` gives alone."""
    spec, dimensions = model.variables, model.variables.dimensions
    total_steps, bits = spec.stages * dimensions, np.zeros((len(values), draws))
    random = np.random.default_rng(seed)
    started = time.perf_counter()
    for first in range(0, len(values), ROWS):
        block = values[first : first + ROWS]
        times = (np.arange(draws) + random.random((len(block), 1))) / draws
        for draw in range(draws):
            steps = (times[:, draw] * total_steps).astype(int)
            # The runtime's graph takes one number of predicted variables a call, so sequences go one by one.
            for i, step in enumerate(steps):
                stage, t = divmod(int(step), dimensions)
                order = random.permutation(dimensions)[None]
                wide, narrow = spec.width(stage), spec.width(stage + 1)
                known = np.zeros((1, dimensions), bool)
                known[0, order[0, :t]] = True
                low = np.where(known, block[i] // narrow * narrow, block[i] // wide * wide)
                index = order[:, t:]
                log_p = model.predict(low, known, stage, index)
                digits = (np.take_along_axis(block[i : i + 1], index, 1) % wide // narrow)[..., None]
                nats = -np.take_along_axis(log_p, digits, 2).sum(dtype=np.float64)
                bits[first + i, draw] = nats / np.log(2) * spec.stages / (dimensions - t)
    predicted = sum(float(np.mean(stage)) for stage in model.manifest.step_loss)
    figures = row(bits.mean(1), total_steps, predicted, time.perf_counter() - started)
    return figures | {"estimate_error": estimate_error(bits)}


def estimate_error(bits: np.ndarray) -> float:
    """The standard error that the random steps alone bring into the mean of bits (sequences, draws), whose draws are
    spread evenly over the steps. Neighbouring draws differ by chance and little else; what all of them share with their
    position, as that late variables cost less, is no error (successive differences, Wolter 1984)."""
    sequences, draws = bits.shape
    square = np.square(np.diff(bits, axis=1)).sum(1) / (2 * max(draws - 1, 1) * draws)
    return float(np.sqrt(square.sum()) / sequences)


def row(bits: np.ndarray, calls: int, predicted: float, seconds: float) -> dict[str, float]:
    error = float(bits.std(ddof=1) / len(bits) ** 0.5) if len(bits) > 1 else 0.0
    return {
        "bits_per_dimension": float(bits.mean()), "standard_error": error, "predicted": predicted, "calls": calls,
        "seconds_each": seconds / len(bits),
    }  # fmt: skip


def measure_causal(
    folder: Path, dataset: str, data: Path | None, split: str, count: int | None, seed: int = 0
) -> dict[str, float]:
    """The exact bits per dimension of a causal baseline's checkpoint, by PyTorch, on the same sequences."""
    checkpoint = find_checkpoint(folder)
    saved = read_config(checkpoint)
    if saved.kind != "causal":
        raise TrainError(f"{checkpoint}: a checkpoint of {saved.recipe}, which is no causal baseline")
    model = Causal(CausalConfig.from_dict(saved.model))
    model.load_state_dict(read_tensors(checkpoint / "model.safetensors"))
    model.eval()
    values = held_out_values(model.config, dataset, data, split, count, seed)
    bits, started = [], time.perf_counter()
    with torch.no_grad():
        for first in range(0, len(values), ROWS):
            block = torch.from_numpy(values[first : first + ROWS])
            bits.append(-model.log_likelihood(block).double().mean(1).numpy() / np.log(2))
    calls = values.shape[1] // model.channels
    figures = row(np.concatenate(bits), calls, 0.0, time.perf_counter() - started)
    return {k: v for k, v in figures.items() if k not in ("predicted", "seconds_each")}
