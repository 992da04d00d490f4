"""What abbreviations stand for, each with a full stop behind it in the text."""

import re

ALWAYS = {
    "mr": "mister", "mrs": "missus", "ms": "ms", "messrs": "messrs", "dr": "doctor", "prof": "professor",
    "capt": "captain", "lt": "lieutenant", "sgt": "sergeant", "jr": "junior", "sr": "senior", "etc": "et cetera",
    "e.g": "for example", "i.e": "that is", "vs": "versus", "cf": "compare", "viz": "namely",
    "approx": "approximately", "dept": "department", "inc": "incorporated", "ltd": "limited", "corp": "corporation",
    "bros": "brothers", "blvd": "boulevard", "rd": "road", "hwy": "highway", "jan": "january", "feb": "february",
    "apr": "april", "aug": "august", "sept": "september", "oct": "october", "nov": "november", "dec": "december",
    "tues": "tuesday", "thurs": "thursday",
}  # fmt: skip
# Words in their own right, unless a name (a capital) or a number comes next.
BEFORE_NAME = {
    "rev": "reverend", "hon": "honorable", "gen": "general", "col": "colonel", "gov": "governor", "sen": "senator",
    "rep": "representative", "pres": "president", "mt": "mount", "ft": "fort", "st": "saint",
}  # fmt: skip
BEFORE_NUMBER = {
    "no": "number", "nos": "numbers", "fig": "figure", "vol": "volume", "ch": "chapter", "chap": "chapter",
    "p": "page", "pp": "pages", "sec": "section", "art": "article", "mar": "march", "jun": "june", "jul": "july",
    "sep": "september",
}  # fmt: skip
ELSEWHERE = {"st": "street", "ave": "avenue", "apt": "apartment", "mon": "monday", "tue": "tuesday", "wed": "wednesday",
             "thu": "thursday", "fri": "friday"}  # fmt: skip
# A full stop behind these goes on to something.
NEVER_LAST = frozenset({
    "mr", "mrs", "ms", "messrs", "dr", "prof", "rev", "gen", "col", "capt", "lt", "sgt", "gov", "sen", "st", "mt",
    "e.g", "i.e", "vs", "cf", "viz", "approx",
})  # fmt: skip
DOTTED = re.compile(r"\b([A-Za-z]{1,6}(?:\.[A-Za-z])?)\.(?=(\s*)(\S?))")


def expand_abbreviations(text: str) -> str:
    """The text with abbreviations as words. The full stop of one that stands at the very end stays."""

    def expand(match: re.Match[str]) -> str:
        word, space, after = match[1], match[2], match[3]
        said = expansion(word, after if space else "")
        if said is None:
            return match[0]
        return said if after else f"{said}."

    return DOTTED.sub(expand, text)


def expansion(word: str, after: str) -> str | None:
    """What a word with a full stop behind it stands for where the character `after` follows, or None."""
    key, capital = word.lower(), word[0].isupper()
    if key in ALWAYS:
        return ALWAYS[key]
    if key in BEFORE_NUMBER and after.isdigit():
        return BEFORE_NUMBER[key]
    if key in BEFORE_NAME and capital and after.isupper():
        return BEFORE_NAME[key]
    return ELSEWHERE.get(key) if capital else None
