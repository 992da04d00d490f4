"""Text to phones: what is written to what is said, as the text arrives, whatever it holds."""

import lzma
import re
from itertools import groupby

import numpy as np
import pytest
from adr_runtime.errors import BundleError, InputError
from adr_runtime.spoken_text.durations import paced
from adr_runtime.spoken_text.letters import CLASSES, LETTERS, letter_numbers, read_greedily
from adr_runtime.spoken_text.lexicon import Lexicon, pack
from adr_runtime.spoken_text.normalise import normalise
from adr_runtime.spoken_text.phones import FIRST, INDEX, INSIDE, LAST, ONLY, PHONES, SYMBOLS, places
from adr_runtime.spoken_text.pronunciation import KEPT_WORDS, Pronouncer
from adr_runtime.spoken_text.sentences import LONGEST, SentenceSplitter

# What is written, and what a person would read aloud.
SAID = {
    "Turn left in two hundred metres.": "Turn left in two hundred metres .",
    "Turn left in 200 m.": "Turn left in two hundred metres .",
    "In 1.5 km, keep right!": "In one point five kilometres , keep right !",
    "It is -5 °C.": "It is minus five degrees celsius .",
    "Drive at 50 km/h for 1 mi.": "Drive at fifty kilometres per hour for one mile .",
    "A 5-mile walk": "A five mile walk .",
    "I have 3 apples, 21 pears and 1,234,567 grapes.":
        "I have three apples , twenty one pears and one million two hundred and thirty four thousand five hundred and "
        "sixty seven grapes .",
    "The 1st, 2nd, 3rd and 112th.": "The first , second , third and one hundred and twelfth .",
    "Born on 2026-11-27.": "Born on november twenty seventh , twenty twenty six .",
    "Born Nov. 27, 1984, in Bath.": "Born november twenty seventh , nineteen eighty four , in Bath .",
    "27 November 1984": "the twenty seventh of november , nineteen eighty four .",
    "27/11/2026 or 11/27/2025":
        "november twenty seventh , twenty twenty six or november twenty seventh , twenty twenty five .",
    "In 1999 the 1990s ended.": "In nineteen ninety nine the nineteen nineties ended .",
    "At 14:30 or 3:05 pm or 9 a.m. or 12:00.":
        "At fourteen thirty or three oh five p. m. or nine a. m. or twelve o'clock .",
    "It costs $5.20, £1, $3 million, 99 EUR or $0.01.":
        "It costs five dollars and twenty cents , one pound , three million dollars , ninety nine euros or one cent .",
    "Dr. Smith lives on Main St. near St. Paul's.": "doctor Smith lives on Main street near saint Paul's .",
    "Mr. and Mrs. Jones, e.g. in No. 5, etc.": "mister and missus Jones , for example in number five , et cetera .",
    "The U.S. has 50% of it.": "The u. s. has fifty percent of it .",
    "Add 1/2 and 3/4 and 2 1/2 and 7/3.": "Add one half and three quarters and two and a half and seven over three .",
    "½ cup": "one half cup .",
    "Pages 10-20": "Pages ten to twenty .",
    "Call 555-1234.": "Call five five five , one two three four .",
    "Agent 007, version 1.2.3": "Agent zero zero seven , version one point two point three .",
    "Rock & roll @ home + 2 = 3": "Rock and roll at home plus two equals three .",
    "Visit https://example.org/b now": "Visit example dot org slash b. now .",
    "Mail me.too@example.com": "Mail me dot too at example dot com .",
    "<b>Turn</b> left &amp; <a href='x'>stop</a>.": "Turn left and stop .",
    "See [the map](https://example.org/map?x=1).": "See the map .",
    "**Bold** and `code`": "Bold and code .",
    "Café naïve façade Ærø": "Cafe naive facade Aero .",
    "“Stop!” he said…": "Stop , he said .",
    "Really?!": "Really ?",
    "well-known, twenty-one — and so on": "well known , twenty one , and so on .",
    "Vitamin B12 and plan A.": "Vitamin b. twelve and plan a. .",
    "The dogs' bowl, 'quoted' rock 'n' roll": "The dogs bowl , quoted rock n. roll .",
    "THIS IS SHOUTED": "this is shouted .",
    "World War II, Chapter IV": "World War two , Chapter four .",
    "1500 metres": "one thousand five hundred metres .",
    "99999999999999999999": " ".join(["nine"] * 20) + " .",
    "٣ apples": "three apples .",
    "go \U0001f600 now\x00 please": "go now please .",
    "\U0001f600\U0001f680 ... !!! -- \x00": "",
    "": "",
}  # fmt: skip


@pytest.mark.parametrize("written", SAID)
def test_what_is_written_becomes_what_is_said(written):
    assert " ".join(normalise(written)) == SAID[written]


