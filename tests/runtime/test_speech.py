"""Text that is spoken: beside what its controls alone make, piece by piece, as it arrives, in constant memory, and what
cannot be said."""

import hashlib
import json
import re
import sys
from itertools import count, pairwise

import adr_runtime
import numpy as np
import pytest
from adr_runtime import ADRError, InputError
from adr_runtime.loading import open_bundle
from adr_runtime.media.timestamps import Timestamps, Word
from adr_runtime.spoken_text.controls import CONTROLS, token_controls
from adr_runtime.spoken_text.front_end import LONGEST

TEXT = "Hello there. The cat, a cat! Hello"
WORDS = ["Hello", "there", "The", "cat", "a", "cat", "Hello"]
SETTINGS = {"steps": 2, "seed": 4, "speaker": "ann"}
HOP, RATE = 8, 800


@pytest.fixture(scope="module")
def model(exported):
    return adr_runtime.AudioModel.load(exported["voice"], "cpu")


def sentence_seconds(model, text):
    """Seconds of the symbols of each sentence, float64 (length,), as the network has them."""
    front_end = model.front_end
    return [(s, front_end.durations.seconds(s.symbols, s.places)) for s in front_end.sentences(text)]


def test_a_text_is_what_its_controls_make(model):
    """Up to what the decoder keeps back, which a stream of given controls leaves out."""
    told = [token_controls(s.symbols, s.places, seconds, HOP / RATE) for s, seconds in sentence_seconds(model, TEXT)]
    rows = np.concatenate(told)
    expected = model.generate(controls=dict(zip(CONTROLS, rows.T, strict=True)), **SETTINGS).samples
    audio = model.generate(text=TEXT, **SETTINGS)
    delay = model.spec.delay
    assert len(told) == 3 and delay > 0 and audio.samples.shape == (1, len(rows) * HOP)
    np.testing.assert_array_equal(audio.samples[:, :-delay], expected)
    assert audio.samples[:, -delay:].any()
    assert (audio.provenance["speaker"], audio.provenance["speed"]) == ("ann", 1.0)


@pytest.mark.parametrize("dials", [{}, {"speed": 2}, {"speed": 0.5, "pause": 1.0}, {"pause": 0}])
def test_words_cover_the_sound_in_order(model, dials):
    audio = model.generate(text=TEXT, **dials, **SETTINGS)
    assert [word.word for word in audio.words] == WORDS
    assert [word.mark for word in audio.words] == ["", ".", "", ",", "", "!", "."]
    assert all(0 <= word.start < word.end for word in audio.words)
    assert all(first.end <= second.start + 1e-9 for first, second in pairwise(audio.words))
    length, start = audio.samples.shape[1] / RATE, 0.0
    assert audio.words[-1].end <= length + 1e-9
    for (sentence, seconds), words in zip(
        sentence_seconds(model, TEXT), [audio.words[:2], audio.words[2:6], audio.words[6:]], strict=True
    ):
        phones = [s for s, symbol in zip(seconds, sentence.symbols, strict=True) if symbol not in "pau,.?!"]
        spoken = sum(word.end - word.start for word in words)
        assert spoken == pytest.approx(sum(phones) / dials.get("speed", 1))
        if "pause" not in dials:
            assert words[0].start == pytest.approx(start + seconds[0] / dials.get("speed", 1))
            start += np.ceil(seconds.sum() / dials.get("speed", 1) * RATE / HOP - 1e-6) * HOP / RATE
    if "pause" in dials:
        # What is before a sentence is not quite the same for all.
        gaps = [audio.words[2].start - audio.words[1].end, audio.words[6].start - audio.words[5].end]
        assert all(abs(gap - dials["pause"]) < 0.05 for gap in gaps), gaps


def test_twice_the_speed_is_half_the_tokens(model):
    counts = {speed: model.generate(text=TEXT, speed=speed, **SETTINGS).samples.shape[1] / HOP for speed in (0.5, 1, 2)}
    # Each of three sentences is rounded up.
    assert abs(counts[2] - counts[1] / 2) <= 3 and abs(counts[0.5] - counts[1] * 2) <= 6


