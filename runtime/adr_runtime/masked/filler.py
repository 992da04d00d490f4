"""Filling in tokens: one run of the network for each call, one run of the head for the tokens that it makes.

A token's noise is keyed by seed, row and token, and a row's order by seed and row, so that a row does not depend on
those beside it. Nothing is kept between two calls but the tokens and what of them is known.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from adr_runtime.causal.parts import Denoising
from adr_runtime.causal.samplers import Column, coefficients, initial_scale
from adr_runtime.inference.opening import OpenBundle
from adr_runtime.masked.config import MaskedSettings
from adr_runtime.masked.manifest import MaskedManifest
from adr_runtime.masked.order import reveal_counts, token_orders
from adr_runtime.philox import normal_at

# Rows that are filled in at a time, and values of noise that the head is fed.
MAX_ROWS, NOISE_VALUES = 64, 1 << 22


@dataclass(frozen=True)
class Denoiser:
    """What the head takes of a `Denoising`: inputs that all tokens share, the weights of the guides float32 (guides,),
    steps, whether the sampler adds noise, and what the initial noise is multiplied by."""

    constants: dict[str, Any]
    weights: np.ndarray
    steps: int
    noisy: bool
    scale: np.float32


class TokenFiller:
    """What the calls of a generation share: graphs, settings, the sampler's tables."""

    def __init__(self, opened: OpenBundle, settings: MaskedSettings, seed: int):
        """`seed` is that of this filling-in, in place of the settings'."""
        manifest = opened.bundle.manifest
        assert isinstance(manifest, MaskedManifest)
        self.manifest, self.sessions, self.settings, self.seed = manifest, opened.sessions, settings, seed
        self.guides = settings.guidance_rows(manifest)
        kinds = [settings.denoising(token, manifest.length) for token in range(manifest.length)]
        distinct = list(dict.fromkeys(kinds))
        # For each token the number of its denoiser.
        self.kind = np.array([distinct.index(kind) for kind in kinds])
        self.denoisers = [self.denoiser(kind) for kind in distinct]

    def denoiser(self, denoising: Denoising) -> Denoiser:
        schedule, head, sampler = self.manifest.schedule, self.sessions["head"], self.settings.sampler
        timestep, table = coefficients(
            np.array(schedule.betas), schedule.prediction, schedule.learned_variance, sampler, denoising.steps,
            denoising.temperature, self.manifest.defaults.spacing,
        )  # fmt: skip
        modulation = self.sessions["timestep"].run({"timestep": timestep})["modulation"]
        constants = {
            "modulation": head.to_device(modulation), "coefficients": head.to_device(table),
            "clip": np.array(schedule.clip, np.float32),
        }  # fmt: skip
        weights = [denoising.guidance, 1 - denoising.guidance] if self.guides == 2 else [1.0]
        noisy, scale = bool(table[:, Column.NOISE].any()), np.float32(initial_scale(sampler, denoising.temperature))
        return Denoiser(constants, np.array(weights, np.float32), denoising.steps, noisy, scale)

    def fill(self, tokens: np.ndarray, known: np.ndarray) -> np.ndarray:
        """tokens float32 (rows, length, C), one row for each of the settings: what is `known` bool (length,) stays as
        it is in each, and the others are made."""
        rows = np.arange(len(tokens))
        parts = [slice(a, a + MAX_ROWS) for a in range(0, len(rows), MAX_ROWS)]
        return np.concatenate([self.fill_rows(tokens[part], known, rows[part]) for part in parts])

    def fill_rows(self, given: np.ndarray, known: np.ndarray, rows: np.ndarray) -> np.ndarray:
        regions, missing = self.manifest.length // self.manifest.image.levels, np.flatnonzero(~known)
        tokens = np.where(known[:, None], given, np.float32(0))
        seen = np.repeat(known[None], len(rows), 0)
        order = token_orders(self.seed, rows, missing, self.settings.order, regions)
        done = 0
        for count in self.counts(len(missing)):
            index = order[:, done : done + count]
            place, token = np.repeat(np.arange(len(rows)), count), index.reshape(-1)
            conditions = self.conditions(tokens, seen, rows)[:, place, token]
            tokens[place, token] = self.denoise(conditions, rows[place], token)
            seen[place, token] = True
            done += count
        return tokens

    def counts(self, missing: int) -> list[int]:
        """How many tokens each call makes of so many: of every level the same."""
        if not missing:
            return []
        groups = self.manifest.image.levels if self.settings.order == "levels" else 1
        return reveal_counts(self.settings.calls, groups, missing // groups)

    def conditions(self, tokens: np.ndarray, known: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """One call of the network: conditions float32 (guides, rows, length, D), the second guide's without a label."""
        feed = {"tokens": np.tile(tokens, (self.guides, 1, 1)), "known": np.tile(known, (self.guides, 1))}
        if self.manifest.labels:
            label = np.array(self.settings.labels, np.int64)[rows]
            nobody = np.full_like(label, len(self.manifest.labels))
            feed["label"] = np.concatenate([label, nobody])[: self.guides * len(rows)]
        conditions: np.ndarray = self.sessions["network"].run(feed)["conditions"]
        return conditions.reshape(self.guides, len(rows), *conditions.shape[1:])

    def denoise(self, conditions: np.ndarray, rows: np.ndarray, tokens: np.ndarray) -> np.ndarray:
        """Tokens float32 (n, C) from conditions (guides, n, D), for the numbers of their rows and tokens int64 (n,)."""
        made = np.empty((len(tokens), self.manifest.tokens.channels), np.float32)
        for number in np.unique(self.kind[tokens]):
            every, denoiser = np.flatnonzero(self.kind[tokens] == number), self.denoisers[number]
            most = max(NOISE_VALUES // ((denoiser.steps + 1) * made.shape[1]), 1)
            for a in range(0, len(every), most):
                some = every[a : a + most]
                shape = (denoiser.steps, len(some), made.shape[1])
                drawn = np.arange(denoiser.steps + 1 if denoiser.noisy else 1)[:, None]
                noise = normal_at(self.seed, rows[some], tokens[some], drawn, made.shape[1])
                made[some] = self.sessions["head"].run({
                    "condition": conditions[:, some], "mix": np.repeat(denoiser.weights[:, None], len(some), 1),
                    "initial": noise[0] * denoiser.scale,
                    "noise": noise[1:] if denoiser.noisy else np.zeros(shape, np.float32), **denoiser.constants,
                })["token"]  # fmt: skip
        return made
