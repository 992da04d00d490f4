"""Text as it arrives, cut into sentences, in memory that does not grow with the text.

A sentence ends at a full stop, a question or an exclamation mark with white space behind it, unless the full stop ends
an abbreviation or a small letter follows; at an empty line; and at a line that begins a list's item. What is longer
than LONGEST characters is cut at a comma or a space, or wherever it must be.
"""

import re

from adr_runtime.spoken_text.abbreviations import BEFORE_NUMBER, NEVER_LAST

LONGEST = 400
# A sentence's last mark with the quotes and brackets that close behind it, or what ends a line for good.
END = re.compile(r"[.!?…]+[\"')\]”’»]*(?=\s)|\n[^\S\n]*\n|\n(?=[^\S\n]*(?:[-*•]|\d{1,3}[.)])\s)")
BLANKS = re.compile(r"[^\S\n]+")
NEXT = re.compile(r"\s*")
LAST_WORD, LONGEST_ABBREVIATION = re.compile(r"[^\s(\[\"']*\Z"), 12
SOFT = re.compile(r"[,;:—](?=\s)|\s")


class SentenceSplitter:
    """Takes text piece by piece. A sentence comes out when the text says that it is over, which for one that ends in a
    mark is the first character of the next one, or the line's end."""

    def __init__(self) -> None:
        self.rest = ""

    def feed(self, text: str) -> list[str]:
        """The sentences that are over now."""
        return self.take(self.rest + text, final=False)

    def finish(self) -> list[str]:
        """The sentences that are left, when no more text comes."""
        return self.take(self.rest, final=True)

    def take(self, text: str, final: bool) -> list[str]:
        found, start = [], NEXT.match(text).end()  # type: ignore[union-attr]
        while start < len(text):
            end = sentence_end(text, start, final)
            if end is None:
                break
            found.append(text[start:end].strip())
            start = NEXT.match(text, end).end()  # type: ignore[union-attr]
        # Blanks without end must not be kept.
        self.rest = BLANKS.sub(" ", text[start:])
        return found


def sentence_end(text: str, start: int, final: bool) -> int | None:
    """Where the sentence from `start` ends, or None where only more text can tell."""
    limit, place = start + LONGEST, start
    while match := END.search(text, place, limit):
        verdict = ends_sentence(text, start, match)
        if verdict:
            return match.end()
        if verdict is None and not final:
            return None
        place = match.end()
    if len(text) > limit:
        return soft_end(text, start, limit)
    return len(text) if final else None


def ends_sentence(text: str, start: int, match: re.Match[str]) -> bool | None:
    """Whether a mark ends a sentence; None where the text stops too early to tell."""
    if match[0][0] == "\n":
        return True
    word = LAST_WORD.search(text, max(start, match.start() - LONGEST_ABBREVIATION), match.start())
    before = word[0] if word and match[0] == "." else ""
    if never_last(before):
        return False
    after = NEXT.match(text, match.end())
    assert after
    if "\n" in after[0]:
        return True
    if after.end() == len(text):
        return None
    following = text[after.end()]
    if following.isdigit() and before.lower() in BEFORE_NUMBER:
        return False
    # A question that is quoted goes on: "Why?" he asked.
    return not (following.islower() and (match[0][0] in ".…" or match[0][-1] not in ".!?…"))


def never_last(word: str) -> bool:
    """Whether a full stop behind this word belongs to it, as that of Mr., of e.g. and of an initial does."""
    return word.lower() in NEVER_LAST or (len(word) == 1 and word.isalpha() and word.isupper() and word != "I")


def soft_end(text: str, start: int, limit: int) -> int:
    """The best place to cut a text without an end: the last comma or the last space of its second half."""
    ends = [match.end() for match in SOFT.finditer(text, start + LONGEST // 2, limit)]
    marked = [end for end in ends if not text[end - 1].isspace()]
    return (marked or ends or [limit])[-1]
