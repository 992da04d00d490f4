"""Batches of aligned speech: rows of whole sentences, with what each token is told."""

import numpy as np
import torch
from adr_models import ADRModel
from adr_models.tokens.codec import CodecTokens
from adr_models.tokens.vocoder import VocoderTokens
from adr_runtime.spoken_text.controls import token_controls
from torch import Tensor

from adr_train.data.batch import Batch
from adr_train.data.types import AlignedSpeech
from adr_train.recipes.configs import TrainConfig
from adr_train.tasks.latents import sentence_latents, sentence_seconds

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
        self.rows, self.seed, self.device, self.token = rows, seed, device, token
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

    def shown(self) -> Tensor:
        """Controls of which training makes samples, int64 (rows, length, K)."""
        controls = self.at(0).controls
        assert controls is not None
        return controls[:SHOWN, : round(SHOWN_SECONDS / self.token)]


def spoken_batches(
    model: ADRModel, data: AlignedSpeech, held_out: AlignedSpeech, train: TrainConfig, device: torch.device
) -> tuple[SpokenBatches, SpokenBatches]:
    """Training and validation batches of the model's tokens. Raises ADRError."""
    tokens, config = model.tokens, model.config
    assert isinstance(tokens, CodecTokens | VocoderTokens) and config.audio is not None
    settings = tokens.hop / config.audio.sample_rate, train.batch, train.window, train.seed, config.speakers, device
    latents, held_out_latents = (sentence_latents(part, tokens, train.loudness) for part in (data, held_out))
    return SpokenBatches(data, latents, *settings), SpokenBatches(held_out, held_out_latents, *settings)
