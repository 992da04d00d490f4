"""Errors of a bundle of the family "spoken-text" on what it was not trained on: held-out words of the dictionary by the
network alone, and durations of held-out sentences.

    python bench/spoken_text.py bundles/spoken-text --dictionary cmudict.dict --speech data/slt
"""

import argparse
import time
from pathlib import Path

import numpy as np
from adr_runtime.spoken_text.front_end import SpokenText
from adr_train.data import aligned, pronunciations
from adr_train.tasks.phone_errors import error_rates, without_stress


def words(model: SpokenText, dictionary: Path, split: str) -> None:
    data = pronunciations.read(dictionary, split)
    started = time.perf_counter()
    said = [model.pronouncer.network.pronounce(word) for word in data.words]
    taken = (time.perf_counter() - started) / len(said)
    print(f"{len(said)} words of the split {split}, {1000 * taken:.2f} ms a word")
    first = [ways[:1] for ways in data.phones]
    plain = [[without_stress(way) for way in ways] for ways in data.phones]
    for what, answers, known in (
        ("the first pronunciation", said, first), ("any of its pronunciations", said, data.phones),
        ("any, stress apart", [without_stress(answer) for answer in said], plain),
    ):  # fmt: skip
        phones, whole = error_rates(answers, known)
        print(f"  against {what}: phone error {phones:.1%}, word error {whole:.1%}")


def durations(model: SpokenText, speech: Path, split: str) -> None:
    assert model.durations
    data = aligned.read(speech, split)
    real = [np.diff(ends, prepend=0) / data.sample_rate for ends in data.ends]
    told = zip(data.symbols, data.places, data.speakers, strict=True)
    made = [model.durations.seconds(s, p, speaker) for s, p, speaker in told]
    pauses = np.concatenate([[place == 0 and s in "pau,.?!" for s, place in zip(a, b, strict=True)]
                             for a, b in zip(data.symbols, data.places, strict=True)])  # fmt: skip
    error = 1000 * np.abs(np.concatenate(made) - np.concatenate(real))
    typical = 1000 * np.abs(np.concatenate(real) - np.median(np.concatenate(real)[~pauses]))
    print(f"{len(real)} sentences of the split {split}, {len(error)} phones and pauses")
    for what, chosen in (("phones", ~pauses), ("pauses", pauses)):
        mean, plain = error[chosen].mean(), typical[chosen].mean()
        print(f"  {what}: mean absolute error {mean:.1f} ms (the median phone as the answer to all: {plain:.1f} ms)")
    length = [abs(m.sum() - r.sum()) / r.sum() for m, r in zip(made, real, strict=True)]
    print(f"  sentences: length off by {np.mean(length):.1%} on average")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--dictionary", type=Path, help="cmudict.dict")
    parser.add_argument("--speech", type=Path, help="a folder of aligned speech")
    parser.add_argument("--split", default="test")
    options = parser.parse_args()
    model = SpokenText.load(options.bundle)
    if options.dictionary:
        words(model, options.dictionary, options.split)
    if options.speech:
        durations(model, options.speech, options.split)


if __name__ == "__main__":
    main()
