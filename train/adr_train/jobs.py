"""What a run trains, an ADR model or a codec: the parts in which the two differ, behind one face for the session."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Protocol

import torch
from adr_models import ADRConfig, ADRModel
from adr_models.codec import CodecConfig, CodecTokens
from torch import Tensor
from torch.nn import functional as F

from adr_train.batches import Batches
from adr_train.checkpoint import CheckpointConfig, latest_checkpoint, read_config, read_tensors
from adr_train.codec_trainer import CodecBatches, CodecModel, CodecTrainer
from adr_train.data import Images, Sounds
from adr_train.distil import DistilTrainer, Student
from adr_train.errors import TrainError
from adr_train.loop import Trainer
from adr_train.monitor import Monitor
from adr_train.processes import Processes
from adr_train.recipe import Recipe

# What of the provenance of a codec or a teacher goes on into what is built upon it.
PROVENANCE = ("minutes", "steps", "commit", "device")


class Job(Protocol):
    """`unit` names what the speed counts; `clip` bounds a token's values; `sequences` counts the training data."""

    trainer: Trainer
    unit: str
    clip: float
    sequences: int

    def config(self) -> dict[str, Any]: ...
    def provenance(self) -> dict[str, Any]: ...
    def weights(self) -> dict[str, Tensor]: ...
    def validate(self) -> float: ...
    def show(self, monitor: Monitor, averaged: Any, step: int) -> None: ...


class ADRJob:
    unit = "tokens"

    def __init__(
        self, recipe: Recipe, data: Images | Sounds, held_out: Images | Sounds, processes: Processes,
        source: Path | None,
    ):  # fmt: skip
        config, wanted = recipe.train, recipe.model
        assert isinstance(wanted, ADRConfig)
        self.recipe, self.codec_training = recipe, {}  # type: ignore[var-annotated]
        self.sequences = len(data.labels)
        speakers = tuple(sorted(set(data.speakers))) if isinstance(data, Sounds) and config.speakers else ()
        wanted = replace(wanted, labels=data.names, speakers=speakers)
        state: dict[str, Tensor] = {}
        if recipe.tokens:
            found, state, self.codec_training = read_codec(recipe, source)
            wanted = replace(wanted, codec=found)
        check_data(recipe, wanted, data)
        model = ADRModel(wanted)
        if state:
            model.tokens.load_state_dict(state)
            model.tokens.requires_grad_(False)
        self.clip = 1.1 * fit_tokens(model, data)
        batches, self.validation = make_batches(recipe, model, data, held_out)
        self.trainer: Trainer = Trainer(model.to(processes.device), batches, config, processes)

    def config(self) -> dict[str, Any]:
        return self.trainer.model.config.to_dict()

    def provenance(self) -> dict[str, Any]:
        return {
            f"codec {k}": v for k, v in self.codec_training.items() if k in ("minutes", "commit", "steps", "device")
        }

    def weights(self) -> dict[str, Tensor]:
        return self.trainer.average

    def validate(self) -> float:
        return self.trainer.validate(self.validation)

    def show(self, monitor: Monitor, averaged: ADRModel, step: int) -> None:
        monitor.samples(averaged, step, float(self.recipe.defaults["guidance"]), self.clip)


class DistilJob(ADRJob):
    """A student, whose head learns jumps, of the model in a checkpoint."""

    def __init__(
        self, recipe: Recipe, data: Images | Sounds, held_out: Images | Sounds, processes: Processes,
        source: Path | None,
    ):  # fmt: skip
        self.recipe, self.sequences = recipe, len(data.labels)
        found, saved = read_source(recipe, recipe.teacher, source, "--teacher")
        config = ADRConfig.from_dict(saved.model)
        teacher = ADRModel(config)
        weights = read_tensors(found / "model.safetensors")
        teacher.load_state_dict(weights)
        check_data(recipe, config, data)
        student = Student(replace(config, head=replace(config.head, jump=True)))
        missing = student.load_state_dict(weights, strict=False).missing_keys
        assert all(name.startswith("head.arrival.") for name in missing)
        for part in (student.tokens, student.backbone):
            part.requires_grad_(False)
        self.clip = saved.clip
        self.codec_training = {k.removeprefix("codec "): v for k, v in saved.training.items() if k.startswith("codec ")}
        self.teacher_training = saved.training
        batches, self.validation = make_batches(recipe, student, data, held_out)
        self.trainer: Trainer = DistilTrainer(
            student.to(processes.device), teacher.to(processes.device), batches, recipe.train, processes, recipe.distil
        )

    def provenance(self) -> dict[str, Any]:
        kept = {f"teacher {k}": self.teacher_training[k] for k in PROVENANCE if k in self.teacher_training}
        return super().provenance() | kept | {"guidance distilled": self.recipe.distil.guidance}