@pytest.mark.parametrize("chunk_tokens", [1, 7, 1000])
@pytest.mark.parametrize("size", [1, 5, 1000])
def test_sentence_by_sentence_is_the_whole(model, chunk_tokens, size):
    whole, heard = model.generate(text=TEXT, **SETTINGS), []
    pieces = (TEXT[start : start + size] for start in range(0, len(TEXT), size))
    speech = model.speak(pieces, chunk_tokens=chunk_tokens, tell=heard.append, **SETTINGS)
    chunks = list(speech)
    assert max(chunk.shape[1] for chunk in chunks) <= chunk_tokens * HOP
    np.testing.assert_array_equal(np.concatenate(chunks, 1), whole.samples)
    assert [len(words) for words in heard] == [2, 4, 1] and sum(heard, ()) == whole.words
    assert next(speech, None) is None and speech.words == whole.words[-1:]


def test_a_sentence_is_spoken_before_the_next_one_is_there(model):
    asked = []

    def pieces():
        for piece in ("Hello the", "re. T", "he cat. A", " cat"):
            asked.append(piece)
            yield piece

    first = model.generate(text="Hello there.", **SETTINGS).samples.shape[1]
    speech, heard = model.speak(pieces(), **SETTINGS), 0
    assert not asked
    while heard < first - model.spec.delay:
        heard += next(speech).shape[1]
        assert asked == ["Hello the", "re. T"]
    next(speech)
    assert len(asked) == 3


def test_memory_does_not_grow_with_the_text(model):
    speech, sizes = model.speak((f"Hello there, cat. {'The cat sat. ' * 9}" for _ in count()), **SETTINGS), []
    for _ in range(4):
        while sizes and speech.tokens == sizes[-1][0]:
            next(speech)
        for _ in range(300):
            next(speech)
        controls = speech.stream.progress.controls
        state = len(speech.stream.state()) - controls.nbytes
        sizes.append((speech.tokens, state))
    # The header counts tokens and samples in decimal digits.
    assert sizes[-1][0] > 900 and abs(sizes[-1][1] - sizes[0][1]) < 10


@pytest.mark.parametrize("unit", ["hello ", "x", "% ", "%", "cat,", "9"])
def test_a_megabyte_without_a_full_stop_is_cut(model, unit):
    speech = model.speak(iter([unit * (1_000_000 // len(unit))]), **SETTINGS)
    for _ in range(3):
        speech.go_on()
        # Of one word that is cut nowhere there are 400 letters, of two phones at most.
        assert 0 < sum(len(w.word) > 0 for w in speech.words) <= LONGEST
    sentences = model.front_end.sentences(unit * 1000)
    assert all(len(s.symbols) <= LONGEST + 2 * 400 + 2 and s.symbols[0] == "pau" for s in sentences)
    assert all(s.symbols[-1] in (",", ".") for s in model.front_end.sentences(unit * 1000))


def test_a_long_sentence_is_cut_between_words_and_all_of_it_is_said(model):
    sentences = list(model.front_end.sentences("%" * 390))
    assert len(sentences) > 2 and sum(len(s.words) for s in sentences) == 390
    assert [s.symbols[-1] for s in sentences] == [","] * (len(sentences) - 1) + ["."]
    assert {w.text for s in sentences for w in s.words} == {"percent"}
    for sentence in sentences:
        for word in sentence.words:
            assert sentence.symbols[word.first : word.end] == ("P", "ER0", "S", "EH1", "N", "T")


def test_without_a_speaker_the_seed_chooses_one_for_all_of_it(model):
    chosen = {seed: model.speak("Hello", seed=seed, steps=1).provenance["speaker"] for seed in range(8)}
    assert set(chosen.values()) == {"ann", "ben"}
    seed = next(iter(chosen))
    drawn, named = (model.generate(text="Hello", seed=seed, steps=1, speaker=s) for s in (None, chosen[seed]))
    np.testing.assert_array_equal(drawn.samples, named.samples)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"text": ""}, "nothing to say"),
        ({"text": "\0 ?! \U0001f600"}, "nothing to say"),
        ({"text": "Hello. " * 50 + "Привет"}, "cannot say 'П' (CYRILLIC CAPITAL LETTER PE)"),
        ({"text": "Hello 中"}, "cannot say '中'"),
        ({"text": b"Hello"}, "text must be str, not int"),
        ({"text": 5}, "text must be str, or pieces of it, not int"),
        ({"text": "Hello", "speed": 0}, "speed must be from 0.5 to 2, not 0"),
        ({"text": "Hello", "speed": "fast"}, "speed must be a number"),
        ({"text": "Hello", "pause": -1}, "pause must be from 0 to 60 seconds, not -1"),
        ({"text": "Hello", "speaker": "carl"}, "unknown speaker 'carl'; voice knows ann, ben"),
        ({"text": "Hello", "seconds": 1}, "a text takes the place of label, count, seconds, prompt and controls"),
        ({"text": "Hello", "count": 2}, "a text takes the place of"),
        ({"speed": 2}, "speed and pause go with a text"),
        ({"pause": 1}, "speed and pause go with a text"),
    ],
)
def test_what_cannot_be_said(model, options, says):
    with pytest.raises(InputError, match=re.escape(says)) as told:
        model.generate(**options)
    assert "\n" not in str(told.value)


