"""The training loop: optimiser, averages (EMA) of the weights, a learning rate tied to steps or minutes, resuming."""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

import torch
from adr_models.training import RowTensors, TrainableModel
from adr_runtime.errors import ADRError
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from adr_train.data.batch import Batch, BatchSource
from adr_train.optimizers import Optimizers
from adr_train.precision import bfloat16_pays
from adr_train.processes import Processes
from adr_train.recipes.configs import TrainConfig

Model = TypeVar("Model", bound=TrainableModel, covariant=True)
# How much longer than the second average the first one remembers.
LONGER = 2


def decay(longest: float, step: int, shorter: int = 1) -> float:
    """How much of an average of the weights outlives a step: about (1 - 1 / step)^(9 shorter), so that the average
    spans a fixed part of what was seen (Karras et al. 2024, arXiv 2312.02696, section 3.1), until that is `longest`."""
    return min(max(1 - shorter * (1 - longest), 0.0), (1 + step) / (1 + step + 9 * shorter))


def learning_rate(config: TrainConfig, progress: float) -> float:
    """Linear warm-up over the fraction `warmup` of the run, then a cosine to zero; progress in [0, 1]."""
    if progress < config.warmup:
        return config.learning_rate * progress / config.warmup
    rest = (min(progress, 1.0) - config.warmup) / (1 - config.warmup)
    return config.learning_rate * 0.5 * (1 + math.cos(math.pi * rest))


@dataclass
class Progress:
    """What a step reports: its number, its loss, the learning rate, the seconds trained so far, and the speed."""

    step: int
    loss: float
    rate: float
    seconds: float
    tokens_per_second: float


