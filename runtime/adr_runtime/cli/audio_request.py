"""What `adr-run audio` was asked for, beside how tokens are generated."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from adr_runtime.errors import InputError
from adr_runtime.limits import MAX_SECONDS
from adr_runtime.media.atomic import check_target
from adr_runtime.media.timestamps import FORMATS
from adr_runtime.spoken_text.durations import check_dials

SLOWEST, FASTEST = 0.001, 1000


@dataclass(frozen=True)
class TextRequest:
    """The options of `adr-run audio` that are about text."""

    text: str | None
    file: Path | None
    speed: float | None
    pause: float | None
    timestamps: Path | None

    @property
    def asked(self) -> bool:
        return self.text is not None or self.file is not None

    def check(self, others: Mapping[str, object]) -> None:
        """Raises InputError for options that do not go together, `others` those that a text takes the place of."""
        own = {"speed": self.speed, "pause": self.pause, "timestamps": self.timestamps}
        for option, value in others.items() if self.asked else own.items():
            if value is not None:
                line = "a text goes without it; leave it out" if self.asked else "goes with --text or --text-file"
                raise InputError(f"--{option}: {line}")
        if self.text is not None and self.file is not None:
            raise InputError("--text and --text-file are both the text; give one of them")
        check_dials(1.0 if self.speed is None else self.speed, self.pause)
        if self.timestamps:
            check_target(self.timestamps, FORMATS)


@dataclass(frozen=True)
class AudioRequest:
    """The options of `adr-run audio` that are not the sampler's."""

    label: str | None
    labels: str | None
    seconds: float | None
    count: int | None
    out: Path | None
    plot: Path | None
    prompt: Path | None
    stream: bool
    realtime: float | None
    json: bool
    text: TextRequest

    @property
    def words(self) -> list[str]:
        return self.labels.split() if self.labels is not None else []

    @property
    def piped(self) -> bool:
        return self.out is not None and str(self.out) == "-"

    @property
    def endless(self) -> bool:
        return self.piped and self.seconds == float("inf")

    def check(self) -> None:
        """Raises InputError for options that do not go together."""
        self.text.check({
            "label": self.label, "labels": self.labels, "seconds": self.seconds, "count": self.count,
            "prompt": self.prompt, "plot": self.plot,
        })  # fmt: skip
        if self.json and self.piped:
            raise InputError("--json and --out - would share standard output; choose one")
        if (self.piped or self.labels is not None) and (self.count or 1) != 1:
            raise InputError(f"{'--out -' if self.piped else '--labels'} takes one sound; leave -n out")
        if self.label is not None and self.labels is not None:
            raise InputError("--label is one word and --labels several; give one of them")
        if self.labels is not None and not self.words:
            raise InputError('--labels has no word; try --labels "three one four"')
        if self.prompt is not None and self.labels is not None:
            raise InputError("--prompt goes with --label, not with --labels")
        if self.piped and self.plot:
            raise InputError("--plot draws what went to a file; give --out a name")
        if self.seconds is not None and not self.endless and not 0 < self.seconds <= MAX_SECONDS:
            raise InputError(
                f"--seconds must be more than 0 and up to {MAX_SECONDS:g} (inf with --out -), not {self.seconds:g}"
            )
        if self.realtime is not None and not SLOWEST <= self.realtime <= FASTEST:
            raise InputError(f"--realtime must be from {SLOWEST} to {FASTEST}, not {self.realtime:g}")
        if self.plot:
            check_target(self.plot, (".png",))
