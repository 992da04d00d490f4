"""Analysis by synthesis (Atal and Remde 1982): what a vocoder says of recordings, changed until they sound like it.

What WORLD finds would be best for WORLD's own synthesis. Ours has other pulses and other noise, and tokens keep but a
part of what is found: so the frames are gone on with by gradient descent through tokens and synthesis, towards the
spectra of the recording. Its phases, which no vocoder keeps, count for nothing.
"""

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from adr_models import ADRConfig
from adr_models.checkpoint import CheckpointConfig, CheckpointError, read_tensors
from adr_models.tokens.vocoder import VocoderTokens
from adr_runtime.terminal.cache import default_cache
from torch import Tensor
from torch.nn import functional as F

from adr_train.data.datasets import ALIGNED_SPEECH
from adr_train.errors import TrainError
from adr_train.keeping import keep
from adr_train.recipes.recipe import ModelConfig, Recipe
from adr_train.tasks.codec_losses import SpectralLoss
from adr_train.tasks.latents import fingerprint
from adr_train.waiting import counted

# Clips, and frames of them and of the padding behind them, that are changed together, where there are several.
TOGETHER, FRAMES = 32, 8192
# The step size and betas of Adam: few steps, each of which knows the last ones.
RATE, BETAS = 0.01, (0.8, 0.95)
# Counted up when the same frames are changed otherwise: here, by the loss, or because tokens are decoded otherwise.
VERSION = 1


def check_by_synthesis(recipe: Recipe, model: ModelConfig) -> None:
    """Raises TrainError where a recipe asks for what this is not for."""
    clips = isinstance(model, ADRConfig) and model.vocoder and recipe.dataset != ALIGNED_SPEECH
    if recipe.train.by_synthesis and not clips:
        raise TrainError(f"{recipe.name}: train.by_synthesis is for clips as a vocoder has them")


def with_frames_of(recipe: Recipe, saved: CheckpointConfig) -> Recipe:
    """The recipe with as many steps as the run had that it goes on from or learns from."""
    return replace(recipe, train=replace(recipe.train, by_synthesis=saved.train.get("by_synthesis", 0)))


def by_synthesis(
    clips: list[np.ndarray], frames: list[Tensor], silent: Tensor, tokens: VocoderTokens, steps: int,
    cache: Path | None = None,
) -> list[Tensor]:  # fmt: skip
    """Frames float32 (frames, values) of clips float32 (samples,) at the tokens' sample rate -> frames of the same
    shapes, after so many steps; all on the CPU. `silent` float32 (values,) is a frame of silence.

    They are kept in the cache, the user's unless one is given, in a file for each part of the clips, called by a hash
    of all that went in. Raises TrainError where it cannot be written, and where several processes train and something
    is missing."""
    folder = (cache or default_cache()) / "by-synthesis"
    beside = json.dumps([VERSION, steps, fingerprint(tokens, None)]).encode() + content(tokens.bounds, silent)
    changed: list[Tensor] = [silent] * len(frames)
    for chosen in counted(list(parts([len(rows) for rows in frames])), "parts of the recordings changed by synthesis"):
        heard, found = [clips[i] for i in chosen], [frames[i] for i in chosen]
        sounds = (torch.from_numpy(np.ascontiguousarray(clip)) for clip in heard)
        name = hashlib.sha256(beside + content(*sounds, *found)).hexdigest()[:24]
        rows = kept(folder / f"{name}.safetensors", found)
        if rows is None:
            if int(os.environ.get("WORLD_SIZE", 1)) > 1:
                raise TrainError(
                    f"{folder}: begin this run as one process first, until its first step: what a vocoder says of the "
                    "recordings has still to be changed by synthesis"
                )
            rows = descend(heard, found, silent, tokens, steps)
            keep(folder / f"{name}.safetensors", {str(i): values for i, values in enumerate(rows)})
        for number, values in zip(chosen, rows, strict=True):
            changed[number] = values
    return changed


def parts(lengths: list[int]) -> Iterator[list[int]]:
    """Numbers of clips of much the same length, which need little padding."""
    part: list[int] = []
    for number in np.argsort(lengths, kind="stable").tolist():
        if part and (len(part) == TOGETHER or (len(part) + 1) * lengths[number] > FRAMES):
            yield part
            part = []
        part.append(number)
    if part:
        yield part


def content(*tensors: Tensor) -> bytes:
    """Shapes and values, for a hash."""
    return b"".join(json.dumps(list(t.shape)).encode() + t.contiguous().numpy().tobytes() for t in tensors)


def kept(path: Path, frames: list[Tensor]) -> list[Tensor] | None:
    """What a file has in the place of frames; None where there is none, or one that is damaged."""
    try:
        found = read_tensors(path) if path.is_file() else {}
    except CheckpointError:
        return None
    rows = [found[str(i)] for i in range(len(frames)) if str(i) in found]
    return rows if [values.shape for values in rows] == [values.shape for values in frames] else None


def descend(
    clips: list[np.ndarray], frames: list[Tensor], silent: Tensor, tokens: VocoderTokens, steps: int
) -> list[Tensor]:
    """`by_synthesis` of some clips at once. From step to step, tokens begin at another frame: what is found must not
    depend on where in a token it lies. The silence around a clip stays silence, as it is in batches."""
    stride, hop = tokens.config.stride, tokens.config.hop
    distance = SpectralLoss(tokens.config.sample_rate)
    # The longest window is reflected at both ends.
    longest = max(*map(len, frames), max(distance.windows) // (2 * hop))
    length = longest + stride + -longest % stride
    rows, samples = silent.repeat(len(frames), length, 1), torch.zeros(len(frames), length * hop)
    own = torch.zeros(len(frames), length, 1)
    for row, (clip, values) in enumerate(zip(clips, frames, strict=True)):
        rows[row, : len(values)], own[row, : len(values)] = values, 1
        samples[row, : len(clip)] = torch.from_numpy(clip)
    change = torch.zeros_like(rows, requires_grad=True)
    optimizer = torch.optim.Adam([change], RATE, BETAS)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    around = silent.expand(len(rows), stride, -1)
    for step in range(steps):
        before = step % stride
        moved = torch.cat([around[:, :before], rows + own * change, around[:, before:]], 1)
        made, _ = tokens.decode(tokens.encode(moved), tokens.initial_state(len(rows)))
        loss = distance(made[:, before * hop :], F.pad(samples, (0, (stride - before) * hop)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    changed = (rows + own * change).detach()
    return [changed[row, : len(values)].clone() for row, values in enumerate(frames)]
