"""Whatever is written, down to letters of the Latin alphabet, digits and signs: no mark-up, no accents, no emoji."""

import html
import re
import unicodedata

from adr_runtime.errors import InputError

TAG = re.compile(r"</?[A-Za-z][^<>]{0,500}>|<!--.{0,500}?-->")
LINK = re.compile(r"!?\[([^\[\]]{0,300})\]\([^()\s]{0,500}\)")
# What Unicode does not take apart by itself, or takes apart into something else than what is said.
SAID = {
    "ß": "ss", "æ": "ae", "Æ": "Ae", "œ": "oe", "Œ": "Oe", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D",
    "ð": "th", "Ð": "Th", "þ": "th", "Þ": "Th", "ı": "i", "ʼ": "'", "‘": "'", "’": "'", "‛": "'", "“": '"', "”": '"',
    "«": '"', "»": '"', "‐": "-", "‑": "-", "‒": "-", "–": "-", "−": "-", "—": " -- ", "―": " -- ", "…": "...",
    "×": " times ", "÷": " divided by ", "±": " plus or minus ", "≈": " about ", "≠": " is not ", "≤": " at most ",
    "≥": " at least ", "∞": " infinity ", "µ": "μ", "½": " 1/2", "¼": " 1/4", "¾": " 3/4", "⅓": " 1/3", "⅔": " 2/3",
    "²": "^2", "³": "^3", "©": " copyright ", "§": " section ", "™": "", "®": "", "。": ". ", "、": ", ", "，": ", ",
}  # fmt: skip
# Signs that later steps read, beside ASCII.
KEPT = frozenset("°£€¥₹μ")


def plain(text: str) -> str:
    """Text with none but ASCII's printable characters and the signs ° £ € ¥ ₹ μ.

    Mark-up goes, accents go, and whatever is no letter, digit or known sign becomes a space: emoji, NUL and other
    control characters. Raises InputError for a letter of another script, which nobody here can say.
    """
    if text.isascii() and not any(c in text for c in "<&[\x00\x1b"):
        return text
    text = TAG.sub(" ", LINK.sub(r"\1", html.unescape(text)))
    return "".join(map(said, text)) if not text.isascii() else "".join(c if " " <= c <= "~" else " " for c in text)


def said(character: str) -> str:
    """One character as ASCII and KEPT have it. Raises InputError."""
    if character in SAID:
        return SAID[character]
    if " " <= character <= "~" or character in KEPT:
        return character
    category = unicodedata.category(character)
    if category == "Nd":
        return str(unicodedata.digit(character))
    if category == "Mn":
        return ""
    apart = "".join(c for c in unicodedata.normalize("NFKD", character) if unicodedata.category(c) != "Mn")
    if apart and all(" " <= c <= "~" for c in apart):
        return apart
    if category[0] == "L" and category != "Lm":
        name = unicodedata.name(character, f"U+{ord(character):04X}")
        raise InputError(
            f"cannot say {character!r} ({name}): this voice speaks English; write it with letters of the Latin alphabet"
        )
    return " "
