"""Analysis by synthesis (Atal and Remde 1982): what a vocoder says of recordings, changed until they sound like it.

What WORLD finds would be best for WORLD's own synthesis. Ours has other pulses and other noise, and tokens keep but a
part of what is found: so the frames are gone on with by gradient descent through tokens and synthesis, towards the
spectra of the recording. Its phases, which no vocoder keeps, count for nothing.
"""

import hashlib
import json
from pathlib import Path

import numpy as np
import torch
from adr_models.checkpoint import read_tensors
from adr_models.tokens.vocoder import VocoderTokens
from adr_runtime.media.atomic import write_atomic
from adr_runtime.terminal.cache import default_cache
from safetensors.torch import save
from torch import Tensor
from torch.nn import functional as F

from adr_train.tasks.codec_losses import SpectralLoss
from adr_train.tasks.latents import fingerprint
from adr_train.waiting import counted

# Clips that are changed together, and the step size and betas of Adam: few steps, each of which knows the last ones.
TOGETHER, RATE, BETAS = 32, 0.01, (0.8, 0.95)
# Counted up when frames are changed otherwise.
VERSION = 1


def by_synthesis(
    clips: list[np.ndarray], frames: list[Tensor], silent: Tensor, tokens: VocoderTokens, steps: int,
    cache: Path | None = None,
) -> list[Tensor]:  # fmt: skip
    """Frames (frames, values) of clips float32 (samples,) -> frames of the same shapes, after so many steps. `silent`
    (values,) is a frame of silence. They are kept in the cache, by what went in: the user's unless one is given."""
    told = hashlib.sha256(json.dumps([VERSION, steps, fingerprint(tokens, None)]).encode())
    for clip in clips:
        told.update(np.int64(len(clip)).tobytes() + clip.tobytes())
    path = (cache or default_cache()) / f"by-synthesis-{told.hexdigest()[:16]}.safetensors"
    found = read_tensors(path) if path.is_file() else {}
    path.parent.mkdir(parents=True, exist_ok=True)
    # Those of much the same length together, which need little padding.
    order = np.argsort([len(rows) for rows in frames], kind="stable")
    missing = [number for number in order.tolist() if str(number) not in found]
    for first in counted(range(0, len(missing), TOGETHER), "parts of the recordings changed by synthesis"):
        chosen = missing[first : first + TOGETHER]
        changed = descend([clips[i] for i in chosen], [frames[i] for i in chosen], silent, tokens, steps)
        found |= {str(number): rows for number, rows in zip(chosen, changed, strict=True)}
        # Each time, so that whoever has no more patience loses nothing.
        keep(path, found)
    return [found[str(number)] for number in range(len(frames))]


def keep(path: Path, tensors: dict[str, Tensor]) -> None:
    write_atomic(path, lambda temporary: temporary.write_bytes(save(tensors)))


def descend(
    clips: list[np.ndarray], frames: list[Tensor], silent: Tensor, tokens: VocoderTokens, steps: int
) -> list[Tensor]:
    """`by_synthesis` of some clips at once. From step to step, tokens begin at another frame: what is found must not
    depend on where in a token it lies."""
    stride, hop = tokens.config.stride, tokens.config.hop
    longest = max(map(len, frames))
    length = longest + stride + -longest % stride
    rows, samples = silent.repeat(len(frames), length, 1), torch.zeros(len(frames), length * hop)
    for row, (clip, values) in enumerate(zip(clips, frames, strict=True)):
        rows[row, : len(values)] = values
        samples[row, : len(clip)] = torch.from_numpy(clip)
    change = torch.zeros_like(rows, requires_grad=True)
    optimizer = torch.optim.Adam([change], RATE, BETAS)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    distance = SpectralLoss(tokens.config.sample_rate)
    for step in range(steps):
        before = step % stride
        around = silent.expand(len(rows), stride, -1)
        moved = torch.cat([around[:, :before], rows + change, around[:, before:]], 1)
        made, _ = tokens.decode(tokens.encode(moved), tokens.initial_state(len(rows)))
        loss = distance(made[:, before * hop :], F.pad(samples, (0, (stride - before) * hop)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    changed = (rows + change).detach()
    return [changed[row, : len(values)].clone() for row, values in enumerate(frames)]
