"""How long each phone and pause takes, and on which frames of a voice it falls."""

from collections.abc import Sequence

import numpy as np

from adr_runtime.errors import InputError
from adr_runtime.inference.session import Session
from adr_runtime.limits import real_number
from adr_runtime.spoken_text.phones import INDEX, PAUSES

# Of speed and of the length of pauses; a pause may vanish.
SLOWEST, FASTEST, LONGEST_PAUSES = 0.25, 4.0, 10.0
# Of one phone, whatever a network says.
SHORTEST_SECONDS, LONGEST_SECONDS = 0.005, 2.0
IS_PAUSE = frozenset(PAUSES)


class Durations:
    """The network at work."""

    def __init__(self, session: Session):
        self.session = session

    def seconds(self, symbols: Sequence[str], places: Sequence[int]) -> np.ndarray:
        """Seconds float64 (length,) of the phones and pauses of one sentence. Raises ADRError where the graph fails."""
        feed = {
            "symbols": np.array([[INDEX[symbol] for symbol in symbols]], np.int64),
            "places": np.array([places], np.int64),
        }
        log_seconds = self.session.run(feed)["log_seconds"][0].astype(np.float64)
        seconds: np.ndarray = np.exp(log_seconds).clip(SHORTEST_SECONDS, LONGEST_SECONDS)
        return seconds


def frames(
    symbols: Sequence[str], seconds: np.ndarray, frame: float, speed: float = 1.0, pauses: float = 1.0
) -> np.ndarray:
    """Frames int64 (length,) of `frame` seconds each that phones and pauses take.

    `speed` 2 halves all durations; `pauses` multiplies those of pauses, 0 takes them away. Ends are rounded rather than
    durations, so that nothing adds up; every phone gets one frame at least, taken from what follows.
    Raises InputError for dials out of range.
    """
    speed, pauses = real_number(speed, "speed"), real_number(pauses, "pauses")
    if not SLOWEST <= speed <= FASTEST:
        raise InputError(f"speed must be from {SLOWEST:g} to {FASTEST:g}, not {speed:g}")
    if not 0 <= pauses <= LONGEST_PAUSES:
        raise InputError(f"pauses must be from 0 to {LONGEST_PAUSES:g}, not {pauses:g}")
    silent = np.array([symbol in IS_PAUSE for symbol in symbols])
    ends = np.cumsum(np.where(silent, seconds * pauses, seconds)) / (speed * frame)
    counts, position = np.zeros(len(symbols), np.int64), 0
    for number, end in enumerate(ends):
        counts[number] = max(int(np.floor(end + 0.5)) - position, 0 if silent[number] else 1)
        position += int(counts[number])
    return counts