def test_pieces_are_said_up_to_what_cannot_be(model):
    speech, heard = model.speak(iter(["Hello. Привет"]), steps=1, seed=1), 0
    with pytest.raises(InputError, match="cannot say 'П'"):
        for chunk in speech:
            heard += chunk.shape[1]
    assert heard > 0


@pytest.mark.parametrize("name", ["told", "sound"])
def test_other_models_speak_no_text(exported, name):
    model = adr_runtime.AudioModel.load(exported[name], "cpu")
    assert not model.speaks
    with pytest.raises(InputError, match=f"{name} speaks no text; one that does was exported with adr-export --text"):
        model.generate(text="Hello")


def test_what_numbers_need_is_asked_for_before_the_first_one(model, monkeypatch):
    monkeypatch.setitem(sys.modules, "unicode_rbnf", None)
    with pytest.raises(ADRError, match=r"numbers in text need the package unicode-rbnf; run: pip install"):
        model.speak(iter(["Hello"]))


def changed(folder, change):
    manifest = json.loads((folder / "manifest.json").read_text())
    change(manifest)
    (folder / "manifest.json").write_text(json.dumps(manifest))


def flip(file, place=-20):
    data = bytearray(file.read_bytes())
    data[place] ^= 1
    file.write_bytes(data)


