"""A sentence as it is written to the words that are said, and the pauses between them."""

import re

from adr_runtime.spoken_text.abbreviations import expand_abbreviations
from adr_runtime.spoken_text.amounts import NUMBER, expand_money, expand_units
from adr_runtime.spoken_text.calendar import expand_dates, expand_times
from adr_runtime.spoken_text.numbers import cardinal, digits, ordinal, plural
from adr_runtime.spoken_text.phones import BREAK, ENDS
from adr_runtime.spoken_text.plain import plain

EMAIL = re.compile(r"\b[\w.+-]{1,64}@[\w-]{1,64}(?:\.[\w-]{1,64})+")
ADDRESS = re.compile(r"\b(?:https?://|www\.)[^\s<>\"']{1,300}", re.I)
SCHEME = re.compile(r"^https?://(?:www\.)?|^www\.", re.I)
SAID_IN_ADDRESS = {
    ".": "dot", "/": "slash", "@": "at", "-": "dash", "_": "underscore", "?": "question mark", "=": "equals",
    "&": "and", "#": "hash", ":": "colon", "+": "plus", "%": "percent", "~": "tilde",
}  # fmt: skip
INITIALS = re.compile(r"\b(?:[A-Za-z]\.){2,}|\b(?:[A-Z]\.\s?)(?=[A-Z][a-z])")
ORDINAL = re.compile(r"(?<![\w.])(\d[\d,]*)(?:st|nd|rd|th)\b", re.I)
FRACTION = re.compile(r"(?<![\w./])(?:(\d+)\s+)?(\d{1,3})/(\d{1,3})(?![\w/]|\.\d)")
HALVES = {"2": ("half", "halves"), "4": ("quarter", "quarters")}
TELEPHONE = re.compile(
    r"(?<![\w.-])\+?(?:\(\d{2,5}\)\s?|\d{1,4}[\s-])?(?:\d{3}[\s-])?\d{3}-\d{4}(?![\w-])|(?<!\w)\+\d[\d\s-]{5,18}\d\b"
)
RANGE = re.compile(rf"(?<![\w.-])({NUMBER})\s?-\s?({NUMBER})(?![\w-])")
DOTTED_NUMBER = re.compile(r"(?<![\w.])\d+(?:\.\d+){2,}(?!\w)")
SIGNED = re.compile(rf"(?<![\w.)])-({NUMBER})")
PLAIN_NUMBER = re.compile(NUMBER)
LETTER_DIGIT = re.compile(r"(?<=[A-Za-z])(?=\d)|(?<=\d)(?=[A-Za-z])")
PLURAL_NUMBER = re.compile(r"\b(\d+)'?s\b")
SIGNS = {
    "&": "and", "@": "at", "%": "percent", "+": "plus", "=": "equals", "°": "degrees", "$": "dollars",
    "£": "pounds", "€": "euros", "¥": "yen", "₹": "rupees", "μ": "micro",
}  # fmt: skip
HASH = re.compile(r"#(?=\d)")
ROMAN = re.compile(r"\b(Chapter|Part|Act|Scene|Book|Volume|Section|Phase|War)\s+([IVX]{1,6})\b")
ROMAN_VALUES = {"I": 1, "V": 5, "X": 10}
TOKEN = re.compile(r"[A-Za-z]+(?:'[A-Za-z]+)*|_[A-Za-z]|--+|[,;:()\[\]{}]|\s-\s|[.?!]+")


def normalise(sentence: str) -> list[str]:
    """The tokens of one sentence: words as they were written, names of single letters as "a.", `BREAK` for a pause, and
    at the end one of ENDS. Empty where there is nothing to say. Raises InputError for letters of other scripts."""
    text = plain(sentence)
    text = EMAIL.sub(lambda m: spell_address(m[0]), text)
    text = ADDRESS.sub(lambda m: spell_address(SCHEME.sub("", m[0]).rstrip(".,;:!?)/")), text)
    text = ROMAN.sub(lambda m: f"{m[1]} {roman(m[2])}", text)
    text = expand_money(expand_times(expand_dates(text.replace("_", " "))))
    text = expand_abbreviations(text)
    text = INITIALS.sub(lambda m: spell(m[0]), text)
    text = expand_numbers(expand_units(text))
    for sign, word in SIGNS.items():
        text = text.replace(sign, f" {word} ")
    return tokens(text)


def spell_address(address: str) -> str:
    parts = (f" {SAID_IN_ADDRESS[c]} " if c in SAID_IN_ADDRESS else c for c in address)
    return f" {''.join(parts)} "


def spell(text: str) -> str:
    """Every letter by its name, in the form that `tokens` reads."""
    return " ".join(f" _{c.lower()}" for c in text if c.isalpha()) + " "


def roman(numeral: str) -> str:
    values = [ROMAN_VALUES[c] for c in numeral]
    pairs = zip(values, [*values[1:], 0], strict=True)
    return str(sum(-value if value < after else value for value, after in pairs))


def expand_numbers(text: str) -> str:
    """Whatever digits are left, as words."""
    text = HASH.sub("number ", text)
    text = TELEPHONE.sub(lambda m: f" {', '.join(map(digits, re.findall(r'[0-9]+', m[0])))} ", text)
    text = FRACTION.sub(fraction, text)
    text = DOTTED_NUMBER.sub(lambda m: " point ".join(map(cardinal, m[0].split("."))), text)
    text = RANGE.sub(lambda m: f"{cardinal(m[1])} to {cardinal(m[2])}", text)
    text = ORDINAL.sub(lambda m: ordinal(m[1]), text)
    text = PLURAL_NUMBER.sub(lambda m: plural(cardinal(m[1])), text)
    text = SIGNED.sub(lambda m: f" minus {m[1]}", text)
    text = LETTER_DIGIT.sub(" ", text)
    return PLAIN_NUMBER.sub(lambda m: f" {cardinal(m[0])} ", text)


def fraction(match: re.Match[str]) -> str:
    whole, upper, lower = match[1], match[2], match[3]
    before = f"{cardinal(whole)} and " if whole else ""
    if not 2 <= int(lower) <= 100 or int(upper) >= int(lower):
        return f"{before}{cardinal(upper)} over {cardinal(lower)}"
    one, several = HALVES.get(lower) or (ordinal(lower), plural(ordinal(lower)))
    return f"{before}{'a' if whole and upper == '1' else cardinal(upper)} {one if upper == '1' else several}"


def tokens(text: str) -> list[str]:
    """Words and pauses; a pause neither begins a sentence nor follows another. A lone letter goes by its name, unless
    it is one of the words I and a; a capital A before a pause is no word."""
    found: list[str] = []
    shouted = not any(c.islower() for c in text) and any(len(word) > 5 for word in text.split())
    ending = "."
    for match in TOKEN.finditer(text.lower() if shouted else text):
        token = match[0]
        if token[0] == "_":
            found.append(f"{token[1]}.")
        elif token[0].isalpha():
            found.append(f"{token.lower()}." if len(token) == 1 and token.lower() not in "ai" else token)
        elif token[0] in ENDS and len(token) == 1 and match.end() < len(text) and text[match.end()].isalnum():
            continue
        elif token[0] in ENDS:
            ending = "?" if "?" in token else token[0]
        if not (token[0].isalpha() or token[0] == "_") and found and found[-1] != BREAK:
            found[-1] = "a." if found[-1] == "A" and len(found) > 1 else found[-1]
            found.append(BREAK)
    if found and found[-1] == BREAK:
        found.pop()
    return [*found, ending] if found else []
