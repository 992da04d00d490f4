"""Training an ADR model of the tokens of a data set."""

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from adr_models import ADRConfig, ADRModel
from adr_models.causal.model import Draws
from adr_models.checkpoint import CheckpointConfig, read_tensors
from adr_models.tokens.codec import CodecConfig, CodecTokens
from adr_models.tokens.geometry import PictureTokens, Tokens
from adr_models.tokens.patches import ImageTokens
from adr_models.tokens.vocoder import VocoderTokens
from torch import Tensor, nn
from torch.nn import functional as F

from adr_train.data.batch import Batch
from adr_train.data.resample import resampled
from adr_train.data.splits import spread
from adr_train.data.types import AudioClips, Dataset, Images, LabelledData
from adr_train.errors import TrainError
from adr_train.loop import Trainer
from adr_train.monitor import Monitor
from adr_train.processes import Processes
from adr_train.recipes.recipe import Recipe
from adr_train.tasks.batches import Batches, encodable
from adr_train.tasks.job import PROVENANCE, Job, read_source
from adr_train.tasks.spoken_batches import SpokenBatches
from adr_train.tasks.start import Start, begin

# Pictures of which a pyramid's axes are measured, and values of all of them.
PICTURES, VALUES = 20_000, 1 << 26


class ADRLoss(nn.Module):
    """The model's loss summed over a batch's tokens, as a forward that DistributedDataParallel can wrap."""

    def __init__(self, model: ADRModel):
        super().__init__()
        self.model = model

    def forward(self, batch: Batch, draws: Draws) -> Tensor:
        config = self.model.config
        label, speaker = batch.label if config.labels else None, batch.speaker if config.speakers else None
        # All tokens of a picture count, and to look for those that do would make a GPU wait.
        mask = None if config.picture else batch.mask
        return self.model.loss(batch.tokens, label, mask, draws, speaker, batch.ended, batch.controls)


class ADRJob(Job[ADRModel]):
    unit = "tokens"

    def __init__(
        self, recipe: Recipe, data: Dataset, held_out: Dataset, processes: Processes, source: Path | None,
        start: Start | None = None,
    ):  # fmt: skip
        self.recipe, self.codec_training, self.began = recipe, dict[str, Any](), start.provenance() if start else {}
        data, held_out, model_config = labelled(recipe, data), labelled(recipe, held_out), recipe.model
        assert isinstance(model_config, ADRConfig)
        self.sequences = len(data.labels)
        speakers = tuple(sorted(set(data.speakers))) if isinstance(data, AudioClips) and recipe.train.speakers else ()
        model_config = replace(model_config, labels=data.names, speakers=speakers)
        state: dict[str, Tensor] = {}
        if recipe.tokens:
            codec, state, self.codec_training = read_codec(recipe, source)
            model_config = replace(model_config, codec=codec)
        data, held_out = at_rate(model_config, data), at_rate(model_config, held_out)
        check_data(recipe, model_config, data)
        model = ADRModel(model_config)
        if state:
            model.tokens.load_state_dict(state)
            model.tokens.requires_grad_(False)
        batches, self.validation = make_batches(recipe, model, data, held_out, processes.device)
        if start:
            begin(model, start)
            self.sample_range = start.clip
        else:
            made = (batches.clips, batches.silent) if isinstance(data, AudioClips) else None
            self.sample_range = 1.1 * fit_tokens(model.tokens, data, made)
        self.encode_as(model.tokens)
        model.to(processes.device)
        self.trainer = Trainer(model, ADRLoss(model), batches, recipe.train, processes)

    def config(self) -> ADRConfig:
        return self.trainer.model.config

    def provenance(self) -> dict[str, Any]:
        return {f"codec {k}": v for k, v in self.codec_training.items() if k in PROVENANCE} | self.began

    def resumed(self, saved: CheckpointConfig) -> None:
        """Go on as the run that was saved, whose tokens may be those of what it began from, and not of its data."""
        self.sample_range = saved.clip
        self.began = {k: v for k, v in saved.training.items() if k.split()[0] == "from"}
        self.encode_as(self.trainer.model.tokens)

    def encode_as(self, tokens: Tokens) -> None:
        """Batches that encode have a copy of the tokens, one for training and validation, and take on its values."""
        if isinstance(self.validation, Batches):
            self.validation.tokens.load_state_dict(tokens.state_dict())

    def prepare(self) -> None:
        for batches in (self.trainer.batches, self.validation):
            if isinstance(batches, Batches):
                batches.prepare()

    def show(self, monitor: Monitor, step: int) -> None:
        defaults = self.recipe.defaults
        guidance, spacing = first_guidance(defaults), float(defaults.get("spacing", 1))
        controls = self.validation.shown() if isinstance(self.validation, SpokenBatches) else None
        with self.trainer.ema_model() as model:
            monitor.samples(model, step, guidance, self.sample_range, spacing, controls=controls)