@pytest.mark.parametrize("letter", ["П", "中", "क", "ع"])
def test_letters_of_other_scripts_are_named(letter):
    with pytest.raises(InputError, match="letters of the Latin alphabet") as told:
        normalise(f"say {letter}")
    assert letter in str(told.value) and "\n" not in str(told.value)


def test_tokens_are_words_letters_and_marks_whatever_comes_in():
    random = np.random.default_rng(0)
    for _ in range(300):
        codes = random.choice(np.r_[0:0x250, 0x2000:0x2200, 0x1F600:0x1F640], size=random.integers(1, 80))
        text = "".join(chr(c) for c in codes if chr(c) not in "ªº")
        try:
            tokens = normalise(text)
        except InputError:
            continue
        assert all(re.fullmatch(r"[A-Za-z]+('[A-Za-z]+)*|[a-z]\.|,|[.?!]", token) for token in tokens), (text, tokens)
        assert not tokens or (tokens[-1] in ".?!" and tokens[0][0].isalpha())


TEXT = (
    "Dr. A. Smith met Mr. Jones at 3.5 km. It was late! “Why?” he asked. See e.g. No. 5. He left. well.\n"
    "A line alone.\nAnother one\n\nA heading without a mark\n\n- one item\n- two items\nAnd the end"
)
CUT = [
    "Dr. A. Smith met Mr. Jones at 3.5 km.", "It was late!", "“Why?” he asked.", "See e.g. No. 5.", "He left. well.",
    "A line alone.", "Another one", "A heading without a mark", "- one item", "- two items\nAnd the end",
]  # fmt: skip


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_sentences_do_not_depend_on_how_the_text_arrives(size):
    splitter, found = SentenceSplitter(), []
    for start in range(0, len(TEXT), size):
        found += splitter.feed(TEXT[start : start + size])
    assert [*found, *splitter.finish()] == CUT


def test_a_line_that_ends_in_a_mark_is_said_at_once():
    assert SentenceSplitter().feed("Turn left.\n") == ["Turn left."]
    assert SentenceSplitter().feed("Turn left. T") == ["Turn left."]
    assert SentenceSplitter().feed("Turn left. ") == []


