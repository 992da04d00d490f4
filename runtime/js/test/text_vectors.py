"""What the Python runtime makes of texts, for make_vectors.py: what is said, its phones and how long they take, what a
voice is told and says, and what is refused."""

import random
from collections.abc import Iterator
from typing import Any

import adr_runtime
import numpy as np
from adr_runtime.errors import InputError
from adr_runtime.spoken_text import numbers
from adr_runtime.spoken_text.controls import token_controls
from adr_runtime.spoken_text.durations import paced
from adr_runtime.spoken_text.front_end import SpokenText
from any_order_vectors import packed

WRITTEN = (
    "Turn left in 200 metres.", "In 1.5 km, keep right!", "It is -5 °C.", "Drive at 50 km/h for 1 mi.", "A 5-mile walk",
    "I have 3 apples, 21 pears and 1,234,567 grapes.", "The 1st, 2nd, 3rd, 112th, 1,000th and 12345678901234567th.",
    "Born on 2026-11-27, not on 2026-13-40.", "Born Nov. 27, 1984, in Bath.", "27 November 1984", "2 may be, 2 May be",
    "27/11/2026 or 11/27/2025 or 3.4.2021 or 45/45/2000", "In 1999 the 1990s ended, and the '80s, 60's and 1900's.",
    "At 14:30 or 3:05 pm or 9 a.m. or 12:00 or 0:00 or 23:59:01 or 10:00:30 P.M.", "7pm. 7 p.m. 07:07",
    "It costs $5.20, £1, $3 million, 99 EUR, ¥500, ₹2.50, €1.01, $1bn, $ 4k or $0.01.", "$0.00 and $.5 and £0.99",
    "Dr. Smith lives on Main St. near St. Paul's.", "Mr. and Mrs. Jones, e.g. in No. 5, etc.", "See Figs. 1 and 2. No.",
    "Gen. Lee met Col. mustard on Mt. Everest, cf. pp. 3-5, vol. 2, i.e. Sept. 3. Jan. and Mon. Apt. 4",
    "The U.S. has 50% of it. J. R. R. Tolkien and J.R.R. Tolkien. U.S.A. The end of A.", "I. He said I. Then we left.",
    "Add 1/2 and 3/4 and 2 1/2 and 7/3, 1/100, 5/101, 1/1, 99/100 and 3 5/8.", "½ cup, 1½ cups, 2³ m² and ¾",
    "Pages 10-20, 5 - 7, 1.5-2.5, -3, (-4), a-5, 3-year-old, 2-3-4",
    "Call 555-1234 or +44 20 7946 0958 or (0123) 456-7890.", "Agent 007, version 1.2.3, 0.5, .5, 10.0.0.1, 00, 0",
    "Rock & roll @ home + 2 = 3", "#1 fan, #hash, # 2",
    "Visit https://example.org/b now, or www.example.com/a?b=c&d=e#f.", "Mail me.too@example.com, x_y+z@a-b.co.uk!",
    "<b>Turn</b> left &amp; <a href='x'>stop</a>. <!-- no --> 3 < 4 > 2",
    "See [the map](https://example.org/map?x=1) ![](x)",
    "&lt;b&gt; &eacute;&copy &notit; &#8217;&#x41;&#0;&#128;&#xd800;&hellip;&nbsp;&mdash;&Agrave &unknown; &#1; AT&T &",
    "**Bold** and `code`, _emphasis_ and snake_case_word", "Café naïve façade Ærø ŁÓDŹ straße Þór", "“Stop!” he said…",
    "Really?! Really!? What... Wait. . . Hm!!!", "well-known, twenty-one — and so on – or not -- maybe - yes",
    "Vitamin B12 and plan A. A, b; C: D (E) [f] {g}", "The dogs' bowl, 'quoted' rock 'n' roll, it’s ‘fine’, o'clock",
    "THIS IS SHOUTED", "NASA and FBI, a TV, US and us, IT and it, XYZ, ABCDEF, PhD, iPhone, McDonald's, JavaScript",
    "World War II, Chapter IV, Part XIX, Act IX, Section IC",
    "1500 metres. 1500 people in 1500. In 1500 m. Since 1066-1087",
    "99999999999999999999 and 999999999999999 and 1000000000000000", "٣ apples, ४२ pears, ９ and 𝟗",
    "go 😀 now\0 please",
    "The record; to record it. You record the present, they present a present. The apple, the pear, the hour.",
    "To go to the house and to her and were there.",
    "Zyxwv, Brobdingnag, flibbertigibbet's, Xochitl, Kszyx and qwrtp's.",
    "5 in. or 5in or 5-in. 6 ft 2 in, 10 lbs, 3 oz, 2 L, 5 ml, 3 hrs, 1 s, 60 fps, 3 kWh, 9 dB, 20°F, 90° and 5 μm µm",
    "1 km^2 and 2 m^3", "\tTabs\x0band\x0cfeeds\x1c here.\x1d Next\x85line\u2028more\u00a0space. \ufeffMark",
    "cafe\u0301s, be\u0308d x\u20d2y",
    "A line alone.\nAnother one\n\nA heading without a mark\n\n- one item\n- two items\n12) three\nAnd the end",
    "Dr. A. Smith met Mr. Jones at 3.5 km. It was late! “Why?” he asked. See e.g. No. 5. He left. well.\n",
    "One. two. Three.\u00a0Four.”  Five.) six!” seven! Eight… nine… Ten",
    "ǅungla Ⅳ ﬁne ① № ™ ® § 5 © ≈ 3 ≤ 4 × 2 ÷ 1 ± ∞ ≠", "This sentence has no end " * 30, "commas, " * 80,
    "😀word " * 90, "x" * 450, "pneumono" * 25, "+" * 300 + " a b",
    "Copyright 2020-2024. Spring 2019, summer 1850. year 1900, by 2001. of 1010 people, of 1010.",
    "1.e4 2e5 3x 4th 5TH 6s", "January 1st, 2000; feb 3; 4 Mar; 5th of June 1999; May 5, 1890; December 32; SEPT. 9",
    "20% off - 5%! 100%",
)  # fmt: skip
REFUSED = (
    "", " ", "😀🚀 ... !!! -- \0", "...", "\0", "<b></b>", "say П", "中文", "مرحبا", "good. Then क.", "Ω ohm",
    "5 &alpha;",
)  # fmt: skip
WORDS = (
    "the", "a", "river", "record", "Dr.", "No.", "St.", "in", "of", "to", "and", "Chapter", "II", "May", "mar", "Nov.",
    "km", "m", "%", "°C", "$", "£", "€", "-", "--", "—", "/", ".", ",", ":", ";", "!", "?", "…", "'s", "'", '"', "“",
    "”", "(", ")", "[", "]", "&", "@", "#", "+", "=", "*", "_", "^2", "\n", "\n\n", "\t", " ", "  ", "am", "p.m.", "pm",
    "th", "st", "k", "million", "USD", "é", "ß", "½", "μ", "😀", "\u00a0", "x", "X", "BBC", "Zorblax", "wug's", "e.g.",
    "www.",
)  # fmt: skip
FORMS = (
    "{n} {u}", "{d} {u} and {n}{u}.", "${m}", "{m} EUR, £{n}", "On {y}-{mo:02}-{da:02}.", "{mo}/{da}/{y}",
    "{month} {da}, {y}", "{da} {month} {y}", "{h}:{mi:02} pm", "At {h}:{mi:02}:{mi:02}.", "The {n}th of {k}",
    "{k} people", "in {y}", "the {dec}s", "{x}/{z} of it", "{n}-{k}", "-{d}", "+{n}", "No. {n}", "{k}.{n}.{x}", "{big}",
    "({x}{z}{x}) {n}-{y}", "{n}s and {n}st",
)  # fmt: skip
UNITS = ("km", "m", "cm", "kg", "%", "°C", "mph", "h", "min", "lbs", "kWh", "in", "ft", "MB", "m^2")
MONTHS = ("January", "feb", "Mar.", "april", "May", "jun", "July", "Aug.", "Sept", "OCT", "november", "dec.")
SEED, SPEAKERS = 20261127, (None, "slt", "bdl")


