"""Sentences as tokens of a codec or a vocoder, made once and kept beside the recordings.

`latents-{codec}.safetensors` in the data's folder holds, under `voice/id`, a float16 tensor (tokens, channels) for each
sentence, so that whoever has it needs no recordings. Another codec has another file, and so have a vocoder's axes. The
file's metadata says what each was made of (`source`), where it was written by a version that knows it.
"""

import hashlib
import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from adr_models.checkpoint import read_tensors
from adr_models.tokens.codec import CodecTokens
from adr_models.tokens.vocoder import VocoderTokens
from adr_runtime.spoken_text.controls import token_count
from adr_runtime.spoken_text.durations import IS_PAUSE
from safetensors import safe_open
from torch import Tensor

from adr_train.data.audio_file import read_audio
from adr_train.data.types import AlignedSpeech
from adr_train.data.vocoder import frame_values
from adr_train.errors import TrainError
from adr_train.keeping import keep
from adr_train.waiting import counted

# The part of the pauses around sentences that are made longer, and by how many seconds at most: those of a synthesiser
# are all alike, and whoever asks for longer ones shall get silence.
LONGER, MOST_SECONDS = 0.2, 1.0
TOGETHER = 32
# Sentences of which a vocoder's axes are measured; and what is counted up when recordings are taken apart otherwise.
FITTED, ANALYSIS = 400, 1

SpokenTokens = CodecTokens | VocoderTokens


def sentence_seconds(data: AlignedSpeech, number: int) -> np.ndarray:
    """How long each phone and pause of a sentence takes, float64 (symbols,), with what is added to its pauses."""
    seconds = np.diff(data.ends[number], prepend=0) / data.sample_rate
    before, after = added(data, number)
    seconds[0] += before / data.sample_rate
    seconds[-1] += after / data.sample_rate
    return seconds


def added(data: AlignedSpeech, number: int) -> tuple[int, int]:
    """Samples of silence before and after a sentence, which depend on its name alone."""
    name = hashlib.sha256(sentence_name(data, number).encode()).digest()
    random = np.random.default_rng(int.from_bytes(name[:8], "big"))
    draws = np.where(random.random(2) < LONGER, random.random(2) * MOST_SECONDS, 0.0)
    paused = [data.symbols[number][place] in IS_PAUSE for place in (0, -1)]
    before, after = (int(draw * data.sample_rate * pause) for draw, pause in zip(draws, paused, strict=True))
    return before, after


def sentence_name(data: AlignedSpeech, number: int) -> str:
    return f"{data.speakers[number]}/{data.files[number].stem}"


def sentence_tokens(data: AlignedSpeech, number: int, hop: int) -> int:
    return token_count(float(sentence_seconds(data, number).sum()), hop / data.sample_rate)