class CodecJob:
    unit = "rows"
    clip = 1.0

    def __init__(
        self, recipe: Recipe, data: Images | Sounds, held_out: Images | Sounds, processes: Processes,
        source: Path | None,
    ):  # fmt: skip
        wanted, config = recipe.model, recipe.train
        assert isinstance(wanted, CodecConfig)
        if not isinstance(data, Sounds) or not isinstance(held_out, Sounds) or data.sample_rate != wanted.sample_rate:
            raise TrainError(f"{recipe.dataset}: the codec of {recipe.name} wants sound at {wanted.sample_rate} Hz")
        model = CodecModel(wanted)
        model.to(processes.device)
        samples = int(recipe.losses.seconds * wanted.sample_rate) // model.hop * model.hop
        batches = CodecBatches(data, samples, config.batch, config.seed)
        self.validation = CodecBatches(held_out, samples, config.batch, config.seed)
        self.data, self.sequences = data, len(data.labels)
        self.trainer: Trainer = CodecTrainer(model, batches, config, processes, recipe.losses)

    def config(self) -> dict[str, Any]:
        return asdict(self.trainer.model.config)

    def provenance(self) -> dict[str, Any]:
        return {}

    def weights(self) -> dict[str, Tensor]:
        """The averaged weights, with the latents' mean and deviation measured for them."""
        with self.trainer.averaged() as model:
            clips = self.data.clips[:: max(len(self.data.clips) // 300, 1)]
            model.fit([torch.from_numpy(clip).to(self.trainer.device) for clip in clips])
            measured = {k: getattr(model, k).clone() for k in ("mean", "deviation")}
        return self.trainer.average | measured

    def validate(self) -> float:
        return self.trainer.validate(self.validation)

    @torch.no_grad()
    def show(self, monitor: Monitor, averaged: CodecModel, step: int) -> None:
        real = self.validation.at(0).tokens[:4].to(self.trainer.device)
        made, _ = averaged.decoder(averaged.encoder(real)[0], averaged.initial_state(len(real)))
        for row, (a, b) in enumerate(zip(real, made, strict=True)):
            monitor.sound(f"real/{row}", a, step, averaged.config.sample_rate)
            monitor.sound(f"decoded/{row}", b, step, averaged.config.sample_rate)


def make_batches(
    recipe: Recipe, model: ADRModel, data: Images | Sounds, held_out: Images | Sounds
) -> tuple[Batches, Batches]:
    """Training and validation batches, which encode with a copy of the model's tokens on the CPU."""
    config, speakers = recipe.train, model.config.speakers
    tokens = type(model.tokens)(model.tokens.config)  # type: ignore[arg-type]
    tokens.load_state_dict(model.tokens.state_dict())
    rows = min(config.batch, len(held_out.labels))
    return (
        Batches(data, tokens, config.batch, config.seed, config.silence, config.flip, speakers),
        Batches(held_out, tokens, rows, config.seed, config.silence, speakers=speakers),
    )


def read_source(recipe: Recipe, wanted: str | None, folder: Path | None, option: str) -> tuple[Path, CheckpointConfig]:
    """The checkpoint that a recipe builds upon, which must be of the recipe `wanted`."""
    if folder is None:
        raise TrainError(
            f"{recipe.name} builds on another model: give {option} DIR, the --out folder of adr-train {wanted}"
        )
    found = folder if (folder / "config.json").is_file() else latest_checkpoint(folder)
    if found is None:
        raise TrainError(f"{folder}: no checkpoint of {wanted} here; give the --out folder of its training")
    saved = read_config(found)
    if saved.recipe != wanted:
        raise TrainError(f"{found}: a checkpoint of {saved.recipe}, not of {wanted}")
    return found, saved


def read_codec(recipe: Recipe, folder: Path | None) -> tuple[CodecConfig, dict[str, Tensor], dict[str, Any]]:
    """Config, weights and provenance of the codec that a recipe's tokens come from."""
    found, saved = read_source(recipe, recipe.tokens, folder, "--codec")
    return CodecConfig(**saved.model), read_tensors(found / "model.safetensors"), saved.training


def check_data(recipe: Recipe, model: ADRConfig, data: Images | Sounds) -> None:
    """The data must have the shape that the recipe's tokens are made for."""
    image, sound = model.image, model.mdct or model.wave or model.codec
    if isinstance(data, Images) and image:
        if data.pixels.shape[1:] != (image.height, image.width, image.channels):
            raise TrainError(f"{recipe.dataset} has pictures of {data.pixels.shape[1:]}, the recipe wants {image}")
    elif isinstance(data, Sounds) and sound:
        if data.sample_rate != sound.sample_rate:
            raise TrainError(f"{recipe.dataset} is at {data.sample_rate} Hz, the recipe at {sound.sample_rate} Hz")
    else:
        raise TrainError(f"{recipe.dataset} and the tokens of recipe {recipe.name} are of different kinds")


@torch.no_grad()
def fit_tokens(model: ADRModel, data: Images | Sounds) -> float:
    """Fit the normalisation (a codec brings its own) to the training data; the largest magnitude of a token's value."""
    tokens: Any = model.tokens
    if isinstance(data, Images):
        pixels = torch.from_numpy(data.pixels).float() / 255
        tokens.fit(pixels)
        return float(tokens.encode(pixels[:10_000]).abs().max())
    clips = [torch.from_numpy(clip) for clip in data.clips[:: max(len(data.clips) // 4000, 1)]]
    if not isinstance(tokens, CodecTokens):
        tokens.fit(clips)
    padded = (F.pad(clip, (0, -len(clip) % tokens.hop)) for clip in clips)
    return max(float(tokens.encode(clip[None]).abs().max()) for clip in padded)
