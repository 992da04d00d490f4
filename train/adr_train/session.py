"""One call of adr-train: data, model, loop, checkpoints and reports put together."""

import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import NoReturn

import torch
from adr_models import ADRConfig
from adr_models.checkpoint import CheckpointConfig, latest_checkpoint, read_config, read_tensors
from adr_models.config import build
from adr_models.training import TrainableModel
from adr_runtime.terminal.interrupts import Interrupted, held
from adr_runtime.terminal.standard_streams import Enough
from rich.console import Console

from adr_train.checkpoint import save_checkpoint
from adr_train.data.types import AlignedSpeech, Dataset
from adr_train.errors import TrainError
from adr_train.loop import Progress, Trainer
from adr_train.monitor import Monitor
from adr_train.precision import bfloat16_pays
from adr_train.processes import Processes
from adr_train.provenance import count_weights, describe_training, device_name, source_commit
from adr_train.recipes.defaults import check_defaults
from adr_train.recipes.recipe import ModelConfig, Recipe
from adr_train.reports import Interval, Reports
from adr_train.tasks.adr import ADRJob
from adr_train.tasks.aligner import AlignerJob
from adr_train.tasks.any_order import ARDMJob, CausalJob
from adr_train.tasks.by_synthesis import check_by_synthesis, with_frames_of
from adr_train.tasks.codec import CodecJob
from adr_train.tasks.distil import DistilJob
from adr_train.tasks.durations import DurationsJob
from adr_train.tasks.job import Job, read_source
from adr_train.tasks.letters import LettersJob
from adr_train.tasks.masked import MaskedJob
from adr_train.tasks.new_axes import check_new_axes
from adr_train.tasks.own_speech import of_own_recordings, speech_folder
from adr_train.tasks.recipe_data import load_splits, picture_shape, sound_rate
from adr_train.tasks.spoken import SpokenJob
from adr_train.tasks.start import kept_axes, read_start

AnyJob = Job[TrainableModel]
# SIGPIPE's number, which no handler here ever reports.
UNREAD = 13
GO_ON = "; go on with --resume"


@dataclass(frozen=True)
class Options:
    out: Path
    data: Path | None
    codec: Path | None
    teacher: Path | None
    start: Path | None
    new_axes: bool
    text: Path | None
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
    previous = latest_checkpoint(options.out)
    saved = check_previous(recipe, options, previous)
    model = model_config(recipe, options)
    if saved:
        recipe = with_frames_of(recipe, saved)
    check_by_synthesis(recipe, model)
    if options.new_axes:
        check_new_axes(recipe, options.start, saved)
    check_defaults(recipe, model)
    rate = sound_rate(recipe, model, options.codec)
    folder = speech_folder(recipe.dataset, options.data, options.text, options.start, console.print)
    recipe = of_own_recordings(recipe, folder)
    data, held_out = load_splits(recipe, folder, picture_shape(model), rate)
    processes = Processes.start(options.device, recipe.train.shards)
    torch.manual_seed(recipe.train.seed)
    job = make_job(recipe, data, held_out, processes, options)
    if previous and saved:
        resume(job, previous, saved)
    try:
        options.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TrainError(f"{options.out}: cannot make the folder: {error.strerror}") from error
    job.prepare()
    if processes.rank:
        follow(job.trainer)
    Session(recipe, options, console, job).run()


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


def model_config(recipe: Recipe, options: Options) -> ModelConfig:
    """The config of the model: a recipe that distils has the teacher's."""
    if recipe.kind != "distil":
        return recipe.model
    _, saved = read_source(recipe, recipe.teacher, options.teacher, "--teacher")
    return ADRConfig.from_dict(saved.model)


def make_job(recipe: Recipe, data: Dataset, held_out: Dataset, processes: Processes, options: Options) -> AnyJob:
    adr = SpokenJob if isinstance(data, AlignedSpeech) else ADRJob
    jobs: dict[str, Callable[[Recipe, Dataset, Dataset, Processes, Path | None], AnyJob]] = {
        "adr": adr, "codec": CodecJob, "distil": DistilJob, "ardm": ARDMJob, "causal": CausalJob,
        "masked": MaskedJob, "letters": LettersJob, "durations": DurationsJob, "aligner": AlignerJob,
    }  # fmt: skip
    source = options.teacher if recipe.kind == "distil" else options.codec
    if recipe.kind == "codec" and not (recipe.losses.encoder or options.start or options.resume):
        raise TrainError(f"{recipe.name} trains a decoder alone: give --from DIR, the run whose encoder stays as it is")
    if options.resume and isinstance(recipe.model, ADRConfig) and recipe.model.vocoder and adr is SpokenJob:
        return SpokenJob(recipe, data, held_out, processes, source, axes=kept_axes(options.out))
    # A run that goes on has its weights already.
    if options.start and not options.resume:
        if recipe.kind == "codec":
            return CodecJob(recipe, data, held_out, processes, source, options.start)
        if recipe.kind != "adr":
            raise TrainError(
                f"--from is for causal models of pictures and sound, and for codecs; {recipe.name} is of another kind"
            )
        start = replace(read_start(options.start), new_axes=options.new_axes)
        return adr(recipe, data, held_out, processes, source, start)
    return jobs[recipe.kind](recipe, data, held_out, processes, source)


