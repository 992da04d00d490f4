"""Distilling the head of a trained model: a student that learns jumps, and its run."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from adr_models import ADRConfig, ADRModel
from adr_models.checkpoint import read_tensors
from adr_runtime.spoken_text.manifest import PACE_OF, PACES_BESIDE

from adr_train.data.batch import BatchSource
from adr_train.data.types import AlignedSpeech, Dataset
from adr_train.errors import TrainError
from adr_train.loop import Trainer
from adr_train.processes import Processes
from adr_train.recipes.recipe import Recipe
from adr_train.tasks.adr import ADRJob, at_rate, check_data, labelled, make_batches
from adr_train.tasks.by_synthesis import with_frames_of
from adr_train.tasks.distil_loss import DistilLoss, Student
from adr_train.tasks.job import PROVENANCE, read_source
from adr_train.tasks.spoken_batches import spoken_batches

PACES = (PACE_OF, PACES_BESIDE)


class DistilJob(ADRJob):
    """A student, whose head learns jumps, of the model in a checkpoint."""

    def __init__(self, recipe: Recipe, data: Dataset, held_out: Dataset, processes: Processes, source: Path | None):
        self.recipe, self.began = recipe, dict[str, Any]()
        checkpoint, saved = read_source(recipe, recipe.teacher, source, "--teacher")
        # A student learns from what its teacher learned from.
        recipe = with_frames_of(recipe, saved)
        config = ADRConfig.from_dict(saved.model)
        teacher = ADRModel(config)
        weights = read_tensors(checkpoint / "model.safetensors")
        teacher.load_state_dict(weights)
        student = Student(replace(config, head=replace(config.head, jump=True)))
        missing = student.load_state_dict(weights, strict=False).missing_keys
        assert all(name.startswith("head.end_timestep.") for name in missing)
        for part in (student.tokens, student.backbone):
            part.requires_grad_(False)
        self.sample_range = saved.clip
        self.codec_training = {k.removeprefix("codec "): v for k, v in saved.training.items() if k.startswith("codec ")}
        self.teacher_training = saved.training
        batches, self.validation = student_batches(recipe, student, data, held_out, processes.device)
        self.sequences = len(data.files if isinstance(data, AlignedSpeech) else labelled(recipe, data).labels)
        loss = DistilLoss(student, teacher.to(processes.device), recipe.distil).to(processes.device)
        self.trainer = Trainer(student, loss, batches, recipe.train, processes)

    def provenance(self) -> dict[str, Any]:
        kept = {
            f"teacher {k}": self.teacher_training[k]
            for k in (*PROVENANCE, "from minutes")
            if k in self.teacher_training
        }
        guidance = self.recipe.distil.guidance
        # Where a voice began, and whose pace it has.
        kept |= {k: v for k, v in self.teacher_training.items() if k.split()[0] == "from" or k.startswith(PACES)}
        written = ":".join(f"{g:g}" for g in guidance) if isinstance(guidance, tuple) else guidance
        return super().provenance() | kept | {"guidance distilled": written}


def student_batches(
    recipe: Recipe, student: Student, data: Dataset, held_out: Dataset, device: torch.device
) -> tuple[BatchSource, BatchSource]:
    """Training and validation batches of the teacher's kind of data. Raises ADRError."""
    if isinstance(data, AlignedSpeech) and isinstance(held_out, AlignedSpeech):
        if not student.config.controls:
            raise TrainError(f"{recipe.dataset} is for teachers that are told what to say; {recipe.teacher} is none")
        return spoken_batches(student, data, held_out, recipe.train, device)
    data, held_out = (at_rate(student.config, labelled(recipe, part)) for part in (data, held_out))
    check_data(recipe, student.config, data)
    return make_batches(recipe, student, data, held_out, device)