def random_number(draw: random.Random) -> int:
    return int(10 ** draw.uniform(0, 6.5))


def written() -> list[str]:
    """Texts: those above, numbers of all kinds in all forms, and whatever comes."""
    draw, found = random.Random(SEED), list(WRITTEN)
    for number in range(460):
        found.append(FORMS[number % len(FORMS)].format(
            n=random_number(draw), k=f"{random_number(draw):,}",
            d=f"{random_number(draw) / 100:.{draw.randint(1, 3)}f}", m=f"{random_number(draw) / 100:.2f}",
            y=draw.randint(1000, 2099), mo=draw.randint(1, 13), da=draw.randint(0, 32),
            month=draw.choice(MONTHS), u=draw.choice(UNITS), h=draw.randint(0, 24), mi=draw.randint(0, 59),
            dec=draw.randint(100, 209) * 10, x=draw.randint(1, 40), z=draw.randint(1, 120),
            big=draw.getrandbits(draw.randint(20, 62)),
        ))  # fmt: skip
    for _ in range(240):
        count = draw.randint(2, 14)
        parts = [draw.choice(WORDS) if draw.random() < 0.7 else str(random_number(draw)) for _ in range(count)]
        found.append((" " if draw.random() < 0.6 else "").join(parts) + "a")
    return found


