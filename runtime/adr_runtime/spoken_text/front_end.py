"""Text to sentences of phones, as the text arrives, by a bundle of the family "spoken-text"."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from adr_runtime.bundles.bundle import Bundle, read_nested
from adr_runtime.bundles.specs import FileSpec
from adr_runtime.errors import BundleError, InputError
from adr_runtime.inference.model import LoadedModel
from adr_runtime.inference.opening import OpenBundle, open_model, open_nested
from adr_runtime.spoken_text.aligner import Aligner
from adr_runtime.spoken_text.durations import Durations
from adr_runtime.spoken_text.letters import LetterSounds
from adr_runtime.spoken_text.lexicon import Lexicon, Phones
from adr_runtime.spoken_text.manifest import SPOKEN_TEXT, SpokenTextManifest
from adr_runtime.spoken_text.normalise import normalise
from adr_runtime.spoken_text.phones import BREAK, INSIDE, PAUSES, START, places
from adr_runtime.spoken_text.plain import plain
from adr_runtime.spoken_text.pronunciation import Pronouncer
from adr_runtime.spoken_text.sentences import SentenceSplitter

NOTHING = "nothing to say: the text has neither a letter nor a digit"
FAMILIES = {"spoken-text": SPOKEN_TEXT}
# The graphs that speaking takes, and all that there may be.
SPEAKING = ("letters", "durations")
EVERY_GRAPH = (*SPEAKING, "align")
# A sentence of more symbols, as one of many signs that are words, is cut before the next word.
LONGEST = 500


@dataclass(frozen=True)
class SpokenWord:
    """A word of a sentence, or the name of a letter as "b.": its symbols are those from `first` on, before `end`."""

    text: str
    first: int
    end: int


@dataclass(frozen=True)
class Sentence:
    """What is said of one sentence. `text` has its words and marks; `symbols` are phones and pauses
    (`adr_runtime.spoken_text.phones`), with a pause at both ends; `places` say where in its word each phone stands."""

    text: str
    symbols: tuple[str, ...]
    places: tuple[int, ...]
    words: tuple[SpokenWord, ...]


@dataclass
class Unfinished:
    """A sentence while it is put together."""

    tokens: list[str] = field(default_factory=list)
    symbols: list[str] = field(default_factory=lambda: [START])
    places: list[int] = field(default_factory=lambda: [INSIDE])
    words: list[SpokenWord] = field(default_factory=list)

    def say(self, token: str, words: list[Phones]) -> None:
        self.tokens.append(token)
        first = len(self.symbols)
        for phones in words:
            self.symbols += phones
            self.places += places(len(phones))
        if len(self.symbols) > first:
            self.words.append(SpokenWord(token, first, len(self.symbols)))

    def pause(self, mark: str) -> None:
        self.tokens.append(mark)
        self.symbols.append(mark)
        self.places.append(INSIDE)

    def finished(self) -> Sentence:
        if self.symbols[-1] not in PAUSES[1:]:
            self.pause(BREAK)
        return Sentence(" ".join(self.tokens), tuple(self.symbols), tuple(self.places), tuple(self.words))


class SpokenText(LoadedModel):
    """A loaded bundle that turns text into phones. `durations` is None where the bundle has no such graph, and so is
    `aligner`, also where it is loaded for speaking alone."""

    def __init__(self, opened: OpenBundle):
        super().__init__(opened)
        manifest = opened.bundle.manifest
        assert isinstance(manifest, SpokenTextManifest)
        self.pronouncer = Pronouncer(read_lexicon(opened.bundle), LetterSounds(opened.sessions["letters"]))
        timed = opened.sessions.get("durations")
        paces = {pace.speaker: pace.factor for pace in manifest.paces}
        self.durations = Durations(timed, manifest.speakers, paces) if timed else None
        heard = opened.sessions.get("align")
        self.aligner = Aligner(heard) if heard else None

    @classmethod
    def load(cls, name: str | Path) -> "SpokenText":
        """Load a bundle by its folder or its name on a hub; its graphs are too small for anything but the CPU. Raises
        ADRError in one line that says what to do."""
        return cls(open_model(name, FAMILIES, "cpu"))

    @classmethod
    def inside(
        cls, bundle: Bundle, spec: FileSpec, threads: int = 1, wanted: Collection[str] = SPEAKING
    ) -> "SpokenText":
        """Load some graphs of the bundle inside a voice's. Raises ADRError."""
        model = cls(open_nested(bundle, spec, FAMILIES, threads, wanted))
        if model.durations is None:
            raise BundleError(f"{model.bundle.folder}: has no graph of durations, which a voice needs; export it anew")
        return model

    def check(self, text: str | Iterable[str]) -> None:
        """Raises InputError for a text that `sentences` would refuse, sooner than saying it would."""
        something = False
        for written in written_sentences(text):
            # What is refused is refused there; all the rest takes ten times as long.
            plain(written)
            something = something or bool(normalise(written))
        if not something:
            raise InputError(NOTHING)

    def sentences(self, text: str | Iterable[str]) -> Iterator[Sentence]:
        """The sentences of a text, or of the pieces of one that is still arriving, such as an open file: each as soon
        as it is over, in memory that does not grow. Raises InputError for letters of other scripts, for what is no
        text, and at the end of one that has nothing to say."""
        said = False
        for written in written_sentences(text):
            for sentence in self.speak(written):
                said = True
                yield sentence
        if not said:
            raise InputError(NOTHING)

    def speak(self, written: str) -> list[Sentence]:
        """One sentence as `SentenceSplitter` cut it, or what it is cut into; none where there is nothing to say."""
        tokens = normalise(written)
        sentences, part = list[Sentence](), Unfinished()
        for token, words in zip(tokens, self.pronouncer.words(tokens), strict=True):
            if words and len(part.symbols) >= LONGEST:
                sentences.append(part.finished())
                part = Unfinished()
            if words:
                part.say(token, words)
            else:
                part.pause(token)
        return [*sentences, part.finished()] if tokens else []


def written_sentences(text: str | Iterable[str]) -> Iterator[str]:
    """The sentences of a text as they are written, each as soon as it is over. Raises InputError for no text."""
    splitter = SentenceSplitter()
    if not isinstance(text, Iterable):
        raise InputError(f"text must be str, or pieces of it, not {type(text).__name__}")
    for piece in [text] if isinstance(text, str) else text:
        if not isinstance(piece, str):
            raise InputError(f"text must be str, not {type(piece).__name__}")
        yield from splitter.feed(piece)
    yield from splitter.finish()


def verify(bundle: Bundle, spec: FileSpec) -> None:
    """Read the bundle inside a voice's, all of it. Raises ADRError."""
    read_lexicon(read_nested(bundle, spec, FAMILIES)[0])


def read_lexicon(bundle: Bundle) -> Lexicon:
    """The dictionary, verified. Raises ADRError."""
    assert isinstance(bundle.manifest, SpokenTextManifest)
    spec = bundle.manifest.lexicon
    return Lexicon(bundle.source.read_verified(spec), str(bundle.folder / spec.file))
