"""Training a codec: rows of speech end to end, reconstruction first and an adversary later."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from adr_models.checkpoint import CheckpointConfig
from adr_models.tokens.codec import CodecConfig, CodecTokens
from adr_models.training import RowTensors, TrainableModel
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from adr_train.checkpoint import pack_optimizer, unpack_optimizer
from adr_train.data.batch import Batch
from adr_train.data.resample import resampled
from adr_train.data.types import AudioClips, Dataset
from adr_train.errors import TrainError
from adr_train.loop import Trainer, learning_rate
from adr_train.monitor import Monitor
from adr_train.processes import Processes
from adr_train.recipes.configs import CodecLossConfig, TrainConfig
from adr_train.recipes.recipe import Recipe
from adr_train.tasks.codec_adversary import Discriminator, adversarial_loss, discriminator_loss
from adr_train.tasks.codec_batches import CodecBatches
from adr_train.tasks.codec_losses import SpectralLoss, relative_distance
from adr_train.tasks.job import Job
from adr_train.tasks.start import begin_codec

# A discriminator that knows nothing yet has no slope to speak of; it is not made that much steeper than this.
STEEPEST = 30.0


@dataclass(frozen=True)
class CodecDraws(RowTensors):
    """The noise of the latents, float (rows, tokens, channels), and where the adversary listens, float (rows,) from 0
    for the beginning to 1 for the end."""

    noise: Tensor
    place: Tensor


class CodecModel(CodecTokens, TrainableModel):
    """The codec with what its training draws."""

    def draw(self, rows: int, length: int, generator: torch.Generator) -> CodecDraws:
        shape = (rows, length // self.hop, self.channels)
        noise = torch.randn(shape, generator=generator, device=generator.device)
        return CodecDraws(noise, torch.rand(rows, generator=generator, device=generator.device))


class CodecLoss(nn.Module):
    """Reconstruction and KL divergence, summed over rows; the reconstruction itself for the adversary."""

    def __init__(self, model: CodecModel, config: CodecLossConfig):
        super().__init__()
        self.model, self.config = model, config
        self.spectral = SpectralLoss(model.config.sample_rate)

    def forward(self, batch: Batch, draws: CodecDraws) -> tuple[Tensor, Tensor]:
        real, rows = batch.tokens, len(batch.tokens)
        mean, log_variance = self.model.encoder(real)
        latents = mean + draws.noise * (log_variance / 2).exp()
        reconstruction, _ = self.model.decoder(latents, self.model.initial_state(rows))
        reconstruction, mean, log_variance = reconstruction.float(), mean.float(), log_variance.float()
        kl = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(-1).mean()
        return (self.distance(reconstruction, real) + self.config.kl * kl) * rows, reconstruction

    def distance(self, reconstruction: Tensor, real: Tensor) -> Tensor:
        """Both float32 (rows, samples) -> a number."""
        with torch.autocast(real.device.type, enabled=False):
            wave = relative_distance(reconstruction, real)
            distance: Tensor = self.spectral(reconstruction, real) + self.config.wave * wave
        return distance


def stretches(samples: Tensor, place: Tensor, length: int) -> Tensor:
    """`length` samples of each row, from where `CodecDraws` says: (rows, samples) -> (rows, length)."""
    start = (place * (samples.shape[1] - length)).long()
    return samples.gather(1, start[:, None] + torch.arange(length, device=samples.device))


class CodecTrainer(Trainer[CodecModel]):
    """`Trainer` whose step also trains a discriminator in the later part of the run."""

    def __init__(
        self, model: CodecModel, batches: CodecBatches, config: TrainConfig, processes: Processes,
        losses: CodecLossConfig,
    ):  # fmt: skip
        self.losses, loss = losses, CodecLoss(model, losses).to(processes.device)
        self.distance = loss.distance
        super().__init__(model, loss, batches, config, processes)
        # Rows are all of one length: CUDA may look for the fastest convolutions once.
        torch.backends.cudnn.benchmark = True
        rate = model.config.sample_rate
        self.heard = min(int(losses.adversary_seconds * rate), batches.samples)
        self.discriminator = Discriminator(rate, losses.adversary_width).to(self.device)
        self.parallel_discriminator: nn.Module = self.discriminator
        if processes.count > 1:
            self.parallel_discriminator = DistributedDataParallel(self.discriminator)
        self.discriminator_names = [name for name, _ in self.discriminator.named_parameters()]
        self.discriminator_optimizer = torch.optim.AdamW(
            self.discriminator.parameters(), lr=losses.adversary_rate, betas=(0.5, 0.9)
        )

    def backward(self, batch: Batch, draws: RowTensors, count: int) -> Tensor:
        assert isinstance(draws, CodecDraws)
        share = len(batch.tokens) / count
        with self.autocast:
            summed, reconstruction = self.parallel_loss(batch, draws)
        total: Tensor = summed / count
        objectives, gradients = [total], [torch.full_like(total, self.processes.count)]
        if self.progress >= self.losses.adversary_from:
            made = reconstruction.detach()
            real, heard = (stretches(x, draws.place, self.heard) for x in (batch.tokens, made))
            self.train_discriminator(real, heard, share)
            objectives.append(reconstruction)
            gradients.append(self.processes.count * share * self.adversarial_gradient(batch.tokens, made, draws.place))
        torch.autograd.backward(objectives, gradients)
        return total.detach()

    def adversarial_gradient(self, real: Tensor, made: Tensor, place: Tensor) -> Tensor:
        """What the codec learns from the discriminator, which itself learns nothing from it: a gradient (rows, samples)
        of which each part is so many times as large as that of the distance. Losses of such different kinds cannot be
        weighed by their values (as EnCodec has it, arXiv 2210.13438)."""
        made = made.requires_grad_()
        (nearer,) = torch.autograd.grad(self.distance(made, real), made)
        self.discriminator.requires_grad_(False)
        real, heard = (stretches(x, place, self.heard) for x in (real, made))
        with self.autocast:
            with torch.no_grad():
                expected = self.discriminator(real)
            fooled, matching = adversarial_loss(expected, self.discriminator(heard))
        self.discriminator.requires_grad_(True)
        gradient = torch.zeros_like(made)
        for part, weight in ((fooled, self.losses.adversary), (matching, self.losses.matching)):
            (direction,) = torch.autograd.grad(part, made, retain_graph=True)
            gradient += weight * direction * (nearer.norm() / direction.norm().clamp(min=1e-12)).clamp(max=STEEPEST)
        return gradient

    def train_discriminator(self, real: Tensor, made: Tensor, share: float) -> None:
        """One step, at a rate that follows the codec's."""
        for group in self.discriminator_optimizer.param_groups:
            group["lr"] = self.losses.adversary_rate * (
                learning_rate(self.config, self.progress) / self.config.learning_rate
            )
        with self.autocast:
            loss = discriminator_loss(self.parallel_discriminator(real), self.parallel_discriminator(made))
        self.discriminator_optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(self.processes.count * share * loss)
        self.discriminator_optimizer.step()

    def summed_loss(self, batch: Batch, draws: RowTensors) -> Tensor:
        total: Tensor = self.loss(batch, draws)[0]
        return total

    def state(self) -> dict[str, Tensor]:
        weights = {f"discriminator.{k}": v for k, v in self.discriminator.state_dict().items()}
        moments = pack_optimizer(self.discriminator_optimizer, self.discriminator_names)
        return super().state() | weights | {f"discriminator_{k}": v for k, v in moments.items()}

    def restore(self, tensors: dict[str, Tensor], ema: dict[str, Tensor], step: int, seconds: float) -> None:
        super().restore(tensors, ema, step, seconds)
        weights = {k.removeprefix("discriminator."): v for k, v in tensors.items() if k.startswith("discriminator.")}
        own = self.discriminator.state_dict()
        if {k: v.shape for k, v in weights.items()} != {k: v.shape for k, v in own.items()}:
            raise TrainError("the run's adversary is another than the recipe's; choose another --out")
        self.discriminator.load_state_dict(weights)
        moments = {
            k.removeprefix("discriminator_"): v for k, v in tensors.items() if k.startswith("discriminator_optimizer.")
        }
        unpack_optimizer(self.discriminator_optimizer, self.discriminator_names, moments)


