"""What one sees while training: TensorBoard scalars, samples to look at and listen to."""

from pathlib import Path

import torch
from adr_models import ADRModel
from adr_models.causal.generate import generate
from adr_models.tokens.geometry import PictureTokens
from adr_runtime.causal.samplers import coefficients
from adr_runtime.media.spectrogram import draw
from torch.utils.tensorboard import SummaryWriter

from adr_train.loop import Progress


class Monitor:
    """Writes to folder/tensorboard. Samples take a fixed seed, so that pictures of one run can be compared."""

    def __init__(self, folder: Path, seconds: float = 0.6):
        self.writer = SummaryWriter(str(folder / "tensorboard"))
        self.seconds = seconds

    def step(self, progress: Progress) -> None:
        for name in ("loss", "rate"):
            self.writer.add_scalar(f"train/{name}", getattr(progress, name), progress.step)
        self.writer.add_scalar("train/tokens_per_second", progress.tokens_per_second, progress.step)

    def validation(self, loss: float, step: int) -> None:
        self.writer.add_scalar("validation/loss", loss, step)

    def samples(
        self, model: ADRModel, step: int, guidance: float, sample_range: float, spacing: float = 1.0, steps: int = 20,
        controls: torch.Tensor | None = None,
    ) -> None:  # fmt: skip
        """One sample a label, or a row of controls int64 (rows, length, K), or four without either, by DDIM."""
        device, names = model.backbone.start.device, model.config.labels
        label = torch.arange(len(names), device=device) if names else None
        rows = (len(names) or 4) if controls is None else len(controls)
        schedule = model.config.schedule
        timestep, table = coefficients(
            model.schedule.betas.numpy(), schedule.prediction, schedule.learned_variance, "ddim", steps, 1.0, spacing
        )
        sample_length = self.sample_length(model) if controls is None else controls.shape[1]
        generator = torch.Generator(device).manual_seed(0)
        tokens = generate(
            model, label, rows, sample_length, torch.from_numpy(timestep).to(device),
            torch.from_numpy(table).to(device), guidance, sample_range, generator, controls,
        )  # fmt: skip
        signal, _ = model.tokens.decode(tokens, model.tokens.initial_state(rows))
        if isinstance(model.tokens, PictureTokens):
            self.writer.add_images("samples", signal.clamp(0, 1).cpu().numpy(), step, dataformats="NHWC")
            return
        config = model.config.audio
        assert config is not None
        for row, name in enumerate(names or map(str, range(rows))):
            self.audio(f"samples/{name}", signal[row], step, config.sample_rate)

    def audio(self, name: str, samples: torch.Tensor, step: int, sample_rate: int) -> None:
        """To listen to, and its waveform and mel spectrogram to look at."""
        values = samples.float().clamp(-1, 1).cpu().numpy()
        self.writer.add_audio(name, values[None], step, sample_rate)
        self.writer.add_image(f"{name}/plot", draw(values, sample_rate), step, dataformats="HWC")

    def sample_length(self, model: ADRModel) -> int:
        """Tokens of a sample: a whole picture, or `seconds` of sound."""
        if isinstance(model.tokens, PictureTokens):
            return model.tokens.length
        return max(int(self.seconds * model.tokens.config.sample_rate / model.tokens.hop), 1)

    def close(self) -> None:
        self.writer.close()
