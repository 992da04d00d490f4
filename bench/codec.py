"""Tokens of sound alone, on real clips that nothing was trained on: what is lost before any model says a word.

    python bench/codec.py runs/speech-digits runs/codec --data fsdd --by-synthesis 40 --opus 12 24

For runs of models of sound or of codecs, and for Opus at some kbit/s (Debian's opus-tools): the part of the words that
the judges of adr-eval find right, the mean absolute difference of log mel bands, and PESQ (ITU-T P.862, narrow band;
needs `pip install pesq`) of clips of half a second or more in which it finds speech.
"""

import argparse
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import soundfile
import torch
from adr_export.checkpoint import load_checkpoint
from adr_models import ADRModel
from adr_models.checkpoint import find_checkpoint, read_config, read_tensors
from adr_models.tokens.codec import CodecConfig, CodecTokens
from adr_models.tokens.geometry import PictureTokens, Tokens
from adr_models.tokens.vocoder import VocoderTokens
from adr_runtime.media.spectrogram import mel_spectrogram
from adr_runtime.terminal.cache import default_cache
from adr_train.data.resample import resampled, resampler
from adr_train.data.types import AudioClips, level
from adr_train.evaluation.evaluator import Evaluator
from adr_train.evaluation.labelled import LOUDNESS
from adr_train.tasks.batches import encodable
from adr_train.tasks.by_synthesis import by_synthesis


def of_run(folder: Path, steps: int, cache: Path) -> Callable[[AudioClips], AudioClips]:
    """To the tokens of a run and back, at their own rate in between; a vocoder's after so many steps by synthesis."""
    checkpoint = find_checkpoint(folder)
    saved = read_config(checkpoint)
    if saved.kind == "codec":
        tokens: Tokens = CodecTokens(CodecConfig(**saved.model))
        tokens.load_state_dict(read_tensors(checkpoint / "model.safetensors"))
    else:
        model, _ = load_checkpoint(checkpoint)
        assert isinstance(model, ADRModel)
        tokens = model.tokens
    assert not isinstance(tokens, PictureTokens)
    step = tokens.config.stride if isinstance(tokens, VocoderTokens) else tokens.hop

    def there_and_back(data: AudioClips) -> AudioClips:
        heard, made = resampled(data, tokens.config.sample_rate), list[np.ndarray]()
        pieces, silent = encodable(heard, tokens)
        if steps and isinstance(tokens, VocoderTokens):
            pieces = by_synthesis(heard.clips, pieces, silent, tokens, steps, cache)
        for clip, piece in zip(heard.clips, pieces, strict=True):
            # And one more token, which brings what is decoded late.
            missing = -len(piece) % step + step * (tokens.delay > 0)
            whole = torch.cat([piece, silent.expand(missing, *piece.shape[1:])])
            with torch.no_grad():
                samples, _ = tokens.decode(tokens.encode(whole[None]), tokens.initial_state(1))
            made.append(samples[0, tokens.delay :][: len(clip)].numpy())
        return resampled(replace(heard, clips=made), data.sample_rate)

    return there_and_back


def opus(kilobits: int) -> Callable[[AudioClips], AudioClips]:
    """Each clip alone, by opusenc and opusdec."""

    def there_and_back(data: AudioClips) -> AudioClips:
        made, rate = list[np.ndarray](), data.sample_rate
        with tempfile.TemporaryDirectory() as folder:
            clip_file, packed, back = (Path(folder) / name for name in ("a.wav", "a.opus", "b.wav"))
            for clip in data.clips:
                soundfile.write(clip_file, clip, rate, "PCM_16")
                subprocess.run(["opusenc", "--quiet", "--bitrate", str(kilobits), clip_file, packed], check=True)
                subprocess.run(["opusdec", "--quiet", packed, back], check=True)
                samples, decoded = soundfile.read(back, dtype="float32")
                samples = samples if decoded == rate else resampler(decoded, rate)(samples)
                made.append(np.pad(samples, (0, max(len(clip) - len(samples), 0)))[: len(clip)])
        return replace(data, clips=made)

    return there_and_back


def quality(clip: np.ndarray, made: np.ndarray, rate: int) -> float | None:
    """PESQ, or None of a clip in which it finds no utterance."""
    from pesq import PesqError, pesq

    score = float(pesq(rate, clip, made, "nb", on_error=PesqError.RETURN_VALUES))
    return score if score > 0 else None


def distance(clip: np.ndarray, made: np.ndarray, rate: int) -> float:
    """Decibels."""
    count = max(len(clip) * 100 // rate, 1)
    a, b = (np.maximum(mel_spectrogram(samples, rate, count, 40), -60) for samples in (clip, made))
    return float(np.abs(a - b).mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path, nargs="*")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--dataset", default="fsdd")
    parser.add_argument("--split", default="test")
    parser.add_argument("--opus", type=int, nargs="*", default=[], help="kbit/s")
    parser.add_argument("--by-synthesis", type=int, default=0, help="steps, for vocoders")
    parser.add_argument("--cache", type=Path, default=default_cache())
    given = parser.parse_args()
    evaluator = Evaluator(given.dataset, given.data, given.split, given.cache)
    assert isinstance(evaluator.real, AudioClips)
    data = level(evaluator.real, LOUDNESS)
    ways: dict[str, Callable[[AudioClips], AudioClips]] = {"the recordings": lambda clips: clips}
    ways |= {str(folder): of_run(folder, given.by_synthesis, given.cache) for folder in given.runs}
    ways |= {f"Opus, {k} kbit/s": opus(k) for k in given.opus}
    for name, way in ways.items():
        made, rate = way(data), data.sample_rate
        pairs = list(zip(data.clips, made.clips, strict=True))
        figures = evaluator.measure(made.clips, data.labels)
        found = [quality(a, b, rate) for a, b in pairs if len(a) >= rate // 2]
        scores = [score for score in found if score is not None]
        mel = np.mean([distance(a, b, rate) for a, b in pairs])
        print(
            f"{name}: right {figures['accuracy']:.1%}, worst label {figures['worst_label']:.1%}, Frechet distance "
            f"{figures['frechet_distance']:.2f}; mel distance {mel:.2f} dB; PESQ {np.mean(scores):.2f} "
            f"({len(scores)} clips)",
            flush=True,
        )


if __name__ == "__main__":
    main()
