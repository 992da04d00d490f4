"""One's own recordings in the place of aligned speech."""

from collections.abc import Callable
from pathlib import Path

from adr_runtime.loading import GENERATORS

from adr_train.data.align import aligned_folder, unaligned
from adr_train.data.datasets import ALIGNED_SPEECH
from adr_train.errors import TrainError
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
    begun = start if start and is_bundle(start) else None
    return aligned_folder(data, text or begun or GENERATORS["speech"], text is not None, tell)