def resume(job: AnyJob, previous: Path, saved: CheckpointConfig) -> None:
    config = job.config()
    try:
        # What is a field by now and was none then has its default, which changes nothing.
        before = asdict(build(type(config), saved.model, "model"))
    except (TypeError, ValueError):
        before = {}
    if json.dumps(before) != json.dumps(asdict(config)):
        raise TrainError(f"{previous}: the recipe's model, or --pixels, has changed since; choose another --out")
    device = str(job.trainer.device)
    tensors, ema = (read_tensors(previous / f"{name}.safetensors", device) for name in ("state", "model"))
    job.trainer.restore(tensors, ema, saved.step, saved.seconds)
    job.resumed(saved)


def follow(trainer: Trainer[TrainableModel]) -> NoReturn:
    """Train as a process that is not the first, which speaks for all."""
    with held() as waiting:
        trainer.run(lambda progress: None, waiting)
        trainer.processes.stop()
        # Tearing the interpreter down, gloo's threads were seen to abort.
        os._exit(0)


class Session:
    """The first process's run: it saves, looks at samples and reports while it trains."""

    def __init__(self, recipe: Recipe, options: Options, console: Console, job: AnyJob):
        self.recipe, self.options, self.console, self.job = recipe, options, console, job
        self.trainer, self.commit = job.trainer, source_commit()
        self.monitor = Monitor(options.out)
        self.reports = Reports(console, self.monitor, job.unit, options.json)
        self.next_save, self.next_look = (Interval(60 * m) for m in (options.save_minutes, options.look_minutes))

    def run(self) -> None:
        trainer, reports = self.trainer, self.reports
        self.introduce()
        try:
            with held() as waiting:
                with reports.shown(trainer.step):
                    stop = trainer.run(self.after_step, lambda: waiting() or (UNREAD if reports.unread else 0))
                path, stop = self.save(), stop or waiting()
                if stop:
                    self.leave(stop, path)
            self.console.print(f"done: {trainer.step} steps, validation loss {self.look():.4f}, {path}")
            trainer.processes.stop()
        finally:
            self.monitor.close()

    def introduce(self) -> None:
        recipe, trainer = self.recipe, self.trainer
        self.console.print(
            f"{recipe.name} ({recipe.size}): {count_weights(trainer.model) / 1e6:.2f} M weights, "
            f"{self.job.sequences} training sequences, {trainer.processes.count} x {device_name(trainer.device)}"
            + (f", from step {trainer.step}" if trainer.step else "")
        )
        if recipe.train.precision == "bfloat16" and not bfloat16_pays(trainer.device):
            self.console.print("no bfloat16 instructions here: --precision float32 is many times faster")

    def after_step(self, progress: Progress) -> None:
        self.reports.step(progress, self.trainer.progress)
        if self.next_save.due():
            self.save()
            self.next_save.restart()
        if self.next_look.due():
            self.look()
            self.next_look.restart()

    def save(self) -> Path:
        recipe, job, trainer = self.recipe, self.job, self.trainer
        about = {"description": recipe.description, "licence": recipe.licence, "source": recipe.source}
        config = CheckpointConfig(
            recipe.name, recipe.size, asdict(job.config()), asdict(recipe.train), about, recipe.defaults,
            round(job.sample_range, 3), trainer.step, trainer.seconds,
            describe_training(recipe, job, self.commit), recipe.kind,
        )  # fmt: skip
        return save_checkpoint(self.options.out, config, job.weights(), trainer.state())

    def look(self) -> float:
        """Validation loss and samples of the EMA's weights, into TensorBoard."""
        loss = self.trainer.validate(self.job.validation)
        self.monitor.validation(loss, self.trainer.step)
        self.job.show(self.monitor, self.trainer.step)
        return loss

    def leave(self, stop: int, path: Path) -> NoReturn:
        """End the run at a signal, or because nobody reads its lines."""
        self.trainer.processes.stop()
        how = f" at step {self.trainer.step}; saved {path}" + GO_ON * (self.trainer.progress < 1)
        if stop != UNREAD:
            raise Interrupted(stop, how)
        self.console.print("nobody reads standard output any more: stopped" + how, highlight=False, soft_wrap=True)
        raise Enough(0)
