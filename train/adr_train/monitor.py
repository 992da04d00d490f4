"""What one sees while training: TensorBoard scalars, samples to look at and listen to."""

from pathlib import Path

import numpy as np
import torch
from adr_models import ADRModel
from adr_models.generate import generate
from adr_runtime.samplers import coefficients
from torch.utils.tensorboard import SummaryWriter

from adr_train.loop import Progress


class Monitor:
    """Writes to folder/tensorboard. Samples take a fixed seed, so that pictures of one run can be compared."""

    def __init__(self, folder: Path, names: tuple[str, ...], clip: float, seconds: float = 0.6):
        self.writer = SummaryWriter(str(folder / "tensorboard"))
        self.names, self.clip, self.seconds = names, clip, seconds

    def step(self, progress: Progress) -> None:
        for name in ("loss", "rate"):
            self.writer.add_scalar(f"train/{name}", getattr(progress, name), progress.step)
        self.writer.add_scalar("train/tokens_per_second", progress.tokens_per_second, progress.step)

    def validation(self, loss: float, step: int) -> None:
        self.writer.add_scalar("validation/loss", loss, step)

    def samples(self, model: ADRModel, step: int, guidance: float, steps: int = 20) -> None:
        """One sample a label, or four unlabelled ones, by DDIM."""
        device = model.backbone.start.device
        label = torch.arange(len(self.names), device=device) if self.names else None
        rows = len(self.names) or 4
        schedule = model.config.schedule
        timestep, table = coefficients(
            model.schedule.betas.numpy(), schedule.prediction, schedule.learned_variance, "ddim", steps, 1.0
        )
        image = model.config.image
        length = self.length(model)
        generator = torch.Generator(device).manual_seed(0)
        tokens = generate(
            model, label, rows, length, torch.from_numpy(timestep).to(device),
            torch.from_numpy(table).to(device), guidance, self.clip, generator,
        )  # fmt: skip
        signal, _ = model.tokens.decode(tokens, model.tokens.initial_state(rows))
        if image:
            self.writer.add_images("samples", signal.clamp(0, 1).cpu().numpy(), step, dataformats="NHWC")
            return
        config = model.config.mdct or model.config.wave
        assert config is not None
        for row, name in enumerate(self.names or map(str, range(rows))):
            sound = np.clip(signal[row].cpu().numpy(), -1, 1)
            self.writer.add_audio(f"samples/{name}", sound[None], step, config.sample_rate)

    def length(self, model: ADRModel) -> int:
        """Tokens of a sample: a whole picture, or `seconds` of sound."""
        if model.config.image:
            grid = model.backbone.config.grid
            return grid[0] * grid[1]
        config = model.config.mdct or model.config.wave
        assert config is not None
        return max(int(self.seconds * config.sample_rate / config.hop), 1)

    def close(self) -> None:
        self.writer.close()
