"""Dictionaries and aligned speech, from files to bundles, by the installed commands; flite where it is installed."""

import json

import numpy as np
import pytest
import soundfile
import torch
from adr_runtime.errors import ADRError
from adr_runtime.spoken_text.front_end import SpokenText
from adr_runtime.spoken_text.phones import FIRST, INDEX, INSIDE, LAST, PHONES
from adr_train.data import aligned, flite, pronunciations, synthetic_speech
from adr_train.data.synthesiser import Segment, Spoken
from adr_train.data.types import Pronunciations
from adr_train.errors import TrainError
from adr_train.tasks.durations import SentenceBatches
from adr_train.tasks.letters import NUMBER, WordBatches
from adr_train.tasks.phone_errors import edit_distance, error_rates, without_stress

DICTIONARY = """;;; a comment
a AH0
a(2) EY1
cat K AE1 T # an animal
don't D OW1 N T
a.m. EY2 EH1 M
"""


@pytest.fixture
def dictionary(tmp_path):
    """A dictionary of 600 made-up words whose phones follow from their letters."""
    sounds = dict(zip("bdklmnaeio", ("B", "D", "K", "L", "M", "N", "AE1", "EH0", "IH1", "OW0"), strict=True))
    random = np.random.default_rng(0)
    words = {"".join(random.choice(list(sounds), random.integers(2, 8))) for _ in range(600)}
    lines = [f"{word} {' '.join(sounds[letter] for letter in word)}" for word in sorted(words)]
    path = tmp_path / "cmudict.dict"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_the_dictionary_is_read_as_it_is_published(tmp_path):
    (tmp_path / "cmudict.dict").write_text(DICTIONARY)
    entries = pronunciations.read_all(tmp_path / "cmudict.dict")
    assert entries["a"] == (("AH0",), ("EY1",)) and entries["cat"] == (("K", "AE1", "T"),)
    parts = [pronunciations.read(tmp_path, split) for split in ("train", "validation", "test")]
    assert sorted(word for part in parts for word in part.words) == ["a", "cat", "don't"]
    for bad in ("cat K AE1 XX", "cat", "cat  ", "cat k ae1 t"):
        (tmp_path / "bad.dict").write_text(f"a AH0\n{bad}\n")
        with pytest.raises(TrainError, match=r"bad\.dict:2: expected a word and its phones"):
            pronunciations.read(tmp_path / "bad.dict", "train")
    with pytest.raises(TrainError, match="cannot read"):
        pronunciations.read(tmp_path / "none.dict", "train")


def test_splits_of_words_are_of_the_sizes_that_are_told(dictionary):
    sizes = {split: len(pronunciations.read(dictionary, split).words) for split in ("train", "validation", "test")}
    total = sum(sizes.values())
    assert 0.02 < sizes["test"] / total < 0.09 and 0.003 < sizes["validation"] / total < 0.05


def test_edit_distance_is_that_of_a_search():
    def search(a, b):
        if not a or not b:
            return len(a) + len(b)
        return min(search(a[1:], b) + 1, search(a, b[1:]) + 1, search(a[1:], b[1:]) + (a[0] != b[0]))

    random = np.random.default_rng(0)
    for _ in range(40):
        a, b = (tuple(random.choice(PHONES[:4], random.integers(0, 6))) for _ in range(2))
        assert edit_distance(a, b) == search(a, b)
    known = [[("K", "AE1", "T"), ("K", "AH0", "T")], [("D", "AO1", "G")]]
    assert error_rates([("K", "AH0", "T"), ("D", "G")], known) == (1 / 6, 0.5)
    assert without_stress(("K", "AE1")) == ("K", "AE")


def test_word_batches_hold_what_fits():
    data = Pronunciations(("cat", "a", "w"), ((("K", "AE1", "T"),), (("AH0",), ("EY1",)), (("K",) * 4,)))
    batch = WordBatches(data, 3, seed=0).at(0)
    assert len(WordBatches(data, 3, seed=0).pairs) == 3  # w, with four equal phones, does not fit its six slots.
    rows = {tuple(phones[:count].tolist()) for phones, count in zip(batch.phones, batch.counts, strict=True)}
    assert rows == {(NUMBER["K"], NUMBER["AE1"], NUMBER["T"]), (NUMBER["AH0"],), (NUMBER["EY1"],)}
    assert batch.mask.sum(1).tolist() == [len(row[row != 29]) for row in batch.tokens]
    assert torch.equal(batch.ended, ~batch.mask)