@pytest.mark.parametrize("unit", ["word ", "x", "1, ", "\n", "a. "])
def test_a_megabyte_without_a_full_stop_comes_in_pieces(unit):
    text, splitter = unit * (1_000_000 // len(unit)), SentenceSplitter()
    found = [*splitter.feed(text), *splitter.finish()]
    assert all(0 < len(sentence) <= LONGEST for sentence in found)
    assert "".join("".join(found).split()) == "".join(text.split())
    splitter = SentenceSplitter()
    for start in range(0, 10_000, 100):
        splitter.feed(text[start : start + 100])
        assert len(splitter.rest) <= LONGEST + 100
    for _ in range(100):
        splitter.feed(" " * 100)
    assert len(splitter.rest) <= LONGEST + 1


ENTRIES = {
    "a": [("AH0",), ("EY1",)], "the": [("DH", "AH0"), ("DH", "IY0")], "apple": [("AE1", "P", "AH0", "L")],
    "record": [("R", "AH0", "K", "AO1", "R", "D"), ("R", "EH1", "K", "ER0", "D")], "us": [("AH1", "S")],
    "i": [("AY1",)], "cat": [("K", "AE1", "T")], "dog": [("D", "AO1", "G")], "bus": [("B", "AH1", "S")],
    **{f"{letter}.": [("B", "IY1")] for letter in "bcdefghijklmnopqrstuvwxyz"}, "a.": [("EY1",)], "u.": [("Y", "UW1")],
    "s.": [("EH1", "S")], "to": [("T", "UW1")],
}  # fmt: skip


class Spelling:
    """In the network's place: a K for every letter."""

    def __init__(self):
        self.asked = []

    def pronounce(self, word):
        assert set(word) <= set(LETTERS), word
        self.asked.append(word)
        return ("K",) * len(word)


@pytest.fixture
def pronouncer():
    return Pronouncer(Lexicon(pack(ENTRIES)), Spelling())


def test_the_lexicon_finds_whole_words_and_nothing_else():
    lexicon = Lexicon(pack(ENTRIES))
    assert {word: list(lexicon.find(word)) for word in ENTRIES} == ENTRIES
    assert [lexicon.find(word) for word in ("ca", "cats", "", "at", "AE1", "a\tb", "\n", "cat\tK")] == [()] * 8


def test_a_lexicon_from_others_is_not_trusted():
    for data in (b"", b"no xz", pack(ENTRIES)[:-4], pack(ENTRIES) + b"more", lzma.compress(b"cat\tK AE1 T\n"),
                 lzma.compress(b"\na\tAH0")):  # fmt: skip
        with pytest.raises(BundleError):
            Lexicon(data)
    bomb = lzma.compress(b"\n" + bytes(65 << 20))
    with pytest.raises(BundleError, match="expected one xz stream of up to"):
        Lexicon(bomb)
    with pytest.raises(BundleError, match="expected phones of ARPAbet"):
        Lexicon(pack({"cat": [("K", "XX")]})).find("cat")


def said(pronouncer, *tokens):
    return [" ".join(p for word in words for p in word) for words in pronouncer.words([*tokens, "."])][:-1]


def test_words_are_looked_up_put_together_or_spelled(pronouncer):
    assert said(pronouncer, "The", "cat", "the", "apple") == ["DH AH0", "K AE1 T", "DH IY0", "AE1 P AH0 L"]
    assert said(pronouncer, "cat's", "Dog's", "bus's") == ["K AE1 T S", "D AO1 G Z", "B AH1 S IH0 Z"]
    assert said(pronouncer, "US", "us", "u.", "CatDog") == ["Y UW1 EH1 S", "AH1 S", "Y UW1", "K AE1 T D AO1 G"]
    assert said(pronouncer, "bzrk", "BZR", "UZUS") == ["B IY1 B IY1 B IY1 B IY1", "B IY1 B IY1 B IY1",
                                                       "Y UW1 B IY1 Y UW1 EH1 S"]  # fmt: skip
    assert pronouncer.network.asked == []
    assert said(pronouncer, "unknown", ",", "unknown") == ["K K K K K K K", "", "K K K K K K K"]
    assert pronouncer.network.asked == ["unknown"]


def test_the_word_before_chooses_between_noun_and_verb(pronouncer):
    noun, verb = "R EH1 K ER0 D", "R AH0 K AO1 R D"
    assert said(pronouncer, "the", "record")[1] == noun
    assert said(pronouncer, "to", "record")[1] == verb
    assert said(pronouncer, "cat", "record")[1] == " ".join(ENTRIES["record"][0])


def test_words_that_nobody_stresses_are_short_before_another_word(pronouncer):
    assert said(pronouncer, "to", "cat", "And", "to")[::2] == ["T AH0", "AE1 N D"]
    assert said(pronouncer, "to", ",", "cat", "to")[::3] == ["T UW1", "T UW1"]


def test_what_is_remembered_is_bounded(pronouncer):
    letters = "abcdefghijklmnopqrstuvwxyz"
    for number in range(KEPT_WORDS + 100):
        word = "e" + "".join(letters[number // 26**i % 26] for i in range(4))
        pronouncer.words([word, "."])
    assert len(pronouncer.said) <= KEPT_WORDS


def test_slots_are_read_greedily():
    random = np.random.default_rng(0)
    for _ in range(50):
        best = random.integers(CLASSES, size=20) * (random.random(20) < 0.5)
        table = np.full((20, CLASSES), -9.0)
        table[np.arange(20), best] = -0.1
        expected = tuple(PHONES[number - 1] for number, _ in groupby(best) if number)
        assert read_greedily(table) == expected
    assert letter_numbers("a'z").tolist() == [0, 3, 2, 28, 1]


def test_symbols_and_places():
    assert len(PHONES) == 69 and len(set(SYMBOLS)) == len(SYMBOLS) == 59
    assert {INDEX[phone] for phone in PHONES} == set(range(5, 59)) and INDEX["AE2"] == INDEX["AE1"] != INDEX["AE0"]
    assert [places(n) for n in range(4)] == [[], [ONLY], [FIRST, LAST], [FIRST, INSIDE, LAST]]


def test_seconds_at_another_pace():
    random = np.random.default_rng(0)
    symbols = ["pau", *random.choice(PHONES, 20), ",", *random.choice(PHONES, 10), "."]
    seconds = random.uniform(0.03, 0.3, len(symbols))
    np.testing.assert_array_equal(paced(symbols, seconds), seconds)
    np.testing.assert_allclose(paced(symbols, seconds, 2), seconds / 2)
    long, short = paced(symbols, seconds, 2, 1.5), paced(symbols, seconds, pause=0.001)
    np.testing.assert_allclose(long[:-1], seconds[:-1] / 2)
    assert long[0] + long[-1] == pytest.approx(1.5)
    assert (short[0], short[-1]) == (0.001, 0) and (short[1:-1] == seconds[1:-1]).all()
    silent = paced(symbols, seconds, pause=0)
    assert silent[[0, -1]].tolist() == [0, 0]
    # A part of a sentence goes on.
    part = paced([*symbols[:-1], ","], seconds, pause=2)
    assert part[-1] == seconds[-1]
    for dials in ({"speed": 0}, {"speed": 2.1}, {"speed": float("nan")}, {"speed": "fast"}, {"pause": -1},
                  {"pause": 61}, {"pause": float("nan")}, {"pause": "long"}):  # fmt: skip
        with pytest.raises(InputError, match=f"{next(iter(dials))} must be"):
            paced(symbols, seconds, **dials)
