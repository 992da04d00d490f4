"""Text to sentences of phones, as the text arrives, by a bundle of the family "spoken-text"."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from adr_runtime.errors import BundleError, InputError
from adr_runtime.inference.model import LoadedModel
from adr_runtime.inference.opening import OpenBundle, open_model
from adr_runtime.spoken_text.durations import Durations
from adr_runtime.spoken_text.letters import LetterSounds
from adr_runtime.spoken_text.lexicon import MAX_PACKED, Lexicon
from adr_runtime.spoken_text.manifest import SPOKEN_TEXT, SpokenTextManifest
from adr_runtime.spoken_text.normalise import normalise
from adr_runtime.spoken_text.phones import INSIDE, START, places
from adr_runtime.spoken_text.pronunciation import Pronouncer
from adr_runtime.spoken_text.sentences import SentenceSplitter

NOTHING = "nothing to say: the text has neither a letter nor a digit"


@dataclass(frozen=True)
class Sentence:
    """What is said of one sentence. `text` has its words and marks; `symbols` are phones and pauses
    (`adr_runtime.spoken_text.phones`), with a pause at both ends; `places` say where in its word each phone stands."""

    text: str
    symbols: tuple[str, ...]
    places: tuple[int, ...]


class SpokenText(LoadedModel):
    """A loaded bundle that turns text into phones. `durations` is None where the bundle has no such graph."""

    def __init__(self, opened: OpenBundle):
        super().__init__(opened)
        manifest = opened.bundle.manifest
        assert isinstance(manifest, SpokenTextManifest)
        self.pronouncer = Pronouncer(read_lexicon(opened), LetterSounds(opened.sessions["letters"]))
        self.durations = Durations(opened.sessions["durations"]) if "durations" in opened.sessions else None

    @classmethod
    def load(cls, name: str | Path) -> "SpokenText":
        """Load a bundle by its folder or its name on a hub; its graphs are too small for anything but the CPU. Raises
        ADRError in one line that says what to do."""
        return cls(open_model(name, {"spoken-text": SPOKEN_TEXT}, "cpu"))

    def sentences(self, text: str | Iterable[str]) -> Iterator[Sentence]:
        """The sentences of a text, or of the pieces of one that is still arriving, such as an open file: each as soon
        as it is over, in memory that does not grow. Raises InputError for letters of other scripts, for what is no
        text, and at the end of one that has nothing to say."""
        said = False
        for written in written_sentences([text] if isinstance(text, str) else text):
            for sentence in self.speak(written):
                said = True
                yield sentence
        if not said:
            raise InputError(NOTHING)

    def speak(self, written: str) -> list[Sentence]:
        """One sentence as `SentenceSplitter` cut it; none where there is nothing to say."""
        tokens = normalise(written)
        if not tokens:
            return []
        symbols, of_symbols = [START], [INSIDE]
        for token, words in zip(tokens, self.pronouncer.words(tokens), strict=True):
            for phones in words:
                symbols += phones
                of_symbols += places(len(phones))
            if not words:
                symbols.append(token)
                of_symbols.append(INSIDE)
        return [Sentence(" ".join(tokens), tuple(symbols), tuple(of_symbols))]


def written_sentences(pieces: Iterable[str]) -> Iterator[str]:
    """The sentences of a text as they are written, each as soon as it is over. Raises InputError for no text."""
    splitter = SentenceSplitter()
    for piece in pieces:
        if not isinstance(piece, str):
            raise InputError(f"text must be str, not {type(piece).__name__}")
        yield from splitter.feed(piece)
    yield from splitter.finish()


def read_lexicon(opened: OpenBundle) -> Lexicon:
    """The dictionary, verified. Raises ADRError."""
    bundle = opened.bundle
    assert isinstance(bundle.manifest, SpokenTextManifest)
    spec = bundle.manifest.lexicon
    data, file = bundle.source.read(spec.file, spec.bytes, MAX_PACKED), str(bundle.folder / spec.file)
    if hashlib.sha256(data).hexdigest() != spec.sha256:
        raise BundleError(f"{file}: damaged: its SHA-256 is not that of the manifest; {bundle.source.remedy}")
    return Lexicon(data, file)