def first_guidance(defaults: dict[str, Any]) -> float:
    """Of several, one for each part of a picture, the first, which decides what it is of."""
    guidance = defaults["guidance"]
    return float(guidance[0] if isinstance(guidance, list) else guidance)


def labelled(recipe: Recipe, data: Dataset) -> LabelledData:
    if not isinstance(data, AudioClips | Images):
        raise TrainError(f"{recipe.dataset} and the tokens of recipe {recipe.name} are of different kinds")
    return data


def make_batches(
    recipe: Recipe, model: ADRModel, data: LabelledData, held_out: LabelledData, device: torch.device
) -> tuple[Batches, Batches]:
    """Training and validation batches, which encode with a copy of the model's tokens: sound on the CPU."""
    config, speakers = recipe.train, model.config.speakers
    device = device if isinstance(data, Images) else torch.device("cpu")
    tokens = copy.deepcopy(model.tokens).to(device)
    rows = min(config.batch, len(held_out.labels))
    training = Batches(
        data, tokens, config.batch, config.seed, config.silence, config.flip, speakers, config.prefixes, device,
        config.by_synthesis,
    )  # fmt: skip
    validation = Batches(
        held_out, tokens, rows, config.seed, config.silence, speakers=speakers, device=device,
        by_synthesis=config.by_synthesis,
    )  # fmt: skip
    return training, validation


def read_codec(recipe: Recipe, folder: Path | None) -> tuple[CodecConfig, dict[str, Tensor], dict[str, Any]]:
    """Config, weights and provenance of the codec that a recipe's tokens come from."""
    checkpoint, saved = read_source(recipe, recipe.tokens, folder, "--codec")
    return CodecConfig(**saved.model), read_tensors(checkpoint / "model.safetensors"), saved.training


def at_rate(model: ADRConfig, data: LabelledData) -> LabelledData:
    """Sound at the sample rate of the model's tokens; other data as it is."""
    audio = model.audio
    return resampled(data, audio.sample_rate) if isinstance(data, AudioClips) and audio else data


def check_data(recipe: Recipe, model: ADRConfig, data: LabelledData) -> None:
    """The data must have the shape that the recipe's tokens are made for."""
    image, audio = model.picture, model.audio
    if model.controls:
        raise TrainError(
            f"{recipe.dataset} has no controls, and the model of {recipe.name} wants {', '.join(model.controls)}"
        )
    if isinstance(data, Images) and image:
        if data.pixels.shape[1:] != (image.height, image.width, image.channels):
            raise TrainError(f"{recipe.dataset} has pictures of {data.pixels.shape[1:]}, the recipe wants {image}")
    elif not (isinstance(data, AudioClips) and audio):
        raise TrainError(f"{recipe.dataset} and the tokens of recipe {recipe.name} are of different kinds")


@torch.no_grad()
def fit_tokens(tokens: Tokens, data: LabelledData, made: tuple[list[Tensor], Tensor] | None = None) -> float:
    """Fit the normalisation (a codec brings its own) to the training data; the largest magnitude of a token's value.
    `made` is what `encodable` makes of sound, which takes a vocoder minutes."""
    if isinstance(tokens, PictureTokens):
        assert isinstance(data, Images)
        whole = isinstance(tokens, ImageTokens)
        most = len(data.pixels) if whole else max(min(PICTURES, VALUES // data.pixels[0].size), 1)
        pixels = torch.from_numpy(data.pixels[spread(len(data.pixels), most)]).float() / 255
        tokens.fit(pixels)
        # A data set may come class by class.
        return float(tokens.encode(pixels[spread(len(pixels), 10_000)]).abs().max())
    assert isinstance(data, AudioClips)
    clips, silent = made or encodable(data, tokens)
    clips = clips[:: max(len(clips) // 4000, 1)]
    if isinstance(tokens, VocoderTokens):
        # Silence before and after, so that frames fall anywhere in a token.
        stride, among = tokens.config.stride, list[Tensor]()
        for number, clip in enumerate(clips):
            before = number % stride
            after = stride + -(before + len(clip)) % stride
            among.append(torch.cat([silent.expand(before, -1), clip, silent.expand(after, -1)]))
        tokens.fit(torch.cat(among))
        return max(float(tokens.encode(frames[None]).abs().max()) for frames in among)
    if not isinstance(tokens, CodecTokens):
        tokens.fit(clips)
    padded = (F.pad(clip, (0, -len(clip) % tokens.hop)) for clip in clips)
    return max(float(tokens.encode(clip[None]).abs().max()) for clip in padded)
