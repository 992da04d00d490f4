"""The pronouncing dictionary of a bundle: a text that was compressed by xz, one word a line, in the order of the words.

A line is the word in small letters, a tab, and its phones with spaces between them; further pronunciations follow, each
behind another tab. The whole begins with a line's end.
"""

import lzma
from collections.abc import Mapping, Sequence

from adr_runtime.errors import BundleError
from adr_runtime.spoken_text.phones import PHONES

MAX_PACKED, MAX_BYTES = 16 << 20, 64 << 20
KNOWN = frozenset(PHONES)

Phones = tuple[str, ...]


class Lexicon:
    """Words to pronunciations. It stays the text that it is, and its lines are searched by halves: as a dictionary it
    would take ten times the memory, and most of the time to load."""

    def __init__(self, packed: bytes, file: str = "lexicon"):
        """`packed` is what `pack` made; `file` names it in errors. Raises BundleError for what is no xz file, or too
        large."""
        self.file = file
        try:
            decompressor = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=4 * MAX_BYTES)
            self.text = decompressor.decompress(packed, MAX_BYTES)
        except lzma.LZMAError as error:
            raise BundleError(f"{file}: damaged: {error}; fetch or export the bundle again") from error
        whole = self.text[:1] == self.text[-1:] == b"\n"
        if not decompressor.eof or decompressor.unused_data or not whole:
            raise BundleError(f"{file}: expected one xz stream of up to {MAX_BYTES} bytes of whole lines")

    def find(self, word: str) -> tuple[Phones, ...]:
        """The pronunciations of a word in small letters, the commonest first; none where it is not there. Raises
        BundleError where they are none."""
        line = self.line(word.encode(errors="replace")).decode(errors="replace")
        found = tuple(tuple(phones.split(" ")) for phones in line.split("\t")[1:])
        if not all(set(phones) <= KNOWN for phones in found):
            raise BundleError(f"{self.file}: {word}: expected phones of ARPAbet, found {line[:80]!r}")
        return found

    def line(self, word: bytes) -> bytes:
        """The line of a word, empty where there is none."""
        low, high = 0, len(self.text) - 1
        while low < high:
            # The line around the middle: `low` is always the end of a line, and so is `high`.
            start = self.text.rfind(b"\n", low, (low + high) // 2 + 1)
            end = self.text.find(b"\n", start + 1)
            line = self.text[start + 1 : end]
            key = line.partition(b"\t")[0]
            if key == word:
                return line
            low, high = (end, high) if key < word else (low, start)
        return b""


def pack(entries: Mapping[str, Sequence[Phones]]) -> bytes:
    """A dictionary as a bundle holds it: words in small letters to pronunciations, the commonest first."""
    lines = ("\t".join([word, *map(" ".join, entries[word])]) for word in sorted(entries))
    return lzma.compress(("\n" + "\n".join(lines) + "\n").encode(), lzma.FORMAT_XZ, preset=9 | lzma.PRESET_EXTREME)