def spoken(text):
    """What a voice might make of a text: a pause, two words of two phones, a pause."""
    names = [("pau", None, 0), ("hh", 0, 0), ("ax", 0, 0), ("l", 1, 1), ("ow", 1, 1), ("pau", None, 0)]
    segments = tuple(Segment(name, 0.1 * (i + 1), bool(stress), word) for i, (name, word, stress) in enumerate(names))
    samples = (np.sin(np.arange(9600 + len(text)) / 9) * 9000).astype(np.int16)
    return Spoken(samples, 16000, segments, ("a", "low"))


@pytest.fixture
def voice(monkeypatch):
    """Stands in flite's place, and counts what it is asked."""
    asked = []

    class Voice:
        def __init__(self, name):
            self.name = name

        def speak(self, text):
            asked.append(text)
            return spoken(text)

    monkeypatch.setattr(flite, "FliteVoice", Voice)
    return asked


BOOK = "It was late. Who came in then? Nobody knows that now! Ünïcode is left out here. No.\n" + "".join(
    f"Sentence {number} of the book has words. " for number in range(40)
)


def test_speech_is_made_once_and_gone_on_with(voice, tmp_path):
    (tmp_path / "book.txt").write_text(BOOK)
    texts = synthetic_speech.sentences([tmp_path / "book.txt"])
    assert len(texts) == 43 and "Who came in then?" in texts
    folder = tmp_path / "slt"
    list(synthetic_speech.make(texts, "slt", folder, minutes=0.1))
    assert len(voice) == 10  # of 0.6 seconds each
    lines = (folder / "alignments.jsonl").read_bytes()
    # As a killed run leaves it.
    (folder / "alignments.jsonl").write_bytes(lines[:-30])
    list(synthetic_speech.make(texts, "slt", folder, minutes=0.2))
    assert len(voice) == 21 and voice[9] == voice[10]
    whole = (folder / "alignments.jsonl").read_bytes()
    assert whole.startswith(lines)
    list(synthetic_speech.make(texts, "slt", tmp_path / "again", minutes=0.2))
    for name in ("alignments.jsonl", "metadata.csv", "wavs/slt-000001.wav"):
        assert (tmp_path / "again" / name).read_bytes() == (folder / name).read_bytes()
    rows = [line.split("|") for line in (folder / "metadata.csv").read_text().splitlines()]
    assert len(rows) == 20 and rows[3] == ["slt-000004", texts[3], "a low"]
    with pytest.raises(TrainError, match="another voice or other texts"):
        list(synthetic_speech.make(texts[::-1], "slt", folder, minutes=1))


def test_alignments_come_back_with_their_recordings(voice, tmp_path):
    (tmp_path / "book.txt").write_text(BOOK)
    list(synthetic_speech.make(synthetic_speech.sentences([tmp_path / "book.txt"]), "slt", tmp_path / "d", minutes=9))
    parts = [aligned.read(tmp_path / "d", split) for split in ("train", "validation", "test")]
    assert sum(len(part.texts) for part in parts) == 43 and not set(parts[0].texts) & set(parts[2].texts)
    data = parts[0]
    assert data.symbols[0] == ("pau", "HH", "AH0", "L", "OW1", data.texts[0][-1])
    assert data.places[0] == (INSIDE, FIRST, LAST, FIRST, LAST, INSIDE)
    samples, rate = soundfile.read(data.files[0])
    assert rate == data.sample_rate == 16000 and data.ends[0].tolist() == [1600, 3200, 4800, 6400, 8000, len(samples)]
    batch = SentenceBatches(data, 4, 0, ("slt",)).at(0)
    assert batch.log_seconds[:, 1].exp().tolist() == pytest.approx([0.1] * 4, rel=1e-5)
    assert batch.tokens[0, 2] == INDEX["AH0"]


