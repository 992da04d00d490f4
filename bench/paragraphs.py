"""Whether a voice skips or repeats words of long texts, as an aligner hears it.

Paragraphs of a text are spoken, and the phones of their words are laid over the sound. Then every word is left out from
between its neighbours, and said twice there: where one of these explains the same frames better than the word said once
does, by a margin in nats, the word counts as skipped or repeated. How much of that is found is told by paragraphs of
which one word was really left out, or really said twice, before they were spoken.

    python bench/paragraphs.py bundles/voice --text book.txt --count 100
"""

import argparse
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import adr_runtime
import numpy as np
from adr_runtime.errors import ADRError
from adr_runtime.loading import load_front_end
from adr_runtime.spoken_text.aligner import HOP, RATE
from adr_runtime.spoken_text.front_end import SpokenText
from adr_runtime.spoken_text.phones import BREAK, FIRST, INSIDE, LAST, ONLY
from adr_train.data.forced_alignment import Slot, align, likeliest_path, slots_of, states_of
from adr_train.errors import TrainError

PAUSE = Slot(BREAK, INSIDE, True)


@dataclass(frozen=True)
class HeardWord:
    """The slots of a word, and the frames that it was laid over."""

    slots: tuple[Slot, ...]
    first: int
    end: int


def heard_words(front_end: SpokenText, text: str, heard: np.ndarray, samples: int) -> list[HeardWord]:
    """Every word of a text where it was said. Raises TrainError where the sound is too short for it."""
    fit = align(heard, slots_of(list(front_end.sentences(text))), samples)
    frames = np.round(np.array([0, *fit.ends]) / HOP).astype(int)
    words = list[HeardWord]()
    for number, slot in enumerate(fit.slots):
        if slot.place in (FIRST, ONLY):
            begin = number
        if slot.place in (LAST, ONLY):
            words.append(HeardWord(tuple(fit.slots[begin : number + 1]), int(frames[begin]), int(frames[number + 1])))
    return words


def likelihood(heard: np.ndarray, words: Sequence[HeardWord]) -> float:
    """Nats by which these words, with pauses perhaps between them, explain the frames."""
    slots = [slot for word in words for slot in (PAUSE, *word.slots)][1:]
    try:
        states = states_of(slots)
        path = likeliest_path(heard, states)
    except TrainError:
        return -np.inf
    return float(heard[np.arange(len(path)), states.sounds[path]].sum())


def faults(front_end: SpokenText, text: str, samples: np.ndarray, margin: float) -> tuple[list[int], list[int], int]:
    """The words that were skipped and those that were repeated, by their numbers, and how many there are."""
    assert front_end.aligner
    heard = front_end.aligner.log_probabilities(samples)
    words = heard_words(front_end, text, heard, len(samples))
    skipped, repeated = list[int](), list[int]()
    for number in range(1, len(words) - 1):
        before, word, after = words[number - 1 : number + 2]
        part = heard[before.first : after.end]
        once = likelihood(part, (before, word, after))
        if likelihood(part, (before, after)) > once + margin:
            skipped.append(number)
        if likelihood(part, (before, word, word, after)) > once + margin:
            repeated.append(number)
    return skipped, repeated, len(words)


def paragraphs(path: Path, count: int, least: int, most: int) -> list[str]:
    """Paragraphs of so many words at least and at most, evenly spread over the text."""
    parts = [" ".join(part.split()) for part in re.split(r"\n\s*\n", path.read_text(encoding="utf-8"))]
    fit = [part for part in parts if least <= len(part.split()) <= most]
    return [fit[i] for i in np.linspace(0, len(fit) - 1, min(count, len(fit))).round().astype(int)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle")
    parser.add_argument("--text", type=Path, required=True, help="paragraphs, with empty lines between them")
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--words", type=int, nargs=2, default=(40, 120), help="of a paragraph, at least and at most")
    parser.add_argument("--margin", type=float, default=8.0, help="nats that another reading has to be ahead by")
    parser.add_argument("--steps", type=int)
    options = parser.parse_args()
    model, front_end = adr_runtime.AudioModel.load(options.bundle, "cpu", 1), load_front_end(options.bundle)
    if not front_end.aligner or model.sample_rate != RATE:
        raise SystemExit(f"{options.bundle}: takes a voice at {RATE} Hz with an aligner (adr-export --aligner)")
    random = np.random.default_rng(0)

    def speak(text: str, number: int) -> np.ndarray:
        voice = model.speakers[number % len(model.speakers)]
        return np.concatenate([c[0] for c in model.speak(text, speaker=voice, steps=options.steps, seed=number)])

    total, tried, faulty, found = 0, 0, np.zeros(2, int), np.zeros(2, int)
    texts = paragraphs(options.text, options.count, *options.words)
    for number, text in enumerate(texts):
        words = text.split()
        plain = [i for i, word in enumerate(words) if word.isalpha() and 0 < i < len(words) - 1]
        try:
            skipped, repeated, count = faults(front_end, text, speak(text, number), options.margin)
            place = random.choice(plain)
            without, twice = (" ".join([*words[:place], *[words[place]] * n, *words[place + 1 :]]) for n in (0, 2))
            left_out = faults(front_end, text, speak(without, number), options.margin)[0]
            said_twice = faults(front_end, text, speak(twice, number), options.margin)[1]
        except (ADRError, ValueError) as error:
            print(f"{number}: {error}; goes on", flush=True)
            continue
        total, tried, faulty = total + count, tried + 1, faulty + [bool(skipped), bool(repeated)]
        if skipped or repeated:
            print(f"{number}: skipped {skipped}, repeated {repeated}", flush=True)
        # What is said of the whole paragraph too is not found.
        found += [bool(set(left_out) - set(skipped)), bool(set(said_twice) - set(repeated))]
    print(f"{tried} paragraphs, {total} words: {faulty[0]} with skipped words, {faulty[1]} with repeated ones")
    print(f"where one word was really left out: {found[0]} of {tried} found; really said twice: {found[1]}")


if __name__ == "__main__":
    main()