class Trainer(Generic[Model]):
    """One training run on one process of several; everything that a resumed run needs is in `state()`.

    `loss` is a module from a batch and its draws to the loss summed over the batch's tokens.
    """

    def __init__(
        self, model: Model, loss: nn.Module, batches: BatchSource, config: TrainConfig, processes: Processes
    ):  # fmt: skip
        self.model, self.batches, self.config, self.processes = model, batches, config, processes
        self.mine = processes.share(config.shards)
        self.device = processes.device
        self.step, self.seconds, self.compiling = 0, 0.0, config.compile
        self.ema = {k: v.detach().clone() for k, v in model.state_dict().items()}
        self.named = {name: p for name, p in model.named_parameters() if p.requires_grad}
        self.short = {name: p.detach().clone() for name, p in self.named.items()}
        self.optimizers = Optimizers(self.named, config)
        if config.compile:
            compiled = torch.compile(loss, dynamic=True)
            assert isinstance(compiled, nn.Module)
            loss = compiled
        self.loss = loss
        self.parallel_loss = DistributedDataParallel(loss) if processes.count > 1 else loss
        use_bfloat16 = config.precision == "bfloat16" or (config.precision == "auto" and bfloat16_pays(self.device))
        self.autocast = torch.autocast(self.device.type, torch.bfloat16, enabled=use_bfloat16)

    @property
    def progress(self) -> float:
        """Part of the run that is done, in [0, 1]."""
        if self.config.steps is not None:
            return self.step / max(self.config.steps, 1)
        return self.seconds / (60 * (self.config.minutes or 1.0))

    def draws(self, batch: Batch, step: int, mine: range, purpose: int = 0) -> tuple[Batch, RowTensors]:
        """The rows of a batch that some shards hold, and their random numbers, which depend on the seed, the step and
        the shard, and not on the number of processes."""
        shards, rows, length = self.config.shards, len(batch.tokens), batch.tokens.shape[1]
        edges = [rows * s // shards for s in range(shards + 1)]
        parts, drawn = [], []
        for shard in mine:
            generator = torch.Generator(self.device)
            generator.manual_seed((((self.config.seed * 2 + purpose) << 32) + step) * shards + shard)
            parts.append(batch.select(slice(edges[shard], edges[shard + 1]), self.device))
            drawn.append(self.model.draw(edges[shard + 1] - edges[shard], length, generator))
        return type(parts[0]).join(parts), type(drawn[0]).join(drawn)

    def train_step(self) -> Progress:
        """One optimiser step. A loss that is not finite raises TrainError and changes nothing."""
        started = time.perf_counter()
        rate = learning_rate(self.config, self.progress)
        whole = self.batches.at(self.step)
        batch, draws = self.draws(whole, self.step, self.mine)
        self.model.train()
        # Dropout draws from the global generator: tie it to the step, or a resumed run would differ.
        torch.manual_seed(self.config.seed * 1_000_003 + self.step * self.processes.count + self.processes.rank)
        total = self.backward(batch, draws, int(whole.mask.sum()))
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), self.config.grad_clip)
        loss = self.processes.sum(total).item()
        if not math.isfinite(loss) or not bool(torch.isfinite(norm)):
            raise ADRError(
                f"the loss is {loss} at step {self.step}: stopped; the last checkpoint is intact. "
                "Lower the learning rate (--learning-rate) or look for broken data",
            )
        self.optimizers.step(rate)
        self.step += 1
        self.update_ema()
        taken = time.perf_counter() - started
        # What the first step compiles for minutes is no training, or the learning rate would begin at its peak.
        self.seconds = self.processes.first(self.seconds + (0.0 if self.compiling else taken))
        self.compiling = False
        return Progress(self.step, loss, rate, self.seconds, int(whole.mask.sum()) / taken)

    def backward(self, batch: Batch, draws: RowTensors, count: int) -> Tensor:
        """Gradients of the loss for each of the whole batch's `count` tokens; this process's part of that loss."""
        with self.autocast:
            total: Tensor = self.parallel_loss(batch, draws) / count
        # DistributedDataParallel averages gradients over processes; the loss is a sum over their rows.
        torch.autograd.backward(total * self.processes.count)
        return total.detach()

    def summed_loss(self, batch: Batch, draws: RowTensors) -> Tensor:
        """The loss without its gradient's way through DistributedDataParallel."""
        total: Tensor = self.loss(batch, draws)
        return total

    @torch.no_grad()
    def update_ema(self) -> None:
        """Both averages, one of which forgets sooner: samples say which is the better one, not the loss."""
        weights = [parameter.detach() for parameter in self.named.values()]
        for average, shorter in ((self.ema, 1), (self.short, LONGER)):
            # All at once: a GPU would wait for some hundred calls.
            torch._foreach_lerp_(
                [average[name] for name in self.named], weights, 1 - decay(self.config.ema, self.step, shorter)
            )

    @contextmanager
    def ema_model(self) -> Iterator[Model]:
        """The model in evaluation mode with the EMA's weights; the live ones come back afterwards."""
        live = {k: v.clone() for k, v in self.model.state_dict().items()}
        self.model.load_state_dict(self.ema)
        try:
            yield self.model.eval()
        finally:
            self.model.load_state_dict(live)

    @torch.no_grad()
    def validate(self, batches: BatchSource, count: int = 4) -> float:
        """Loss a token of the EMA's weights, on the same batches and draws every time; by one process alone."""
        total, tokens = 0.0, 0
        with self.ema_model(), self.autocast:
            for step in range(count):
                whole = batches.at(step)
                total += float(self.summed_loss(*self.draws(whole, step, range(self.config.shards), purpose=1)))
                tokens += int(whole.mask.sum())
        return total / tokens

    def run(self, report: Callable[[Progress], None], stopping: Callable[[], int] = lambda: 0) -> int:
        """Train to the end, or to the end of the step during which `stopping` returns more than 0 in any process; the
        largest of what they return."""
        stop = 0
        while self.progress < 1 and not stop:
            report(self.train_step())
            stop = self.processes.largest(stopping())
        return stop

    def state(self) -> dict[str, Tensor]:
        """Weights, their short average, and optimiser moments. Order and randomness need no saving: they follow from
        seed and step."""
        tensors = {f"model.{k}": v for k, v in self.model.state_dict().items()}
        return tensors | {f"short.{k}": v for k, v in self.short.items()} | self.optimizers.state()

    def restore(self, tensors: dict[str, Tensor], ema: dict[str, Tensor], step: int, seconds: float) -> None:
        weights = {k.removeprefix("model."): v for k, v in tensors.items() if k.startswith("model.")}
        self.model.load_state_dict(weights)
        self.ema = {k: v.to(self.device) for k, v in ema.items()}
        # Runs of before there were two averages go on with the one they have.
        self.short = {k: tensors.get(f"short.{k}", self.ema[k]).clone() for k in self.named}
        moments = {k: v for k, v in tensors.items() if k.startswith("optimizer.")}
        self.optimizers.restore(moments)
        self.step, self.seconds = step, seconds
