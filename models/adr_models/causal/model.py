"""ADR whole: tokens of one geometry, the causal backbone, the diffusion head, and the training loss."""

from dataclasses import asdict, dataclass, field, fields
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from adr_models.causal.backbone import Backbone, BackboneConfig
from adr_models.causal.head import DiffusionHead, HeadConfig
from adr_models.causal.schedule import Schedule, ScheduleConfig
from adr_models.causal.token_loss import token_losses
from adr_models.config import build
from adr_models.mixers.retention import Form
from adr_models.tokens.codec import CodecConfig
from adr_models.tokens.geometry import PictureTokens, make_tokens
from adr_models.tokens.mdct import MDCTConfig
from adr_models.tokens.noise_bands import NoiseBandsConfig
from adr_models.tokens.patches import ImageConfig, WaveConfig
from adr_models.tokens.pyramid import PyramidConfig
from adr_models.tokens.vocoder import VocoderConfig
from adr_models.training import RowTensors, TrainableModel


@dataclass(frozen=True)
class LossConfig:
    """`draws` noise levels a token and backbone pass (MAR uses 4); `label_dropout` trains the null label together with
    the null speaker and null controls, and `speaker_dropout` the null speaker on its own; the context is mixed with
    noise of a power drawn for each sequence, context_noise times the cube of a uniform number; `end` weights the binary
    cross-entropy of the clip's end.

    Timesteps are uniform, or, with `log_snr` (mean, deviation), such that the logarithm of the signal-to-noise ratio is
    normal; `stratified` spreads the draws of a token evenly over the distribution."""

    draws: int = 4
    label_dropout: float = 0.1
    speaker_dropout: float = 0.3
    end: float = 0.1
    context_noise: float = 0.0
    log_snr: tuple[float, ...] = ()
    stratified: bool = False

    def __post_init__(self) -> None:
        if self.log_snr and (len(self.log_snr) != 2 or not 0.1 <= self.log_snr[1] <= 10 or abs(self.log_snr[0]) > 10):
            raise ValueError(f"loss.log_snr is a mean up to 10 and a deviation from 0.1 to 10, not {self.log_snr}")


@dataclass(frozen=True)
class ADRConfig:
    """Everything that shapes a model. One of `image`, `pyramid`, `mdct`, `wave`, `codec`, `vocoder` and `noise_bands`
    chooses the token geometry; the channels, the grid and the number of labels, speakers and controls of the backbone
    follow from it and from their names. `controls` are the numbers of classes of each control, by name."""

    labels: tuple[str, ...] = ()
    speakers: tuple[str, ...] = ()
    controls: dict[str, int] = field(default_factory=dict)
    image: ImageConfig | None = None
    pyramid: PyramidConfig | None = None
    mdct: MDCTConfig | None = None
    wave: WaveConfig | None = None
    codec: CodecConfig | None = None
    vocoder: VocoderConfig | None = None
    noise_bands: NoiseBandsConfig | None = None
    backbone: BackboneConfig = field(default_factory=BackboneConfig)
    head: HeadConfig = field(default_factory=HeadConfig)
    schedule: ScheduleConfig = field(default_factory=ScheduleConfig)
    loss: LossConfig = field(default_factory=LossConfig)

    @property
    def picture(self) -> ImageConfig | PyramidConfig | None:
        """The geometry of a model of pictures."""
        return self.image or self.pyramid

    @property
    def audio(self) -> MDCTConfig | WaveConfig | CodecConfig | VocoderConfig | NoiseBandsConfig | None:
        """The geometry of a model of sound."""
        return self.mdct or self.wave or self.codec or self.vocoder or self.noise_bands

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, object]) -> "ADRConfig":
        """Strict: an unknown field raises ValueError that names it."""
        return build(cls, values, "model")