def fit_vocoder(data: AlignedSpeech, tokens: VocoderTokens, loudness: float | None) -> None:
    """Measures the vocoder's axes, in place, on sentences from all over the data, or reads them from the file beside
    it, `axes-{what they are of}.safetensors`. Raises ADRError."""
    chosen = range(0, len(data.texts), max(len(data.texts) // FITTED, 1))
    told = json.dumps([ANALYSIS, asdict(tokens.config), loudness, [sentence_name(data, number) for number in chosen]])
    path = data.folder / f"axes-{hashlib.sha256(told.encode()).hexdigest()[:12]}.safetensors"
    if path.is_file():
        kept = read_tensors(path)
        if {k: v.shape for k, v in kept.items()} != {k: v.shape for k, v in tokens.state_dict().items()}:
            raise TrainError(f"{path}: axes of another vocoder; delete the file")
        tokens.load_state_dict(kept)
        return
    tokens.fit(torch.cat([vocoded(data, number, tokens, loudness) for number in chosen]))
    keep(path, tokens.state_dict())


def sentence_latents(data: AlignedSpeech, tokens: SpokenTokens, loudness: float | None) -> list[Tensor]:
    """Every sentence's tokens, float16 (tokens, channels) on the CPU: from the file beside the data, or made by the
    codec on its device or by the vocoder, and kept. Raises ADRError."""
    path = data.folder / f"latents-{fingerprint(tokens, loudness)}.safetensors"
    kept = read_tensors(path) if path.is_file() else {}
    made_of = read_metadata(path) if path.is_file() else {}
    names = [sentence_name(data, number) for number in range(len(data.texts))]
    sources = [source(data, number) for number in range(len(data.texts))]
    missing = [number for number, name in enumerate(names) if name not in kept]
    if missing:
        kept |= {names[number]: latents for number, latents in made(data, tokens, loudness, missing).items()}
        made_of |= {names[number]: sources[number] for number in missing}
        keep(path, kept, made_of)
    for number, name in enumerate(names):
        fits = kept[name].shape == (sentence_tokens(data, number, tokens.hop), tokens.channels)
        if not fits or not made_of.get(name, sources[number]).startswith(sources[number]):
            raise TrainError(f"{path}: its {name} is of other recordings; delete the file")
    return [kept[name] for name in names]


def read_metadata(path: Path) -> dict[str, str]:
    with safe_open(path, "pt") as file:
        return dict(file.metadata() or {})


def source(data: AlignedSpeech, number: int) -> str:
    """What tells a sentence's alignment, as far as latents depend on it, from others, and then its recording where that
    is there."""
    pauses = [symbol in IS_PAUSE for symbol in data.symbols[number]]
    aligned = json.dumps([data.sample_rate, pauses, data.ends[number].tolist()])
    file, told = data.files[number], hashlib.sha256(aligned.encode()).hexdigest()
    try:
        return told + (hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else "")
    except OSError as error:
        raise TrainError(f"{file}: not a readable sound file: {error}") from error


def fingerprint(tokens: SpokenTokens, loudness: float | None) -> str:
    """What tells latents of one codec from those of another: its encoder and normalisation, and the loudness; not what
    decoding alone takes."""
    told = hashlib.sha256(json.dumps([asdict(tokens.config), loudness]).encode())
    for name, tensor in sorted(tokens.state_dict().items()):
        if not name.startswith("decoder.") and name != "bounds":
            told.update(name.encode() + tensor.detach().cpu().contiguous().numpy().tobytes())
    return told.hexdigest()[:12]


def made(data: AlignedSpeech, tokens: SpokenTokens, loudness: float | None, numbers: list[int]) -> dict[int, Tensor]:
    if isinstance(tokens, CodecTokens):
        return encode(data, tokens, loudness, numbers)
    found = dict[int, Tensor]()
    for number in counted(numbers, "recordings taken apart"):
        found[number] = tokens.encode(vocoded(data, number, tokens, loudness)[None])[0].half().cpu()
    return found


def vocoded(data: AlignedSpeech, number: int, tokens: VocoderTokens, loudness: float | None) -> Tensor:
    """What the vocoder says of a sentence: float32 (tokens * stride, values) on its device."""
    samples = torch.zeros(sentence_tokens(data, number, tokens.hop) * tokens.hop)
    clip, (before, _) = sentence_samples(data, number, loudness), added(data, number)
    samples[before : before + len(clip)] = torch.from_numpy(clip)
    return torch.from_numpy(frame_values(samples.numpy(), tokens.config)).to(tokens.mean.device)


@torch.no_grad()
def encode(data: AlignedSpeech, tokens: CodecTokens, loudness: float | None, numbers: list[int]) -> dict[int, Tensor]:
    """Some sentences' tokens by their numbers. Those of much the same length go together: the codec is causal, so that
    the silence behind the shorter ones changes nothing before it."""
    hop, found = tokens.hop, dict[int, Tensor]()
    device = next(tokens.parameters()).device
    numbers = sorted(numbers, key=lambda number: sentence_tokens(data, number, hop))
    for first in range(0, len(numbers), TOGETHER):
        chosen = numbers[first : first + TOGETHER]
        counts = [sentence_tokens(data, number, hop) for number in chosen]
        samples = torch.zeros(len(chosen), max(counts) * hop)
        for row, number in enumerate(chosen):
            clip, (before, _) = sentence_samples(data, number, loudness), added(data, number)
            samples[row, before : before + len(clip)] = torch.from_numpy(clip)
        latents = tokens.encode(samples.to(device)).half().cpu()
        for row, (number, count) in enumerate(zip(chosen, counts, strict=True)):
            found[number] = latents[row, :count].clone()
    return found


def sentence_samples(data: AlignedSpeech, number: int, loudness: float | None) -> np.ndarray:
    """A recording float32 (samples,), whose phones (its pauses left out) have the root mean square `loudness`, or as
    near as a peak of 1 allows. Raises TrainError where it is not as long as its alignment says."""
    clip, ends = read_audio(data.files[number], data.sample_rate), data.ends[number]
    if len(clip) != ends[-1]:
        raise TrainError(f"{data.files[number]}: {len(clip)} samples, but the alignment ends at {ends[-1]}")
    if not loudness:
        return clip
    spoken = np.repeat([symbol not in IS_PAUSE for symbol in data.symbols[number]], np.diff(ends, prepend=0))
    heard, peak = clip[spoken], float(np.abs(clip).max())
    rms = float(np.sqrt(np.mean(np.square(heard)))) if len(heard) else 0.0
    return clip * np.float32(min(loudness / rms, 1 / peak)) if rms else clip
