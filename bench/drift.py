"""Whether a model of pictures drifts when it goes on from its own tokens.

A denoising loss of real tokens behind a prefix that the model made says nothing: the two are of different pictures, and
a perfect model would lose by it too. So three kinds of sequences of equal labels are compared, position by position:

- real     held-out pictures
- forced   every token sampled behind the real ones before it
- free     every token sampled behind the sampled ones before it, as in generation

by two functionals: the denoising loss that the model was trained by, behind the sequence's own prefix (the real one
for `forced`), and the deviation over pictures. A perfect model with a perfect sampler gives all three the same values.
`forced` over `real` is what a single token is off by, from the model and from few steps; `free` over `forced` is what
sampled prefixes add, which is the drift; forced and free share their noise, so that their first tokens are the same.

Equal values do not prove that there is no drift. The loss is the model's own opinion: samples that are too smooth cost
less than real tokens. The deviation sees neither what goes together nor what a picture shows.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
from adr_runtime import GenerationConfig, ImageModel
from adr_runtime.causal.generator import TokenGenerator
from adr_train.data.datasets import load_dataset
from adr_train.data.splits import spread
from adr_train.data.types import Images
from adr_train.recipes.recipe import dataset_of

# A row of a sampler's table whose result is the prediction itself.
PREDICTION = np.array([[0, 1, 0, 1, 0, 0, 0]], np.float32)
GROUPS = 6


def validation_tokens(model: ImageModel, data: Path | None, count: int) -> tuple[np.ndarray, list[int]]:
    """tokens (count, length, C) and labels of pictures that are spread over the validation split. Raises ADRError."""
    recipe = str(model.manifest.training["recipe"])
    images = load_dataset(dataset_of(recipe), data, "validation")
    assert isinstance(images, Images)
    chosen = spread(len(images.labels), count)
    pixels = images.pixels[chosen].astype(np.float32) / 255
    tokens: np.ndarray = model.opened.sessions["encode"].run({"pixels": pixels})["tokens"]
    return tokens, images.labels[chosen].tolist()


def sample(model: ImageModel, labels: list[int], config: GenerationConfig, real: np.ndarray | None) -> np.ndarray:
    """tokens (rows, length, C), each behind those of `real` (rows, length, C), or behind the sampled ones."""
    generator = TokenGenerator(model.opened, config.resolve(model.manifest, labels))
    state, tokens = generator.start(), []
    for n in range(model.length):
        tokens.append(generator.next_token(state))
        if real is not None:
            state.token = real[:, n]
    return np.stack(tokens, 1)


class Denoiser:
    """The model's denoising loss, with the same noise for whatever is measured. `own` float (length, C) is 1 for the
    channels that a token has."""

    def __init__(self, model: ImageModel, labels: list[int], own: np.ndarray, draws: int):
        manifest, rows = model.manifest, len(labels)
        settings = GenerationConfig(steps=1, guidance=1.0, seed=0).resolve(manifest, labels)
        self.generator, self.own = TokenGenerator(model.opened, settings), own
        self.prediction = manifest.schedule.prediction
        alpha_bar = np.cumprod(1 - np.array(manifest.schedule.betas))
        # The middle of each of `draws` stretches of timesteps.
        self.timesteps = (2 * np.arange(draws) + 1) * len(alpha_bar) // (2 * draws)
        self.signal = np.sqrt(alpha_bar[self.timesteps])
        self.noise = np.sqrt(1 - alpha_bar[self.timesteps])
        self.epsilon = np.random.default_rng(0).standard_normal((draws, rows, *own.shape), np.float32) * own

    def conditions(self, prefix: np.ndarray) -> np.ndarray:
        """(rows, length, D), each of the tokens of `prefix` (rows, length, C) before it."""
        generator, conditions = self.generator, []
        state = generator.start()
        for n in range(prefix.shape[1]):
            outputs = generator.sessions["step"].run(generator.step_feed(state))
            conditions.append(outputs["condition"])
            generator.move(state, outputs, prefix[:, n])
        return np.stack(conditions, 1)

    def predict(self, noisy: np.ndarray, timestep: int, conditions: np.ndarray) -> np.ndarray:
        """What the head says of noisy tokens (rows, length, C) at one timestep."""
        flat = noisy.reshape(-1, noisy.shape[-1])
        feed = {
            "condition": conditions.reshape(1, len(flat), -1), "mix": np.ones((1, len(flat)), np.float32),
            "modulation": self.generator.modulation(np.array([timestep])), "coefficients": PREDICTION,
            "initial": flat, "noise": np.zeros((1, *flat.shape), np.float32),
            "clip": np.array(np.finfo(np.float32).max),
        }  # fmt: skip
        prediction: np.ndarray = self.generator.sessions["head"].run(feed)["token"]
        return prediction.reshape(noisy.shape)

    def loss(self, tokens: np.ndarray, prefix: np.ndarray) -> np.ndarray:
        """Mean squared error (rows, length) of tokens behind a prefix, over draws and the channels that a token has."""
        conditions, total = self.conditions(prefix), np.zeros(tokens.shape[:2])
        draws = zip(self.timesteps, self.signal, self.noise, self.epsilon, strict=True)
        for timestep, signal, noise, epsilon in draws:
            noisy = (signal * tokens + noise * epsilon).astype(np.float32)
            target = epsilon if self.prediction == "epsilon" else signal * epsilon - noise * tokens
            error = np.square(self.predict(noisy, int(timestep), conditions) - target) * self.own
            total += error.sum(-1) / self.own.sum(-1)
        return total / len(self.timesteps)


def ratio(over: np.ndarray, under: np.ndarray) -> str:
    """The ratio of two means over rows, and its standard error."""
    value = over.mean() / under.mean()
    error = np.std(over - value * under, ddof=1) / (len(over) ** 0.5 * under.mean())
    return f"{value:.3f} +- {error:.3f}"


def deviation(tokens: np.ndarray) -> float:
    """Root of the summed variances over rows."""
    return float(np.sqrt(tokens.var(0).sum()))


def drift_rows(
    model: ImageModel, data: Path | None, count: int, config: GenerationConfig, steps: list[int], draws: int
) -> list[list[object]]:  # fmt: skip
    """A row for each number of steps and stretch of positions: steps, positions, the loss of real pictures; losses of
    forced over real, free over real and free over forced; the same of deviations. Raises ADRError."""
    real, labels = validation_tokens(model, data, count)
    own = (real != 0).any(0).astype(np.float32)
    denoiser, rows = Denoiser(model, labels, own, draws), list[list[object]]()
    real_loss = denoiser.loss(real, real)
    for number in steps:
        settings = replace(config, steps=number)
        forced, free = (sample(model, labels, settings, prefix) * own for prefix in (real, None))
        losses = real_loss, denoiser.loss(forced, real), denoiser.loss(free, free)
        for part in np.array_split(np.arange(model.length), GROUPS):
            of_real, of_forced, of_free = (loss[:, part].mean(1) for loss in losses)
            spread_real, spread_forced, spread_free = (deviation(x[:, part]) for x in (real, forced, free))
            rows.append([
                number, f"{part[0]} to {part[-1]}", f"{of_real.mean():.4f}", ratio(of_forced, of_real),
                ratio(of_free, of_real), ratio(of_free, of_forced), f"{spread_forced / spread_real:.3f}",
                f"{spread_free / spread_real:.3f}", f"{spread_free / spread_forced:.3f}",
            ])  # fmt: skip
    return rows