class ADRModel(TrainableModel):
    """tokens -> loss for training; `backbone`, `head` and `tokens` are used one by one for generation and export."""

    time_quantiles: Tensor

    def __init__(self, config: ADRConfig):
        super().__init__()
        self.tokens = make_tokens(
            config.image, config.pyramid, config.mdct, config.wave, config.codec, config.vocoder, config.noise_bands
        )
        grid, neighbours, mask = tuple[int, ...](), None, None
        if isinstance(self.tokens, PictureTokens):
            neighbours, mask = self.tokens.neighbours, self.tokens.mask
            grid = self.tokens.grid if neighbours is None else ()
        backbone = {f.name: getattr(config.backbone, f.name) for f in fields(config.backbone)} | {
            "channels": self.tokens.channels,
            "labels": len(config.labels),
            "speakers": len(config.speakers),
            "controls": tuple(config.controls.values()),
            "grid": grid,
        }
        self.config = config
        self.backbone = Backbone(BackboneConfig(**backbone), neighbours, mask)
        self.schedule = Schedule(config.schedule)
        self.head = DiffusionHead(
            config.head,
            self.tokens.channels,
            config.backbone.retention.width,
            self.schedule,
            masked=mask is not None,
        )
        self.register_buffer("time_quantiles", time_quantiles(self.schedule, config.loss.log_snr), persistent=False)

    @property
    def condition_width(self) -> int:
        """The numbers of a condition, its mask included."""
        return self.config.backbone.retention.width + (self.tokens.channels if self.head.masked else 0)

    def loss(
        self, tokens: Tensor, label: Tensor | None, mask: Tensor | None, draws: "Draws", speaker: Tensor | None = None,
        ended: Tensor | None = None, controls: Tensor | None = None,
    ) -> Tensor:  # fmt: skip
        """Sum of the per-token diffusion losses (Li et al. 2024), each the mean over draws and channels.

        tokens float (rows, length, C); label and speaker int64 (rows,) or None; mask bool (rows, length), False for
        tokens that are padding, or None where none is; ended bool (rows, length), True where the clip is over; controls
        int64 (rows, length, K) or None.
        """
        loss, length = self.config.loss, tokens.shape[1]
        dropped = draws.drop < loss.label_dropout
        if label is not None:
            label = torch.where(dropped, len(self.config.labels), label)
        if speaker is not None:
            unnamed = dropped | (draws.drop_speaker < loss.speaker_dropout)
            speaker = torch.where(unnamed, len(self.config.speakers), speaker)
        if controls is not None:
            controls = torch.where(dropped[:, None, None], self.null_controls(), controls)
        form: Form = "parallel" if length <= 2 * self.config.backbone.retention.chunk else "chunkwise"
        conditions, _ = self.backbone(self.context(tokens, draws), label, None, form, speaker, controls)

        def counting(x: Tensor) -> Tensor:
            return x.flatten(0, 1) if mask is None else x[mask]

        conditions = counting(conditions)
        total = token_losses(
            self.head, self.schedule, conditions, counting(tokens), counting(self.own_channels(tokens)),
            counting(draws.t), counting(draws.epsilon),
        ).sum()  # fmt: skip
        if self.config.backbone.ends and ended is not None:
            logits = self.backbone.ended(conditions).float()
            missed = F.binary_cross_entropy_with_logits(logits, counting(ended).float(), reduction="sum")
            total = total + loss.end * missed
        return total

    def null_controls(self) -> Tensor:
        """The null class of each control, int64 (K,)."""
        return torch.tensor(tuple(self.config.controls.values()), device=self.backbone.start.device)

    def own_channels(self, tokens: Tensor) -> Tensor:
        """1 for the channels that each of tokens (rows, length, C) has, float (rows, length, 1, C)."""
        channels = self.backbone.mask
        if channels is None:
            return tokens.new_ones(1, 1, 1, 1).expand(*tokens.shape[:2], 1, 1)
        own: Tensor = channels[torch.arange(tokens.shape[1], device=channels.device), None]
        return own.expand(len(tokens), -1, -1, -1)

    def context(self, tokens: Tensor, draws: "Draws") -> Tensor:
        """What the backbone sees: the tokens one place later, mixed with noise (none of it where the power is 0)."""
        if self.config.loss.context_noise:
            # Mostly little: a model that never sees a nearly clean context is lost in its own silences.
            power = (draws.power**3 * self.config.loss.context_noise)[:, None, None]
            tokens = (1 - power).sqrt() * tokens + power.sqrt() * draws.context
        return torch.cat([torch.zeros_like(tokens[:, :1]), tokens[:, :-1]], 1)

    def draw(self, rows: int, length: int, generator: torch.Generator) -> "Draws":
        """The random numbers of one loss, on the generator's device."""
        draws, channels, device = self.config.loss.draws, self.tokens.channels, generator.device
        return Draws(
            t=self.draw_timesteps((rows, length, draws), generator),
            epsilon=torch.randn(rows, length, draws, channels, generator=generator, device=device),
            drop=torch.rand(rows, generator=generator, device=device),
            drop_speaker=torch.rand(rows, generator=generator, device=device),
            power=torch.rand(rows, generator=generator, device=device),
            context=torch.randn(rows, length, channels, generator=generator, device=device),
        )

    def draw_timesteps(self, shape: tuple[int, int, int], generator: torch.Generator) -> Tensor:
        """int64 (rows, length, draws)."""
        loss, timesteps, device = self.config.loss, self.config.schedule.timesteps, generator.device
        if not loss.stratified and not loss.log_snr:
            return torch.randint(timesteps, shape, generator=generator, device=device)
        u = torch.rand(*shape[:2], 1 if loss.stratified else shape[2], generator=generator, device=device)
        if loss.stratified:
            u = (u + torch.arange(shape[2], device=device)) / shape[2]
        return torch.searchsorted(self.time_quantiles, u).clamp(max=timesteps - 1)


def time_quantiles(schedule: Schedule, log_snr: tuple[float, ...]) -> Tensor:
    """The cumulative distribution of the timesteps, float32 (T,): uniform, or that of a normal log signal-to-noise
    ratio of some mean and deviation, cut where the schedule ends (as in pocket-tts and SphereAR, arXiv 2509.24335)."""
    timesteps = len(schedule.signal)
    if not log_snr:
        return (torch.arange(timesteps) + 1.0) / timesteps
    mean, deviation = log_snr
    ratio = 2 * (schedule.signal.double().log() - schedule.noise.double().log())
    below: Tensor = torch.special.ndtr((mean - ratio) / deviation)
    return (below / below[-1]).float()


@dataclass(frozen=True)
class Draws(RowTensors):
    """What a loss draws for each row: timesteps and noise for every token and draw, whether label and speaker are
    dropped (uniform), the power of the context noise (uniform), and that noise."""

    t: Tensor
    epsilon: Tensor
    drop: Tensor
    drop_speaker: Tensor
    power: Tensor
    context: Tensor