def texts(front_end: SpokenText) -> Iterator[dict[str, Any]]:
    """The sentences of each text: what is said and its phones, and of some the seconds and what tokens are told."""
    assert front_end.durations
    for number, text in enumerate(written()):
        sentences = list(front_end.sentences(text))
        one: dict[str, Any] = {"text": text, "said": [sentence.text for sentence in sentences]}
        if number < len(WRITTEN) or number % 5 == 0:
            one["symbols"] = [" ".join(sentence.symbols) for sentence in sentences]
        if number % 12 == 0:
            speaker, first = SPEAKERS[number // 12 % len(SPEAKERS)], sentences[0]
            pause = None if number % 24 else 0.3
            typical = front_end.durations.seconds(first.symbols, first.places, speaker)
            seconds = paced(first.symbols, typical, 1.25, pause)
            told = token_controls(first.symbols, first.places, seconds, 0.032)
            one |= {
                "speaker": speaker, "pause": pause, "seconds": packed(seconds),
                "controls": packed(told.astype(np.uint8)),
                "words": [[word.first, word.end] for word in first.words], "places": "".join(map(str, first.places)),
            }  # fmt: skip
        yield one


def spelled() -> list[list[str]]:
    """Whole numbers as cardinals, ordinals and, of four digits, years."""
    draw, edges = random.Random(SEED), {10**power + more for power in range(1, 16) for more in (-1, 0, 1, 100)}
    chosen = sorted({*range(0, 120, 7), *edges, *(draw.getrandbits(bits) for bits in range(3, 50))})
    years = map(str, (1000, 1009, 1010, 1100, 1105, 1900, 1984, 2000, 2001, 2010, 2100, 3001, 9999, "0999"))
    found = [[str(n), numbers.cardinal(str(n)), numbers.ordinal(str(n))] for n in chosen]
    return [*found, *([text, numbers.cardinal(text), numbers.ordinal(text), numbers.year(text)] for text in years)]


def refused(model: adr_runtime.AudioModel) -> Iterator[dict[str, Any]]:
    """What a voice says of what it cannot say."""
    cases: list[dict[str, Any]] = [{"text": text} for text in REFUSED]
    cases += [{"text": "Go.", **dials} for dials in (
        {"speed": 0}, {"speed": 2.5}, {"speed": -1}, {"speed": "fast"}, {"pause": -1}, {"pause": 61}, {"pause": "long"},
        {"speaker": "nobody"}, {"label": "x"}, {"count": 2}, {"seconds": 1},
    )]  # fmt: skip
    for options in [*cases, {"speed": 1.5, "seconds": 1}]:
        try:
            model.generate(**options)
        except InputError as error:
            yield {"options": options, "message": str(error)}
        else:
            raise AssertionError(options)


def speech(model: adr_runtime.AudioModel) -> Iterator[dict[str, Any]]:
    """Texts that are spoken."""
    fast = {"text": "Go. No?", "seed": 1, "speed": 2.0, "pause": 0.05}
    for options in (fast, {"text": "Yes!", "seed": 2**64 - 1, "speaker": "slt"}):
        made = model.generate(**options)
        words = [[word.word, word.start, word.end, word.mark] for word in made.words]
        yield {"options": {**options, "seed": str(options["seed"])}, "words": words, "samples": packed(made.samples)}


def drawn() -> list[list[Any]]:
    """Which of several things a seed draws."""
    seeds, counts = [0, 1, 2, 3, 2**32 - 1, 2**32, 2**53 + 1, 2**64 - 1, *range(100, 130)], (1, 2, 3, 7, 4096)
    return [[str(seed), *(int(np.random.default_rng(seed).integers(count)) for count in counts)] for seed in seeds]


def spoken_text() -> dict[str, Any]:
    model = adr_runtime.AudioModel.load("voice", "cpu")
    assert model.front_end
    return {
        "texts": list(texts(model.front_end)), "numbers": spelled(), "refused": list(refused(model)),
        "speech": list(speech(model)), "drawn": drawn(),
    }  # fmt: skip
