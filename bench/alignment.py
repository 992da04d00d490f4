"""How far the phones and words that an aligner finds are from where aligned speech says that they are.

The phones are those of the speech, without its pauses, which are found anew; or those that the bundle makes of the
text, of which words are compared where both say as many. The last figures are how well sentences fit their own text,
and that of another one.

    python bench/alignment.py bundles/spoken-text --speech data/voices/awb --count 300
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from adr_runtime.errors import ADRError
from adr_runtime.loading import load_front_end
from adr_runtime.spoken_text.front_end import Sentence
from adr_runtime.spoken_text.phones import FIRST, ONLY, PAUSES
from adr_train.data import aligned
from adr_train.data.audio_file import read_audio
from adr_train.data.forced_alignment import Fit, align, slots_of


def without_pauses(row: aligned.Alignment) -> Sentence:
    """The phones of a row between the pauses at its ends."""
    last = len(row.symbols) - 1
    kept = [n for n, symbol in enumerate(row.symbols) if n in (0, last) or symbol not in PAUSES]
    return Sentence(row.text, tuple(row.symbols[n] for n in kept), tuple(row.places[n] for n in kept), ())


def starts(places: Sequence[int], ends: Sequence[int]) -> np.ndarray:
    """Samples at which words begin."""
    begins = [0, *ends[:-1]]
    return np.array([begin for begin, place in zip(begins, places, strict=True) if place in (FIRST, ONLY)])


def phone_ends(symbols: Sequence[str], ends: Sequence[int]) -> np.ndarray:
    return np.array([end for symbol, end in zip(symbols, ends, strict=True) if symbol not in PAUSES])


def told(what: str, errors: list[np.ndarray], rate: int) -> None:
    of = np.abs(np.concatenate(errors)) / rate * 1000
    median, high = np.percentile(of, (50, 90))
    bias = 1000 * np.mean(np.concatenate(errors)) / rate
    print(f"  {what}: median {median:.1f} ms, 90th percentile {high:.1f} ms, mean {bias:+.1f} ms ({len(of)})")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--speech", type=Path, required=True, help="one voice of aligned speech")
    parser.add_argument("--count", type=int, default=300)
    options = parser.parse_args()
    front_end = load_front_end(options.bundle)
    assert front_end.aligner
    rows = aligned.read_alignments(options.speech / aligned.ALIGNMENTS)[: options.count]
    ends, words, words_of_text, fits, strangers = (list[np.ndarray]() for _ in range(5))
    for number, row in enumerate(rows):
        samples = read_audio(aligned.recording(options.speech, row.id), row.rate)
        heard = front_end.aligner.log_probabilities(samples)

        def find(sentences: Sequence[Sentence], heard: np.ndarray = heard, length: int = len(samples)) -> Fit:
            return align(heard, slots_of(sentences), length)

        exact, real = find([without_pauses(row)]), starts(row.places, row.ends)
        ends.append(phone_ends([s.symbol for s in exact.slots], exact.ends) - phone_ends(row.symbols, row.ends))
        words.append(starts([s.place for s in exact.slots], exact.ends) - real)
        try:
            by_text = find(list(front_end.sentences(row.text)))
            found = starts([s.place for s in by_text.slots], by_text.ends)
            if len(found) == len(real):
                words_of_text.append(found - real)
            fits.append(np.array([by_text.log_probability]))
            other = find([without_pauses(rows[number - 1])])
            strangers.append(np.array([other.log_probability]))
        except ADRError:
            continue
    print(f"{options.speech}: {len(rows)} sentences")
    told("ends of phones", ends, row.rate)
    told("starts of words", words, row.rate)
    told(f"starts of words by the text, {len(words_of_text)} sentences", words_of_text, row.rate)
    for what, values in (("its text", fits), ("the text before", strangers)):
        low, median, high = np.percentile(np.concatenate(values), (1, 50, 99))
        print(f"  nats a frame of {what}: {low:.2f}, {median:.2f}, {high:.2f} (1st, 50th, 99th percentile)")


if __name__ == "__main__":
    main()
