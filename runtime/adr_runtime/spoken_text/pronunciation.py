"""Words to phones: the dictionary first, rules for what stands beside it, and the network for the rest."""

from collections.abc import Sequence
from itertools import pairwise

from adr_runtime.spoken_text.letters import LetterSounds
from adr_runtime.spoken_text.lexicon import Lexicon, Phones

# In capitals these are no words but letters.
SPELLED = frozenset({"US", "UK", "EU", "UN", "IT", "AI", "TV", "PC", "ID", "AM", "PM", "OK", "DJ", "PR", "HR", "IS"})
LONGEST_INITIALISM = 5
HISSING, VOICELESS = frozenset({"S", "Z", "SH", "ZH", "CH", "JH"}), frozenset({"P", "T", "K", "F", "TH"})
# Of two pronunciations with another stress, the noun's is behind these words, the verb's behind those.
BEFORE_NOUN = frozenset({
    "a", "an", "the", "this", "that", "my", "your", "his", "her", "its", "our", "their", "no", "any", "some", "each",
    "every", "of", "in", "on", "for", "with", "new", "first",
})  # fmt: skip
BEFORE_VERB = frozenset({
    "to", "will", "would", "can", "could", "shall", "should", "may", "might", "must", "i", "you", "we", "they", "not",
    "please", "and",
})  # fmt: skip
# Words that are short before another word, as the voices' teachers say them.
SHORT = {"to": ("T", "AH0"), "and": ("AE1", "N", "D"), "her": ("HH", "ER0"), "were": ("W", "ER0")}
KEPT_WORDS = 4096


class Pronouncer:
    """Finds phones, and remembers those of up to KEPT_WORDS words that the network has said."""

    def __init__(self, lexicon: Lexicon, network: LetterSounds):
        self.lexicon, self.network = lexicon, network
        self.said: dict[str, Phones] = {}

    def words(self, tokens: Sequence[str]) -> list[list[Phones]]:
        """The phones of each token of a sentence (`adr_runtime.spoken_text.normalise`): several words where one is
        spelled or put together, none for a pause. Raises ADRError where the graph or the dictionary fails."""
        found = [self.token(token, before) for before, token in zip(["", *tokens], tokens, strict=False)]
        for number, token in enumerate(tokens[:-1]):
            lower, after = token.lower(), found[number + 1]
            if after and lower in SHORT:
                found[number] = [SHORT[lower]]
            # "the" before a vowel has another one.
            if lower == "the" and after and after[0] and after[0][0][-1].isdigit():
                found[number] = [("DH", "IY0")]
        return found

    def token(self, token: str, before: str) -> list[Phones]:
        if not token[0].isalpha():
            return []
        lower = token.lower()
        if len(lower) == 2 and lower[1] == ".":
            return [self.letter(lower[0])]
        known = self.lexicon.find(lower)
        # Whatever else is written in capitals and short stands for words that nobody says.
        initials = token in SPELLED or (not known and len(token) <= LONGEST_INITIALISM)
        if token.isupper() and len(token) > 1 and initials:
            return self.spell(lower)
        if known:
            return [choose(known, before.lower())]
        return self.unknown(token)

    def unknown(self, token: str) -> list[Phones]:
        """A word that the dictionary lacks: its base with an 's behind it, the parts of CamelCase, or letters."""
        lower = token.lower()
        base = lower.removesuffix("'s")
        if base != lower:
            parts = self.token(token[: len(base)], "")
            return [*parts[:-1], with_s(parts[-1])]
        cuts = [i for i in range(1, len(token)) if token[i].isupper() and token[i - 1].islower()]
        if cuts:
            edges = [0, *cuts, len(token)]
            return [p for a, b in pairwise(edges) for p in self.token(token[a:b], "")]
        if not set(lower) & set("aeiouy") and len(lower) <= LONGEST_INITIALISM:
            return self.spell(lower)
        phones = self.said.get(lower)
        if phones is None:
            phones = self.network.pronounce(lower)
            # Another thread may do the same, so that what is there now need not be there later.
            if len(self.said) >= KEPT_WORDS:
                self.said.clear()
            self.said[lower] = phones
        return [phones] if phones else self.spell(lower)

    def spell(self, word: str) -> list[Phones]:
        """A word letter by letter."""
        return [self.letter(letter) for letter in word if letter != "'"]

    def letter(self, letter: str) -> Phones:
        """The name of a letter."""
        known = self.lexicon.find(f"{letter}.") or self.lexicon.find(letter)
        return known[0] if known else self.network.pronounce(letter)


def with_s(phones: Phones) -> Phones:
    """A word with the ending s behind it."""
    last = phones[-1] if phones else ""
    return (*phones, *(("IH0", "Z") if last in HISSING else ("S",) if last in VOICELESS else ("Z",)))


def choose(known: Sequence[Phones], before: str) -> Phones:
    """One of a word's pronunciations: where two differ in the vowel that is stressed, as in "record", the one that the
    word before asks for; otherwise the first."""
    if len(known) > 1 and (before in BEFORE_NOUN or before in BEFORE_VERB):
        stressed = [stressed_vowel(phones) for phones in known[:2]]
        if stressed[0] != stressed[1] and len(set(map(vowels, known[:2]))) == 1:
            noun = known[0] if stressed[0] < stressed[1] else known[1]
            return noun if before in BEFORE_NOUN else known[1 - known.index(noun)]
    return known[0]


def vowels(phones: Phones) -> int:
    return sum(phone[-1].isdigit() for phone in phones)


def stressed_vowel(phones: Phones) -> int:
    """Which of the vowels has the primary stress."""
    stresses = [phone[-1] for phone in phones if phone[-1].isdigit()]
    return stresses.index("1") if "1" in stresses else 0
