"""How long each phone and pause takes."""

from collections.abc import Mapping, Sequence

import numpy as np

from adr_runtime.errors import InputError
from adr_runtime.inference.session import Session
from adr_runtime.limits import MAX_PAUSE, real_number
from adr_runtime.spoken_text.phones import ENDS, INDEX, PAUSES

SLOWEST, FASTEST = 0.5, 2.0
# Of one phone, whatever a network says.
SHORTEST_SECONDS, LONGEST_SECONDS = 0.005, 2.0
IS_PAUSE = frozenset(PAUSES)


class Durations:
    """The network at work. `paces` are factors by which speakers whom it does not know take longer than no one."""

    def __init__(self, session: Session, speakers: Sequence[str] = (), paces: Mapping[str, float] | None = None):
        self.session, self.speakers, self.paces = session, tuple(speakers), dict(paces or {})

    def seconds(self, symbols: Sequence[str], places: Sequence[int], speaker: str | None = None) -> np.ndarray:
        """Seconds float64 (length,) of the phones and pauses of one sentence, at the pace of a speaker where the
        bundle knows it. Raises ADRError where the graph fails."""
        feed = {
            "symbols": np.array([[INDEX[symbol] for symbol in symbols]], np.int64),
            "places": np.array([places], np.int64),
        }
        if self.speakers:
            known = self.speakers.index(speaker) if speaker in self.speakers else len(self.speakers)
            feed["speaker"] = np.array([known], np.int64)
        log_seconds = self.session.run(feed)["log_seconds"][0].astype(np.float64)
        factor = self.paces.get(speaker, 1.0) if speaker else 1.0
        seconds: np.ndarray = (np.exp(log_seconds) * factor).clip(SHORTEST_SECONDS, LONGEST_SECONDS)
        return seconds


def check_dials(speed: float, pause: float | None) -> None:
    """Raises InputError for what `paced` does not take."""
    if not SLOWEST <= real_number(speed, "speed") <= FASTEST:
        raise InputError(f"speed must be from {SLOWEST:g} to {FASTEST:g}, not {speed:g}")
    if pause is not None and not 0 <= real_number(pause, "pause") <= MAX_PAUSE:
        raise InputError(f"pause must be from 0 to {MAX_PAUSE} seconds, not {pause:g}")


def paced(symbols: Sequence[str], seconds: np.ndarray, speed: float = 1.0, pause: float | None = None) -> np.ndarray:
    """Seconds float64 (length,) of the phones and pauses of one sentence, which begins with a pause, at another pace.

    `speed` 2 halves them all. `pause` is the silence between two sentences: what of it is not before this one comes
    behind it, where there is a full stop or the like. Raises InputError for dials out of range.
    """
    check_dials(speed, pause)
    scaled: np.ndarray = seconds / float(speed)
    if pause is not None:
        scaled[0] = min(scaled[0], float(pause))
        if symbols[-1] in ENDS:
            scaled[-1] = float(pause) - scaled[0]
    return scaled
