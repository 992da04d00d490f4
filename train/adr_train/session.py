"""One call of adr-train: data, model, loop, checkpoints and reports put together."""

import json
import os
import platform
import subprocess
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from adr_runtime.terminal.interrupts import Interrupted, held
from adr_runtime.terminal.standard_streams import Enough
from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from adr_train.checkpoint import CheckpointConfig, latest_checkpoint, read_config, read_tensors, save_checkpoint
from adr_train.data.datasets import load_dataset
from adr_train.data.types import AudioClips, level
from adr_train.errors import TrainError
from adr_train.loop import Progress
from adr_train.monitor import Monitor
from adr_train.processes import Processes
from adr_train.recipes.recipe import Recipe
from adr_train.tasks.adr import ADRJob
from adr_train.tasks.any_order import ARDMJob, VariableJob
from adr_train.tasks.codec import CodecJob
from adr_train.tasks.distil import DistilJob
from adr_train.tasks.job import Job

# SIGPIPE's number, which no handler here ever reports.
UNREAD = 13


@dataclass(frozen=True)
class Options:
    out: Path
    data: Path | None
    codec: Path | None
    teacher: Path | None
    device: str
    threads: int | None
    save_minutes: float
    look_minutes: float
    resume: bool
    json: bool


def run_training(recipe: Recipe, options: Options, console: Console) -> None:
    """Train to the end, or to a signal in any process, or until nobody reads the JSON lines any more. Then the step is
    made complete, everything is saved, and Interrupted or Enough is raised."""
    if options.threads:
        torch.set_num_threads(options.threads)
    config = recipe.train
    previous = latest_checkpoint(options.out)
    saved = check_previous(recipe, options, previous)
    data = load_dataset(recipe.dataset, options.data, "train")
    held_out = load_dataset(recipe.dataset, options.data, "validation")
    if config.loudness and isinstance(data, AudioClips) and isinstance(held_out, AudioClips):
        data, held_out = level(data, config.loudness), level(held_out, config.loudness)
    processes = Processes.start(options.device, config.shards)
    torch.manual_seed(config.seed)
    jobs: dict[str, Callable[..., Job]] = {
        "adr": ADRJob, "codec": CodecJob, "distil": DistilJob, "ardm": ARDMJob, "causal": VariableJob,
    }  # fmt: skip
    source = options.teacher if recipe.kind == "distil" else options.codec
    job = jobs[recipe.kind](recipe, data, held_out, processes, source)
    trainer = job.trainer
    if previous and saved:
        if saved.model != json.loads(json.dumps(job.config())):
            raise TrainError(f"{previous}: the recipe's model has changed since; choose another --out")
        tensors = read_tensors(previous / "state.safetensors", str(processes.device))
        ema = read_tensors(previous / "model.safetensors", str(processes.device))
        trainer.restore(tensors, ema, saved.step, saved.seconds)
    if processes.rank:
        with held() as waiting:
            trainer.run(lambda progress: None, waiting)
            processes.stop()
            # The first process speaks for all. Tearing the interpreter down, gloo's threads were seen to abort.
            os._exit(0)
    try:
        options.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TrainError(f"{options.out}: cannot make the folder: {error.strerror}") from error
    monitor = Monitor(options.out)
    weights = sum(p.numel() for p in trainer.model.parameters())
    about = {"description": recipe.description, "licence": recipe.licence, "source": recipe.source}
    console.print(
        f"{recipe.name} ({recipe.size}): {weights / 1e6:.2f} M weights, {job.sequences} training sequences, "
        f"{processes.count} x {device_name(processes.device)}" + (f", from step {trainer.step}" if trainer.step else "")
    )

    made_from = commit()

    def save() -> Path:
        training: dict[str, Any] = {
            "recipe": recipe.name, "size": recipe.size, "steps": trainer.step, "commit": made_from,
            "minutes": round(trainer.seconds / 60, 2), "device": device_name(processes.device),
            "processes": processes.count, "data": recipe.source, "sequences": job.sequences,
            "weights": weights, "torch": torch.__version__, **job.provenance(),
        }  # fmt: skip
        config_to_save = CheckpointConfig(
            recipe.name, recipe.size, job.config(), asdict(config), about, recipe.defaults,
            round(job.sample_range, 3), trainer.step, trainer.seconds, training, recipe.kind,
        )  # fmt: skip
        return save_checkpoint(options.out, config_to_save, job.weights(), trainer.state())

    def look() -> float:
        """Validation loss and samples of the EMA's weights, into TensorBoard."""
        loss = job.validate()
        monitor.validation(loss, trainer.step)
        with trainer.ema_model() as model:
            job.show(monitor, model, trainer.step)
        return loss

    last_save = last_look = last_log = time.monotonic()
    unread = False
    bar = Bar(
        TextColumn("step {task.fields[step]}  loss {task.fields[loss]:.4f}"), BarColumn(), TimeRemainingColumn(),
        TextColumn("{task.fields[speed]:.0f} " + job.unit + "/s"), console=console, disable=not console.is_terminal,
    )  # fmt: skip
    task = bar.add_task("", total=1.0, step=trainer.step, loss=float("nan"), speed=0.0)

    def report(progress: Progress) -> None:
        nonlocal last_save, last_look, last_log, unread
        now = time.monotonic()
        bar.update(
            task, completed=trainer.progress, step=progress.step, loss=progress.loss, speed=progress.tokens_per_second
        )
        if options.json:
            try:
                print(json.dumps(asdict(progress)), flush=True)
            except Enough:
                unread = True
        if progress.step % 10 == 0:
            monitor.step(progress)
        if not console.is_terminal and now - last_log > 30:
            last_log = now
            console.print(
                f"step {progress.step}  loss {progress.loss:.4f}  {progress.tokens_per_second:.0f} {job.unit}/s  "
                f"{trainer.progress:.0%}"
            )
        if now - last_save > 60 * options.save_minutes:
            save()
            last_save = time.monotonic()
        if now - last_look > 60 * options.look_minutes:
            look()
            last_look = time.monotonic()

    try:
        with held() as waiting:
            with bar:
                stop = trainer.run(report, lambda: waiting() or (UNREAD if unread else 0))
            path, stop = save(), stop or waiting()
            if stop:
                processes.stop()
                how = f" at step {trainer.step}; saved {path}" + ("; go on with --resume" * (trainer.progress < 1))
                if stop != UNREAD:
                    raise Interrupted(stop, how)
                console.print("nobody reads standard output any more: stopped" + how, highlight=False, soft_wrap=True)
                raise Enough(0)
        console.print(f"done: {trainer.step} steps, validation loss {look():.4f}, {path}")
        processes.stop()
    finally:
        monitor.close()


def check_previous(recipe: Recipe, options: Options, previous: Path | None) -> CheckpointConfig | None:
    """The checkpoint to go on from, after making sure that it is of this very run."""
    if not options.resume:
        if previous:
            raise TrainError(f"{options.out} already holds {previous.name}; add --resume or choose another --out")
        return None
    if not previous:
        raise TrainError(f"{options.out}: nothing to resume; leave --resume out to begin")
    saved = read_config(previous)
    if (saved.recipe, saved.size) != (recipe.name, recipe.size):
        raise TrainError(
            f"{previous}: a checkpoint of {saved.recipe} ({saved.size}), not of {recipe.name} ({recipe.size}); "
            "resume with its own recipe or choose another --out"
        )
    return saved


def commit() -> str:
    """The commit of the source tree, for provenance; "unknown" outside a checkout."""
    folder = Path(__file__).parent
    try:
        described = subprocess.run(
            ["git", "-C", str(folder), "describe", "--always", "--dirty", "--abbrev=12"],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        return described.stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def device_name(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{platform.machine()} CPU, {torch.get_num_threads()} threads"