class CodecJob(Job[CodecModel]):
    unit = "rows"
    sample_range = 1.0

    def __init__(
        self, recipe: Recipe, data: Dataset, held_out: Dataset, processes: Processes, source: Path | None,
        start: Path | None = None,
    ):  # fmt: skip
        model_config, config = recipe.model, recipe.train
        assert isinstance(model_config, CodecConfig)
        rate = model_config.sample_rate
        if not isinstance(data, AudioClips) or not isinstance(held_out, AudioClips):
            raise TrainError(f"{recipe.dataset} is no sound, which the codec of {recipe.name} wants")
        data, held_out = resampled(data, rate), resampled(held_out, rate)
        model = CodecModel(model_config)
        self.began = begin_codec(model, start) if start else {}
        self.encoder_learns = recipe.losses.encoder
        model.encoder.requires_grad_(self.encoder_learns)
        model.to(processes.device)
        samples = int(recipe.losses.seconds * rate) // model.hop * model.hop
        batches, self.validation = (
            CodecBatches(part, samples, config.batch, config.seed, processes.device) for part in (data, held_out)
        )
        self.data, self.sequences = data, len(data.labels)
        self.trainer = CodecTrainer(model, batches, config, processes, recipe.losses)

    def config(self) -> CodecConfig:
        return self.trainer.model.config

    def provenance(self) -> dict[str, Any]:
        return self.began

    def resumed(self, saved: CheckpointConfig) -> None:
        self.began = {k: v for k, v in saved.training.items() if k.startswith("from")}

    def weights(self) -> dict[str, Tensor]:
        """The EMA's weights, with the latents' mean and standard deviation measured for them unless they are given."""
        if not self.encoder_learns:
            return self.trainer.ema
        with self.trainer.ema_model() as model:
            clips = self.data.clips[:: max(len(self.data.clips) // 300, 1)]
            model.fit([torch.from_numpy(clip).to(self.trainer.device) for clip in clips])
            measured = {k: getattr(model, k).clone() for k in ("mean", "std")}
        return self.trainer.ema | measured

    @torch.no_grad()
    def show(self, monitor: Monitor, step: int) -> None:
        real = self.validation.at(0).tokens[:4].to(self.trainer.device)
        with self.trainer.ema_model() as model:
            reconstruction, _ = model.decoder(model.encoder(real)[0], model.initial_state(len(real)))
        for row, (a, b) in enumerate(zip(real, reconstruction, strict=True)):
            monitor.audio(f"real/{row}", a, step, model.config.sample_rate)
            monitor.audio(f"decoded/{row}", b, step, model.config.sample_rate)
