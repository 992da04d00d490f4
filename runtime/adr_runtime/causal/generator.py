"""The token loop: one step of the backbone, one run of the head, for each token of every row.

All that changes from token to token is in a `GenerationState`, as explicit arrays; the sessions are shared and
immutable.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from adr_runtime.causal.config import Settings
from adr_runtime.causal.controls import null_controls
from adr_runtime.causal.manifest import AudioSpec, CausalManifest, StateSpec
from adr_runtime.causal.parts import Denoising, largest
from adr_runtime.causal.samplers import Column, coefficients, initial_scale
from adr_runtime.inference.opening import OpenBundle
from adr_runtime.media.provenance import origin
from adr_runtime.philox import normal

# Noise is drawn for many tokens at a time, up to this many values.
NOISE_VALUES = 1 << 17
PREFILL = 512


@dataclass
class GenerationState:
    """What goes on from token to token: tokens made so far (`position`), the last of them, the labels and what of them
    the graphs are fed (`conditioning`), and the graphs' states; rows are guidance rows * batch.

    `controls` int64 (batch, tokens, K) are those of the tokens to come, None where nobody gave any. `finished` (batch,)
    says whether the clip was over before the last token; all False where the model cannot tell. `noise` float32
    (tokens, 1 + steps or 1, batch, channels) was drawn ahead for the tokens from `noise_start` on.
    """

    position: int
    token: np.ndarray
    labels: tuple[int, ...]
    conditioning: dict[str, np.ndarray]
    backbone: dict[str, Any]
    decoder: dict[str, Any]
    finished: np.ndarray
    noise_start: int
    noise: np.ndarray
    controls: np.ndarray | None = None

    def copy(self) -> "GenerationState":
        """Arrays are replaced at every step and never written to, so sharing them is safe."""
        return replace(self, backbone=dict(self.backbone), decoder=dict(self.decoder))


@dataclass(frozen=True)
class Denoiser:
    """What the head takes of a `Denoising`: its inputs, zeros (steps, batch, channels) where the sampler adds no noise,
    and what the initial noise is multiplied by."""

    steps: int
    constants: dict[str, Any]
    no_noise: np.ndarray | None
    scale: np.float32


class TokenGenerator:
    """What a run of tokens shares and never changes: graphs, settings, the sampler's table and the modulation."""

    def __init__(self, opened: OpenBundle, settings: Settings):
        manifest = opened.bundle.manifest
        assert isinstance(manifest, CausalManifest)
        self.opened, self.manifest, self.sessions, self.settings = opened, manifest, opened.sessions, settings
        self.batch = len(settings.labels)
        self.unconditional = {"label": len(manifest.labels), "speaker": len(manifest.speakers)}
        self.guidance_rows, self.null_controls = settings.guidance_rows(manifest), null_controls(manifest)
        self.denoisers: dict[Denoising, Denoiser] = {}
        self.noise_steps = largest(settings.steps) + 1 if settings.sampler == "ddpm" else 1
        self.device_outputs = tuple(state.present for state in manifest.states_of("backbone"))
        # What no token can have is refused, and what the first one takes is there, before anything is generated.
        self.denoiser(0)

    @property
    def audio(self) -> AudioSpec:
        assert self.manifest.audio is not None
        return self.manifest.audio

    def provenance(self, labels: Sequence[str | None] | None = None) -> dict[str, Any]:
        """Where what is generated comes from, as files carry it; its labels are those of the rows unless given."""
        settings, names = self.settings, [*self.manifest.labels, None]
        return origin(self.manifest.name, self.opened.bundle.hash, settings.seed) | {
            "labels": [names[i] for i in settings.labels] if labels is None else list(labels),
            "steps": settings.steps, "sampler": settings.sampler, "guidance": settings.guidance,
            "temperature": settings.temperature, "provider": self.opened.provider,
        } | ({"sample_rate": self.audio.sample_rate} if self.manifest.audio else {})  # fmt: skip

    def denoiser(self, position: int) -> "Denoiser":
        """What the head is fed for the token at a position beside its condition and noise."""
        denoising = self.settings.denoising(position, self.manifest.tokens.length)
        if denoising not in self.denoisers:
            schedule, head = self.manifest.schedule, self.sessions["head"]
            timestep, table = coefficients(
                np.array(schedule.betas), schedule.prediction, schedule.learned_variance, self.settings.sampler,
                denoising.steps, denoising.temperature, self.manifest.defaults.spacing,
            )  # fmt: skip
            guidance = denoising.guidance
            weights = [[guidance], [1 - guidance]] if self.guidance_rows == 2 else [[1.0]]
            constants = {
                "mix": head.to_device(np.repeat(np.array(weights, np.float32), self.batch, 1)),
                "modulation": head.to_device(self.modulation(timestep)),
                "coefficients": head.to_device(table),
                "clip": np.array(schedule.clip, np.float32),
            }
            no_noise = np.zeros((denoising.steps, self.batch, self.manifest.tokens.channels), np.float32)
            scale = np.float32(initial_scale(self.settings.sampler, denoising.temperature))
            noisy = bool(table[:, Column.NOISE].any())
            self.denoisers[denoising] = Denoiser(denoising.steps, constants, None if noisy else no_noise, scale)
        return self.denoisers[denoising]

    def modulation(self, timestep: np.ndarray) -> np.ndarray:
        """What the head takes of the timesteps int64 (steps,), float32 (steps, width)."""
        feed = {"timestep": timestep}
        if self.manifest.jumps:
            # ddim's steps are jumps to the next level; the other samplers ask for the slope where they are.
            jumping = self.settings.sampler == "ddim"
            feed["arrival"] = np.append(timestep[1:] + 1, 0) if jumping else timestep + 1
        modulation: np.ndarray = self.sessions["timestep"].run(feed)["modulation"]
        return modulation

    def start(self) -> GenerationState:
        rows, channels = self.guidance_rows * self.batch, self.manifest.tokens.channels
        labels = self.settings.labels
        return GenerationState(
            position=0, token=np.zeros((self.batch, channels), np.float32), labels=labels,
            conditioning=self.conditioning(labels), backbone=initial_states(self.manifest, "backbone", rows),
            decoder=initial_states(self.manifest, "decode", self.batch), finished=np.zeros(self.batch, bool),
            noise_start=0, noise=np.empty((0, 1, self.batch, channels), np.float32),
        )  # fmt: skip

    def restart(self, state: GenerationState, labels: tuple[int, ...]) -> None:
        """Begin another clip behind the last one: the decoder and the noise go on, the backbone starts anew."""
        fresh = self.start()
        state.labels, state.conditioning = labels, self.conditioning(labels)
        state.token, state.backbone, state.finished = fresh.token, fresh.backbone, fresh.finished

    def conditioning(self, labels: tuple[int, ...]) -> dict[str, np.ndarray]:
        """Labels and speakers int64 (guidance rows * batch,) of the models that have them; the second guidance row
        knows none."""
        indices = {}
        for what, rows in (("label", labels), ("speaker", self.settings.speakers)):
            if self.unconditional[what]:
                conditional = np.array(rows, np.int64)
                both = np.concatenate([conditional, np.full_like(conditional, self.unconditional[what])])
                indices[what] = both[: self.guidance_rows * self.batch]
        return indices

    def draw_noise(self, state: GenerationState) -> np.ndarray:
        """Noise (1 + steps or 1, batch, channels) of the next token, from what was drawn ahead."""
        position, channels = state.position, self.manifest.tokens.channels
        if not state.noise_start <= position < state.noise_start + len(state.noise):
            steps = np.arange(self.noise_steps)
            values_a_token = len(steps) * self.batch * channels
            tokens = position + np.arange(max(1, min(64, NOISE_VALUES // values_a_token)))
            state.noise = normal(self.settings.seed, np.arange(self.batch), tokens, steps, channels)
            state.noise_start = position
        noise: np.ndarray = state.noise[position - state.noise_start]
        return noise

    def next_token(self, state: GenerationState) -> np.ndarray:
        """Make the next token (batch, channels) and move the state on."""
        outputs = self.sessions["step"].run(self.step_feed(state), self.device_outputs)
        token = self.sessions["head"].run(self.head_feed(state, outputs["condition"]))["token"]
        self.move(state, outputs, token)
        return state.token

    def step_feed(self, state: GenerationState) -> dict[str, Any]:
        """What `step` takes of a state, guidance rows * batch of each."""
        told = {k: v[:, 0] for k, v in self.controls(1, state.controls).items()}
        return {"token": np.tile(state.token, (self.guidance_rows, 1)), **state.conditioning, **told, **state.backbone}

    def controls(self, length: int, given: np.ndarray | None) -> dict[str, np.ndarray]:
        """The controls of the next tokens of the models that have some, int64 (guidance rows * batch, length, K): those
        that were given for them, then the null ones, which are all that the second guidance row knows."""
        if not self.manifest.controls:
            return {}
        shape = self.guidance_rows * self.batch, length, len(self.null_controls)
        told = np.broadcast_to(self.null_controls, shape).copy()
        if given is not None:
            told[: self.batch, : given.shape[1]] = given[:, :length]
        return {"controls": told}

    def head_feed(self, state: GenerationState, condition: np.ndarray) -> dict[str, Any]:
        """What `head` takes of a state, and of its condition float32 (guidance rows * batch, width) out of `step`."""
        noise, denoiser = self.draw_noise(state), self.denoiser(state.position)
        drawn = {
            "initial": noise[0] * denoiser.scale,
            "noise": noise[1 : denoiser.steps + 1] if denoiser.no_noise is None else denoiser.no_noise,
        }
        return {"condition": condition.reshape(self.guidance_rows, self.batch, -1), **drawn, **denoiser.constants}

    def move(self, state: GenerationState, outputs: dict[str, Any], token: np.ndarray) -> None:
        """Move a state behind its next token (batch, channels), made out of these outputs of `step`."""
        state.token, state.backbone = token, self.carried(outputs, "backbone")
        if "end" in outputs:
            state.finished = outputs["end"][: self.batch] > 0
        state.position += 1
        if state.controls is not None:
            state.controls = state.controls[:, 1:]

    def prefill(self, state: GenerationState, tokens: np.ndarray) -> None:
        """Take tokens (batch, length, channels) as given, through the parallel graph in pieces of fixed memory, or
        where there is no such graph one by one through `step`."""
        if "parallel" not in self.sessions:
            for n in range(tokens.shape[1]):
                outputs = self.sessions["step"].run(self.step_feed(state), self.device_outputs)
                self.move(state, outputs, tokens[:, n])
            return
        before = np.concatenate([state.token[:, None], tokens[:, :-1]], 1)
        for a in range(0, tokens.shape[1], PREFILL):
            piece = np.tile(before[:, a : a + PREFILL], (self.guidance_rows, 1, 1))
            feed = {"tokens": piece, **state.conditioning, **self.controls(piece.shape[1], None), **state.backbone}
            outputs = self.sessions["parallel"].run(feed, self.device_outputs)
            state.backbone = self.carried(outputs, "backbone")
        state.token, state.position = tokens[:, -1], state.position + tokens.shape[1]

    def decode(self, state: GenerationState, tokens: np.ndarray) -> np.ndarray:
        """tokens (batch, length, channels) -> samples (batch, length * hop) or pixels (batch, h, w, channels)."""
        outputs = self.sessions["decode"].run({"tokens": tokens, **state.decoder})
        state.decoder = self.carried(outputs, "decode")
        signal: np.ndarray = outputs["samples" if self.manifest.audio else "pixels"]
        return signal

    def carried(self, outputs: dict[str, Any], graph: str) -> dict[str, Any]:
        """The states that a graph has put out, under the names by which the next run takes them."""
        return {state.past: outputs[state.present] for state in self.manifest.states_of(graph)}


def initial_states(manifest: CausalManifest, graph: str, rows: int) -> dict[str, np.ndarray]:
    """The states of a graph before the first token, by the names of its inputs."""
    return {state.past: initial_state(state, rows) for state in manifest.states_of(graph)}


def initial_state(state: StateSpec, rows: int) -> np.ndarray:
    """A state before the first token; a growing cache starts empty."""
    shape = [rows if size == "rows" else 0 if isinstance(size, str) else size for size in state.shape]
    return np.full(shape, state.initial, state.dtype)
