"""When each word of a sound is heard: as JSON, and as subtitles in SRT or WebVTT."""

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace

FORMATS = (".json", ".srt", ".vtt")
# A subtitle has up to so many characters, two lines on most screens; behind a pause it may be half as long.
LONGEST = 84
ENDS = (".", "?", "!")


@dataclass(frozen=True)
class Word:
    """A word as it is said, in a number or an abbreviation one of several, with its start and end in seconds. `mark` is
    the punctuation behind it, a comma or what ends a sentence, or nothing."""

    word: str
    start: float
    end: float
    mark: str = ""


class Timestamps:
    """Words as they come, in one of FORMATS, handed piece by piece to `write`; what is kept is one subtitle."""

    def __init__(self, write: Callable[[str], object], form: str):
        self.write, self.form, self.count = write, form, 0
        self.cue: list[Word] = []
        self.begins = True
        write({".json": '{"words": [', ".srt": "", ".vtt": "WEBVTT\n\n"}[form])

    def add(self, words: Iterable[Word]) -> None:
        for word in words:
            if self.form == ".json":
                values = asdict(word) | {"start": round(word.start, 3), "end": round(word.end, 3)}
                self.write(("," if self.count else "") + "\n" + json.dumps(values))
                self.count += 1
                continue
            if self.cue and len(spelled([*self.cue, word])) > LONGEST:
                self.flush()
            # What a number or an abbreviation has become is in small letters wherever it stands; iPhone is as it was.
            shown = word.word.capitalize() if self.begins and word.word.islower() else word.word
            self.begins = word.mark in ENDS
            self.cue.append(replace(word, word=shown))
            if word.mark in ENDS or (word.mark and len(spelled(self.cue)) > LONGEST // 2):
                self.flush()

    def flush(self) -> None:
        """Write the subtitle that has been gathered."""
        if self.cue:
            self.count += 1
            point = "," if self.form == ".srt" else "."
            times = f"{clock(self.cue[0].start, point)} --> {clock(self.cue[-1].end, point)}"
            self.write((f"{self.count}\n" if self.form == ".srt" else "") + f"{times}\n{spelled(self.cue)}\n\n")
            self.cue = []

    def finish(self) -> None:
        """Write what comes behind the last word."""
        self.flush()
        if self.form == ".json":
            self.write("\n]}\n")


def spelled(words: Iterable[Word]) -> str:
    """Words with their marks, as in a text."""
    return " ".join(word.word + word.mark for word in words)


def clock(seconds: float, point: str) -> str:
    """As 01:02:03.004."""
    whole = round(seconds * 1000)
    minutes, milliseconds = divmod(whole, 60_000)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{milliseconds // 1000:02d}{point}{milliseconds % 1000:03d}"
