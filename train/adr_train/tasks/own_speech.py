"""One's own recordings in the place of aligned speech."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from adr_runtime.loading import GENERATORS

from adr_train.data.align import OUT, aligned_folder, made_of, unaligned
from adr_train.data.datasets import ALIGNED_SPEECH
from adr_train.errors import TrainError
from adr_train.recipes.recipe import Recipe
from adr_train.tasks.start import is_bundle


def speech_folder(
    dataset: str, data: Path | None, text: Path | None, start: Path | None, tell: Callable[[str], None]
) -> Path | None:
    """A data set's folder; of recordings without alignments the one in it that has them, made where it is missing: by
    the bundle `text`, or else by that of the voice that a run begins from, or the shipped one's. Raises ADRError."""
    if dataset != ALIGNED_SPEECH or data is None or not unaligned(data):
        if text:
            raise TrainError("--text is for recordings without alignments, in a folder with metadata.csv; leave it out")
        return data
    if int(os.environ.get("WORLD_SIZE", 1)) > 1:
        command = f"python -m adr_train.data.align {data}"
        raise TrainError(f"{data}: align it before several processes train, and give {data / OUT}: {command}")
    begun = start if start and is_bundle(start) else None
    return aligned_folder(data, text or begun or GENERATORS["speech"], text is not None, tell)


def of_own_recordings(recipe: Recipe, folder: Path | None) -> Recipe:
    """A recipe of speech as its checkpoints are to tell of it: where the folder was made of one's own recordings,
    nothing of synthetic voices, but what is said of them in the folder's about.json."""
    made = made_of(folder) if folder else {}
    if not made:
        return recipe
    own = {
        "description": "English sentences in voices of one's own, conditioned on phones and their durations",
        "licence": "other (that of the recordings, and of the voice that it began from)",
        "source": "recordings of one's own",
    }
    return replace(recipe, **{**own, **made.get("about", {})})
