"""The phones of American English, as the CMU Pronouncing Dictionary writes them (ARPAbet), and the symbols that voices
and durations are conditioned on: phones and pauses.

A vowel ends in its stress: 0 none, 1 primary, 2 secondary. Symbols tell stressed from unstressed alone, since the
speech that voices learn from marks no more.
"""

VOWELS = ("AA", "AE", "AH", "AO", "AW", "AY", "EH", "ER", "EY", "IH", "IY", "OW", "OY", "UH", "UW")
CONSONANTS = (
    "B", "CH", "D", "DH", "F", "G", "HH", "JH", "K", "L", "M", "N", "NG", "P", "R", "S", "SH", "T", "TH", "V", "W",
    "Y", "Z", "ZH",
)  # fmt: skip
PHONES = (*CONSONANTS, *(f"{vowel}{stress}" for vowel in VOWELS for stress in range(3)))
# Silence before a sentence; a pause within one; the ends of sentences.
START, BREAK, ENDS = "pau", ",", (".", "?", "!")
PAUSES = (START, BREAK, *ENDS)
SYMBOLS = (*PAUSES, *CONSONANTS, *(f"{vowel}{stress}" for vowel in VOWELS for stress in range(2)))
INDEX = {symbol: number for number, symbol in enumerate(SYMBOLS)} | {
    f"{vowel}2": SYMBOLS.index(f"{vowel}1") for vowel in VOWELS
}
# Where a phone stands in its word: at its beginning, at its end, both, or neither. A pause is neither.
INSIDE, FIRST, LAST, ONLY = range(4)
PLACES = 4


def places(length: int) -> list[int]:
    """The places of the phones of a word of `length` phones."""
    if length == 1:
        return [ONLY]
    return [FIRST, *[INSIDE] * (length - 2), LAST] if length else []