@pytest.mark.parametrize("change", [
    {"ends": [1, 2]}, {"symbols": ["XX"]}, {"ends": [0] * 6}, {"places": [9] * 6}, {"more": 1},
])  # fmt: skip
def test_alignments_that_are_none_are_named(change, tmp_path):
    row = json.loads(synthetic_speech.align("slt-000001", "It was late.", spoken("It was late.")).line())
    (tmp_path / "alignments.jsonl").write_text(json.dumps(row) + "\n" + json.dumps(row | change) + "\n")
    with pytest.raises(TrainError, match=r"alignments\.jsonl:2: not an alignment"):
        aligned.read(tmp_path, "train")


@pytest.mark.parametrize("name", ["slt", "rms", "awb", "slt-hts"])
def test_ends_are_those_of_the_sound(name):
    try:
        voice = synthetic_speech.find_voice(name)
        voice.speak("Is it there?")
    except (TrainError, ADRError) as error:
        pytest.skip(str(error))
    made = voice.speak("Stop, please.")
    row = synthetic_speech.align("x", "Stop, please.", made)
    assert row.symbols[0] == "pau" and row.symbols[-1] == "." and "AA1" in row.symbols and row.words == "stop please"
    assert abs(made.segments[-1].end * made.sample_rate - len(made.samples)) < 0.02 * made.sample_rate
    level = [np.abs(made.samples[a:b].astype(float)).mean() for a, b in zip((0, *row.ends), row.ends, strict=False)]
    pauses = [x for x, symbol in zip(level, row.symbols, strict=True) if symbol in ("pau", ",", ".")]
    assert max(pauses) < level[row.symbols.index("AA1")] / 4
    assert np.array_equal(voice.speak("Stop, please.").samples, made.samples)


def test_a_voice_that_there_is_none_of_is_told():
    with pytest.raises(TrainError, match="unknown voice 'nobody'; there are slt"):
        synthetic_speech.find_voice("nobody")


TINY = """
kind: {kind}
dataset: {dataset}
description: Tiny
licence: CC0-1.0
source: made up
model:
  encoder: {{layers: 1, feedforward: 32, dropout: 0.0, retention: {{width: 32, heads: 2, first_exponent: 1}}}}
sizes:
  cpu: {{train: {{steps: {steps}, batch: 32, learning_rate: 2.0e-2}}}}
"""


def test_from_a_dictionary_to_phones_by_the_installed_commands(command, refused, dictionary, voice, tmp_path):
    for kind, dataset, steps in (("letters", "pronunciations", 200), ("durations", "aligned-speech", 5)):
        (tmp_path / f"{kind}.yaml").write_text(TINY.format(kind=kind, dataset=dataset, steps=steps))
    (tmp_path / "book.txt").write_text(BOOK + "".join(f"More of it, {n} times. " for n in range(150)))
    texts = synthetic_speech.sentences([tmp_path / "book.txt"])
    list(synthetic_speech.make(texts, "slt", tmp_path / "speech", minutes=9))
    for kind, data in (("letters", dictionary), ("durations", tmp_path / "speech")):
        options = ("--size", "cpu", "--device", "cpu", "--data", data, "--out", f"run-{kind}")
        done = command("adr-train", f"{kind}.yaml", *options)
        assert done.returncode == 0, done.stderr
    refused("adr-export", "run-letters", "bundle", says=("--lexicon FILE",))
    refused("adr-export", "run-durations", "bundle", says=("--durations",))
    done = command("adr-export", "run-letters", "bundle", "--lexicon", dictionary, "--durations", "run-durations")
    assert done.returncode == 0, done.stderr
    model = SpokenText.load(tmp_path / "bundle")
    known = dictionary.read_text().splitlines()[0].split()
    sentence = next(model.sentences(f"{known[0]} badmil"))
    assert sentence.symbols[1 : len(known)] == tuple(known[1:])
    # A word that is in no dictionary: what the network has learned of the others.
    assert model.pronouncer.network.pronounce("badmil") == ("B", "AE1", "D", "M", "IH1", "L")
    seconds = model.durations.seconds(sentence.symbols, sentence.places)
    assert seconds.shape == (len(sentence.symbols),) and (seconds > 0.005).all() and (seconds < 2).all()