def changed_inside(folder, change):
    """The inner manifest changed, and the outer one as if that were right."""
    changed(folder / "text", change)
    data = (folder / "text/manifest.json").read_bytes()
    spec = {"file": "text/manifest.json", "sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
    changed(folder, lambda manifest: manifest.update(spoken_text=spec))


def link(folder):
    (folder / "text").rename(folder.parent / "elsewhere")
    (folder / "text").symlink_to(folder.parent / "elsewhere")


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda f: flip(f / "text/lexicon.xz"), "text/lexicon.xz: damaged: SHA-256"),
        (lambda f: flip(f / "text/letters.onnx"), "text/letters.onnx: damaged: SHA-256"),
        (lambda f: flip(f / "text/manifest.json"), "text/manifest.json: damaged: SHA-256"),
        (lambda f: (f / "text/durations.onnx").unlink(), "text/durations.onnx: missing"),
        (lambda f: (f / "text/manifest.json").unlink(), "text/manifest.json: missing"),
        (link, "leads out of the bundle's folder"),
        (lambda f: changed_inside(f, lambda m: m.update(kind="audio")), "text/manifest.json: kind: expected"),
        (lambda f: changed_inside(f, lambda m: m.update(more=1)), "text/manifest.json: more: expected no such key"),
        (lambda f: changed(f, lambda m: m["spoken_text"].update(file="../voice/text/manifest.json")),
         "spoken_text.file: expected text/manifest.json"),
        (lambda f: changed(f, lambda m: m["spoken_text"].update(bytes=1 << 30)), "spoken_text.bytes: expected 1 to"),
        (lambda f: changed(f, lambda m: m["controls"].pop()), "spoken_text: expected none without the controls"),
        (lambda f: changed(f, lambda m: m["spoken_text"].pop("sha256")), "spoken_text.sha256: expected to be there"),
    ],
)  # fmt: skip
def test_a_damaged_front_end_is_refused(bundle_copy, damage, says):
    folder = bundle_copy("voice")
    damage(folder)
    for read in (lambda: adr_runtime.load(folder, "cpu"), lambda: open_bundle(folder)):
        with pytest.raises(ADRError, match=re.escape(says)) as told:
            read()
        assert "\n" not in str(told.value)


SOME = [Word("One", 0.0, 0.5), Word("two", 0.5, 1.0, ","), Word("three", 61.25, 3723.0042, "?"),
        *(Word("word", n, n + 0.5, "," if n % 10 == 9 else "") for n in range(4000, 4040))]  # fmt: skip


def stamped(form):
    parts = []
    stamps = Timestamps(parts.append, form)
    stamps.add(SOME[:2])
    stamps.add(SOME[2:])
    stamps.finish()
    return "".join(parts)


def test_timestamps_as_json_and_as_subtitles():
    told = json.loads(stamped(".json"))["words"]
    assert told[2] == {"word": "three", "start": 61.25, "end": 3723.004, "mark": "?"} and len(told) == len(SOME)
    srt, vtt = stamped(".srt"), stamped(".vtt")
    assert srt.startswith("1\n00:00:00,000 --> 01:02:03,004\nOne two, three?\n\n2\n01:06:40,000 --> ")
    assert vtt.startswith("WEBVTT\n\n00:00:00.000 --> 01:02:03.004\nOne two, three?\n\n01:06:40.000 --> ")
    cues = [block.splitlines()[2] for block in srt.strip().split("\n\n")]
    assert all(len(cue) <= 84 for cue in cues)
    assert " ".join(cues) == " ".join(word.word + word.mark for word in SOME).replace("? word", "? Word")
    assert sum(cue.endswith(",") for cue in cues) == 4
    assert json.loads("".join(empty(".json"))) == {"words": []} and empty(".srt") == [""]


def test_sentences_of_subtitles_begin_with_a_capital(model):
    said = []
    list(model.speak("Dr. Low is 5. 3 cats hid. Ask Dr. Low.", tell=said.extend, **SETTINGS))
    parts = []
    stamps = Timestamps(parts.append, ".srt")
    for word in [*said, Word("iPhone", 90.0, 91.0, "?")]:
        stamps.add([word])
    stamps.finish()
    cues = [block.splitlines()[2] for block in "".join(parts).strip().split("\n\n")]
    assert cues == ["Doctor Low is five.", "Three cats hid.", "Ask doctor Low.", "iPhone?"]


def empty(form):
    parts = []
    Timestamps(parts.append, form).finish()
    return parts


def test_a_clip_saves_its_timestamps(model, tmp_path):
    audio = model.generate(text=TEXT, **SETTINGS)
    told = json.loads(audio.save_timestamps(tmp_path / "a.json").read_text())["words"]
    assert [word["word"] for word in told] == WORDS
    assert audio.save_timestamps(str(tmp_path / "a.VTT")).read_text().count("-->") == 3
    with pytest.raises(InputError, match=r"unknown file type '\.txt'; there are \.json, \.srt, \.vtt"):
        audio.save_timestamps(tmp_path / "a.txt")
