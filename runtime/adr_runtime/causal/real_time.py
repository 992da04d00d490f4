"""Keeping ahead of playback: how fast a stream is made, and how many denoising steps this machine affords."""

import time

import numpy as np

from adr_runtime.causal.audio_model import AudioModel
from adr_runtime.causal.config import GenerationOptions
from adr_runtime.errors import InputError


class Pace:
    """The clock of one stream. A player is imagined that starts with the first chunk and never waits: a chunk that
    comes after everything before it has been played is an under-run."""

    def __init__(self, sample_rate: int, started: float | None = None):
        self.sample_rate, self.started = sample_rate, time.perf_counter() if started is None else started
        self.first: float | None = None
        self.playing = 0.0
        self.samples = self.under_runs = 0
        self.taken = 0.0

    @property
    def made(self) -> float:
        """Seconds of sound so far."""
        return self.samples / self.sample_rate

    def add(self, samples: int) -> None:
        self.taken = time.perf_counter() - self.started
        if self.first is None:
            self.first = self.playing = self.taken
        elif self.taken - self.playing > self.made:
            self.under_runs += 1
            # The player starts anew with this chunk.
            self.playing = self.taken - self.made
        self.samples += samples

    def report(self) -> dict[str, float]:
        return {"first_sound_ms": round(1000 * (self.first or 0.0), 1), "under_runs": self.under_runs}

    def line(self) -> str:
        return (
            f"first sound after {1000 * (self.first or 0.0):.0f} ms, {self.made:.1f} s of sound in {self.taken:.1f} s, "
            f"real-time factor {self.taken / max(self.made, 1e-9):.3f}, {self.under_runs} buffer under-runs"
        )


def affordable_steps(model: AudioModel, factor: float, options: GenerationOptions, tokens: int = 12) -> int:
    """The largest number of steps, up to the schedule's, at which tokens are made `factor` times faster than they
    are played: the cost of a token is measured at two numbers of steps and is a line between and beyond them.
    Raises InputError where one step is too slow."""
    budget, most = model.spec.hop / model.sample_rate / factor, len(model.manifest.schedule.betas)
    few, many = 2, min(32, most)
    cost = {steps: token_seconds(model, steps, options, tokens) for steps in (few, many)}
    slope = max((cost[many] - cost[few]) / max(many - few, 1), 1e-9)
    steps = int(min(few + (budget - cost[few]) / slope, most))
    if steps < 1:
        raise InputError(
            f"{factor:g} times ahead of playback: one step takes {1000 * (cost[few] - slope):.2f} ms a token here and "
            f"{1000 * budget:.2f} ms are allowed; ask for less"
        )
    return steps


def token_seconds(model: AudioModel, steps: int, options: GenerationOptions, tokens: int) -> float:
    """Median seconds a token."""
    timed: GenerationOptions = {**options, "steps": steps}
    stream = model.stream(label=0 if model.labels else None, **timed)
    next(stream)
    taken = []
    for _ in range(tokens):
        started = time.perf_counter()
        next(stream)
        taken.append(time.perf_counter() - started)
    return float(np.median(taken))
