"""The token loop: one step of the backbone, one run of the head, for each token of every row.

All that changes from token to token is in a `Walk`, as explicit arrays; the sessions are shared and immutable.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from adr_runtime.manifest import Manifest, StateSpec
from adr_runtime.philox import normal
from adr_runtime.samplers import coefficients, initial_scale
from adr_runtime.session import Session

# Noise is drawn for many tokens at a time, up to this many values.
NOISE_VALUES = 1 << 17
PREFILL = 512


@dataclass(frozen=True)
class Settings:
    """How tokens are made. `labels` and `speakers` have one index a row; the null ones are len(manifest.labels) and
    len(manifest.speakers)."""

    labels: tuple[int, ...]
    speakers: tuple[int, ...]
    steps: int
    sampler: str
    guidance: float
    temperature: float
    seed: int
    first_row: int = 0


@dataclass
class Walk:
    """Tokens made so far (`position`), the last of them, the labels and what of them the graphs are fed
    (`given`), and the states; rows are guides * batch.
    `over` (batch,) says whether the clip was over before the last token; all False where the model cannot tell."""

    position: int
    token: np.ndarray
    labels: tuple[int, ...]
    given: dict[str, np.ndarray]
    backbone: dict[str, Any]
    decode: dict[str, Any]
    over: np.ndarray

    def copy(self) -> "Walk":
        """States are replaced at every step and never written to, so sharing them is safe."""
        return replace(self, backbone=dict(self.backbone), decode=dict(self.decode))


def count_guides(manifest: Manifest, settings: Settings) -> int:
    """How many rows of the backbone make one row of tokens: a second one, which knows no label, for guidance."""
    named = any(i != len(manifest.labels) for i in settings.labels)
    named |= any(i != len(manifest.speakers) for i in settings.speakers)
    return 2 if settings.guidance != 1 and named else 1


class Loop:
    """What a run of tokens shares: the sampler's table and modulation, labels, guidance, blocks of noise."""

    def __init__(self, manifest: Manifest, sessions: dict[str, Session], settings: Settings):
        self.manifest, self.sessions, self.settings = manifest, sessions, settings
        schedule, self.batch = manifest.schedule, len(settings.labels)
        self.null = {"label": len(manifest.labels), "speaker": len(manifest.speakers)}
        self.guides = count_guides(manifest, settings)
        timestep, table = coefficients(
            np.array(schedule.betas), schedule.prediction, schedule.learned_variance,
            settings.sampler, settings.steps, settings.temperature,
        )  # fmt: skip
        guidance = [[settings.guidance], [1 - settings.guidance]] if self.guides == 2 else [[1.0]]
        feed = {"timestep": timestep}
        if manifest.jumps:
            # ddim's steps are jumps to the next level; the other samplers ask for the slope where they are.
            jumping = settings.sampler == "ddim"
            feed["arrival"] = np.append(timestep[1:] + 1, 0) if jumping else timestep + 1
        modulation = sessions["timestep"].run(feed)["modulation"]
        head = sessions["head"]
        self.constants = {
            "mix": head.place(np.repeat(np.array(guidance, np.float32), self.batch, 1)),
            "modulation": head.place(modulation),
            "coefficients": head.place(table),
            "clip": np.array(schedule.clip, np.float32),
        }
        self.noisy = bool(table[:, 5].any())
        self.scale = np.float32(initial_scale(settings.sampler, settings.temperature))
        self.silent = np.zeros((settings.steps, self.batch, manifest.tokens.channels), np.float32)
        self.block = (0, np.empty((0, 1, self.batch, manifest.tokens.channels), np.float32))
        self.kept = tuple(state.present for state in manifest.states_of("backbone"))

    def start(self) -> Walk:
        rows = self.guides * self.batch
        token = np.zeros((self.batch, self.manifest.tokens.channels), np.float32)
        backbone = {s.past: initial(s, rows) for s in self.manifest.states_of("backbone")}
        decode = {s.past: initial(s, self.batch) for s in self.manifest.states_of("decode")}
        labels = self.settings.labels
        return Walk(0, token, labels, self.given(labels), backbone, decode, np.zeros(self.batch, bool))

    def restart(self, walk: Walk, labels: tuple[int, ...]) -> None:
        """Begin another clip behind the last one: the decoder and the noise go on, the backbone starts anew."""
        fresh = self.start()
        walk.labels, walk.given = labels, self.given(labels)
        walk.token, walk.backbone, walk.over = fresh.token, fresh.backbone, fresh.over

    def given(self, labels: tuple[int, ...]) -> dict[str, np.ndarray]:
        """Labels and speakers int64 (guides * batch,) of the models that have them; the second guide knows none."""
        found = {}
        for what, rows in (("label", labels), ("speaker", self.settings.speakers)):
            if self.null[what]:
                indices = np.array(rows, np.int64)
                found[what] = np.concatenate([indices, np.full_like(indices, self.null[what])])
        return {what: rows[: self.guides * self.batch] for what, rows in found.items()}

    def noise(self, position: int) -> np.ndarray:
        """Noise (1 + steps or 1, batch, channels) of one token, from a block drawn ahead."""
        first, values = self.block
        if not first <= position < first + len(values):
            steps = np.arange(self.settings.steps + 1 if self.noisy else 1)
            a_token = len(steps) * self.batch * self.manifest.tokens.channels
            tokens = position + np.arange(max(1, min(64, NOISE_VALUES // a_token)))
            rows = self.settings.first_row + np.arange(self.batch)
            values = normal(self.settings.seed, rows, tokens, steps, self.manifest.tokens.channels)
            self.block = first, values = position, values
        return values[position - first]

    def advance(self, walk: Walk) -> np.ndarray:
        """Make the next token (batch, channels) and move the walk on."""
        feed = {"token": np.tile(walk.token, (self.guides, 1)), **walk.given, **walk.backbone}
        outputs = self.sessions["step"].run(feed, self.kept)
        noise = self.noise(walk.position)
        drawn = {"initial": noise[0] * self.scale, "noise": noise[1:] if self.noisy else self.silent}
        condition = outputs["condition"].reshape(self.guides, self.batch, -1)
        walk.token = self.sessions["head"].run({"condition": condition, **drawn, **self.constants})["token"]
        walk.backbone = self.renamed(outputs, "backbone")
        if "end" in outputs:
            walk.over = outputs["end"][: self.batch] > 0
        walk.position += 1
        return walk.token

    def prefill(self, walk: Walk, tokens: np.ndarray) -> None:
        """Take tokens (batch, length, channels) as given, through the parallel graph in pieces of fixed memory."""
        before = np.concatenate([walk.token[:, None], tokens[:, :-1]], 1)
        for a in range(0, tokens.shape[1], PREFILL):
            piece = np.tile(before[:, a : a + PREFILL], (self.guides, 1, 1))
            outputs = self.sessions["parallel"].run({"tokens": piece, **walk.given, **walk.backbone}, self.kept)
            walk.backbone = self.renamed(outputs, "backbone")
        walk.token, walk.position = tokens[:, -1], walk.position + tokens.shape[1]

    def decode(self, walk: Walk, tokens: np.ndarray) -> np.ndarray:
        """tokens (batch, length, channels) -> samples (batch, length * hop) or pixels (batch, h, w, channels)."""
        outputs = self.sessions["decode"].run({"tokens": tokens, **walk.decode})
        walk.decode = self.renamed(outputs, "decode")
        return outputs["samples" if self.manifest.audio else "pixels"]

    def renamed(self, outputs: dict[str, Any], graph: str) -> dict[str, Any]:
        return {state.past: outputs[state.present] for state in self.manifest.states_of(graph)}


def initial(state: StateSpec, rows: int) -> np.ndarray:
    """A state before the first token; a growing cache starts empty."""
    shape = [rows if size == "rows" else 0 if isinstance(size, str) else size for size in state.shape]
    return np.full(shape, state.initial, state.dtype)
