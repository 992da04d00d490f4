"""Distilling the head of a trained model: a student that learns jumps, and its run."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from adr_models import ADRConfig, ADRModel
from adr_models.checkpoint import read_tensors

from adr_train.data.types import Dataset
from adr_train.loop import Trainer
from adr_train.processes import Processes
from adr_train.recipes.recipe import Recipe
from adr_train.tasks.adr import ADRJob, at_rate, check_data, labelled, make_batches
from adr_train.tasks.distil_loss import DistilLoss, Student
from adr_train.tasks.job import PROVENANCE, read_source


class DistilJob(ADRJob):
    """A student, whose head learns jumps, of the model in a checkpoint."""

    def __init__(self, recipe: Recipe, data: Dataset, held_out: Dataset, processes: Processes, source: Path | None):
        data, held_out = labelled(recipe, data), labelled(recipe, held_out)
        self.recipe, self.sequences, self.began = recipe, len(data.labels), {}
        checkpoint, saved = read_source(recipe, recipe.teacher, source, "--teacher")
        config = ADRConfig.from_dict(saved.model)
        teacher = ADRModel(config)
        weights = read_tensors(checkpoint / "model.safetensors")
        teacher.load_state_dict(weights)
        data, held_out = at_rate(config, data), at_rate(config, held_out)
        check_data(recipe, config, data)
        student = Student(replace(config, head=replace(config.head, jump=True)))
        missing = student.load_state_dict(weights, strict=False).missing_keys
        assert all(name.startswith("head.end_timestep.") for name in missing)
        for part in (student.tokens, student.backbone):
            part.requires_grad_(False)
        self.sample_range = saved.clip
        self.codec_training = {k.removeprefix("codec "): v for k, v in saved.training.items() if k.startswith("codec ")}
        self.teacher_training = saved.training
        batches, self.validation = make_batches(recipe, student, data, held_out, processes.device)
        loss = DistilLoss(student, teacher.to(processes.device), recipe.distil).to(processes.device)
        self.trainer = Trainer(student, loss, batches, recipe.train, processes)

    def provenance(self) -> dict[str, Any]:
        kept = {
            f"teacher {k}": self.teacher_training[k]
            for k in (*PROVENANCE, "from minutes")
            if k in self.teacher_training
        }
        guidance = self.recipe.distil.guidance
        written = ":".join(f"{g:g}" for g in guidance) if isinstance(guidance, tuple) else guidance
        return super().provenance() | kept | {"guidance distilled": written}
