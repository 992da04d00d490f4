"""Training an ADR model to speak: tokens of sentences, told by controls which phone is being said."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from adr_models import ADRConfig, ADRModel
from adr_models.tokens.codec import CodecTokens
from adr_models.tokens.vocoder import VocoderTokens
from adr_runtime.spoken_text.controls import CONTROLS, token_controls
from torch import Tensor

from adr_train.data.align import measured_paces
from adr_train.data.batch import Batch
from adr_train.data.types import AlignedSpeech, Dataset
from adr_train.errors import TrainError
from adr_train.loop import Trainer
from adr_train.monitor import Monitor
from adr_train.processes import Processes
from adr_train.recipes.recipe import Recipe
from adr_train.tasks.adr import ADRJob, ADRLoss, first_guidance, read_codec
from adr_train.tasks.latents import fit_vocoder, sentence_latents, sentence_seconds
from adr_train.tasks.start import Start, begin

# Rows of which training makes samples, and seconds of those.
SHOWN, SHOWN_SECONDS = 4, 3.0


class SpokenBatches:
    """Rows of sentences of one voice one after the other, in any order, all on the training device. Half of the rows
    begin with a sentence, the others anywhere in one. A batch is a function of seed and step alone."""

    def __init__(
        self, data: AlignedSpeech, latents: list[Tensor], token: float, rows: int, window: tuple[float, ...], seed: int,
        speakers: tuple[str, ...], device: torch.device,
    ):  # fmt: skip
        """`token` and `window` (the fewest and the most) are seconds; float16 latents (tokens, C) of each sentence."""
        self.rows, self.seed, self.device = rows, seed, device
        self.fewest, self.most = (max(round(seconds / token), 1) for seconds in window)
        self.counts = np.array([len(sentence) for sentence in latents])
        self.first = self.counts.cumsum() - self.counts
        self.latents = torch.cat(latents).to(device)
        controls = [
            token_controls(symbols, places, sentence_seconds(data, number), token)
            for number, (symbols, places) in enumerate(zip(data.symbols, data.places, strict=True))
        ]
        self.controls = torch.from_numpy(np.concatenate(controls)).to(device, torch.int16)
        # A speaker who is not among those of the training data is the null speaker.
        voices = [speakers.index(v) if v in speakers else len(speakers) for v in data.speakers]
        self.voices = np.array(voices, np.int64)
        self.of_voice = {voice: np.flatnonzero(self.voices == voice) for voice in set(voices)}

    def at(self, step: int) -> Batch:
        random = np.random.default_rng((self.seed, 3, step))
        length = int(random.integers(self.fewest, self.most + 1))
        drawn = [self.row(random, length) for _ in range(self.rows)]
        index = torch.from_numpy(np.stack([places for places, _ in drawn])).to(self.device)
        speaker = torch.tensor([voice for _, voice in drawn], device=self.device)
        whole = torch.ones(index.shape, dtype=torch.bool, device=self.device)
        tokens, controls = self.latents[index].float(), self.controls[index].long()
        return Batch(tokens, torch.zeros_like(speaker), speaker, whole, ~whole, controls=controls)

    def row(self, random: np.random.Generator, length: int) -> tuple[np.ndarray, int]:
        """Which of all tokens make a row, int64 (length,), and its voice."""
        sentence = int(random.integers(len(self.counts)))
        voice = int(self.voices[sentence])
        skipped = int(random.integers(self.counts[sentence])) if random.random() < 0.5 else 0
        parts, missing = list[np.ndarray](), length
        while missing > 0:
            count = min(int(self.counts[sentence]) - skipped, missing)
            parts.append(self.first[sentence] + skipped + np.arange(count))
            missing, skipped = missing - count, 0
            sentence = int(random.choice(self.of_voice[voice]))
        return np.concatenate(parts), voice


class SpokenJob(ADRJob):
    """A model of aligned speech, which has no labels, and the controls of `adr_runtime.spoken_text.controls`."""

    def __init__(
        self, recipe: Recipe, data: Dataset, held_out: Dataset, processes: Processes, source: Path | None,
        start: Start | None = None, axes: dict[str, Tensor] | None = None,
    ):  # fmt: skip
        """`axes` are the vocoder's of a run that goes on, which are not measured anew."""
        config, train = recipe.model, recipe.train
        assert isinstance(config, ADRConfig) and isinstance(data, AlignedSpeech) and isinstance(held_out, AlignedSpeech)
        if config.controls or bool(recipe.tokens) == bool(config.vocoder):
            raise TrainError(
                f"{recipe.name}: a recipe of aligned speech has a vocoder, or its codec's name in `tokens`; no controls"
            )
        self.recipe, self.began, self.sequences = recipe, start.provenance() if start else {}, len(data.texts)
        self.paces = measured_paces(data.folder) if train.speakers else {}
        self.codec_training, state = dict[str, Any](), dict[str, Tensor]()
        if recipe.tokens:
            codec, state, self.codec_training = read_codec(recipe, source)
            config = replace(config, codec=codec)
        assert config.audio is not None
        if data.sample_rate != config.audio.sample_rate:
            raise TrainError(f"{recipe.dataset} is at {data.sample_rate} Hz, tokens at {config.audio.sample_rate} Hz")
        speakers = tuple(sorted(set(data.speakers))) if train.speakers else ()
        model = ADRModel(replace(config, speakers=speakers, controls=dict(CONTROLS)))
        tokens = model.tokens
        assert isinstance(tokens, CodecTokens | VocoderTokens)
        if state or axes:
            tokens.load_state_dict(state or axes or {})
        tokens.requires_grad_(False)
        if start:
            begin(model, start)
        elif isinstance(tokens, VocoderTokens) and not axes:
            fit_vocoder(data, tokens, train.loudness)
        model.to(processes.device)
        latents, held_out_latents = (sentence_latents(part, tokens, train.loudness) for part in (data, held_out))
        self.sample_range = start.clip if start else 1.1 * max(float(sentence.abs().max()) for sentence in latents)
        self.token = tokens.hop / config.audio.sample_rate
        settings = self.token, train.batch, train.window, train.seed, speakers, processes.device
        self.validation = SpokenBatches(held_out, held_out_latents, *settings)
        batches = SpokenBatches(data, latents, *settings)
        self.trainer = Trainer(model, ADRLoss(model), batches, train, processes)

    def provenance(self) -> dict[str, Any]:
        return super().provenance() | self.paces

    def show(self, monitor: Monitor, step: int) -> None:
        """What the model makes of held-out sentences."""
        controls = self.validation.at(0).controls
        assert controls is not None
        controls = controls[:SHOWN, : round(SHOWN_SECONDS / self.token)]
        defaults = self.recipe.defaults
        guidance, spacing = first_guidance(defaults), float(defaults.get("spacing", 1))
        with self.trainer.ema_model() as model:
            monitor.samples(model, step, guidance, self.sample_range, spacing, controls=controls)
