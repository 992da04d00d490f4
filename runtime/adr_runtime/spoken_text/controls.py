"""What each token of a voice is told of a sentence: the phone that it falls on, those around it, and how far it is to
the edges between them.

This takes the place of the length regulator of FastSpeech (Ren et al. 2019, arXiv 1905.09263), which repeats each
phone's encoding for as long as the phone lasts. No encoder reads the sentence here: all that a voice knows of what is
to come is in these classes, so that a token costs the same however long the text is. Phones ahead are needed since
neither a voice nor its codec hears the future. Training and generating both come here.
"""

from collections.abc import Sequence

import numpy as np

from adr_runtime.spoken_text.durations import IS_PAUSE
from adr_runtime.spoken_text.phones import INDEX, PAUSES, PLACES, START, SYMBOLS

# Upper edges of intervals, of which there is one more: in tokens, fine near an edge, and in seconds.
DISTANCES = (0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 12.0, 16.0)
REMAINING = (0.1, 0.2, 0.35, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0)
# The controls with the numbers of their classes. All are of the middle of a token:
# `phone` is the symbol there, `before` the one before that, `after` and `later` the two behind it;
# `place` says where in its word the phone stands;
# `since` and `until` are the tokens from the phone's beginning and to its end, by DISTANCES;
# `mark` is the pause that ends the phrase, `left` the seconds until that begins, by REMAINING.
CONTROLS = {
    "phone": len(SYMBOLS), "before": len(SYMBOLS), "after": len(SYMBOLS), "later": len(SYMBOLS), "place": PLACES,
    "since": len(DISTANCES) + 1, "until": len(DISTANCES) + 1, "mark": len(PAUSES), "left": len(REMAINING) + 1,
}  # fmt: skip
# Of a token, by which rounding may make a sentence longer without its having one more.
SLACK = 1e-6


def token_count(seconds: float, token: float) -> int:
    """The tokens of `token` seconds each that so many seconds fill, the last one perhaps in part; one at least."""
    return max(int(np.ceil(seconds / token - SLACK)), 1)


def token_controls(symbols: Sequence[str], places: Sequence[int], seconds: np.ndarray, token: float) -> np.ndarray:
    """The classes of one sentence's tokens, int64 (tokens, K) in the order of CONTROLS.

    `symbols` and `places` are the sentence's phones and pauses (`adr_runtime.spoken_text.phones`), `seconds` float64
    (length,) how long each takes, 0 for a pause that is left out, and `token` the seconds of a token. A sentence
    begins with a token; outside of it there are pauses.
    """
    ends = np.cumsum(np.asarray(seconds, np.float64))
    starts = np.append(0.0, ends)
    middle = (np.arange(token_count(float(ends[-1]), token)) + 0.5) * token
    here = np.minimum(np.searchsorted(ends, middle, "right"), len(symbols) - 1)
    around = np.array([INDEX[symbol] for symbol in (START, *symbols, START, START)])
    pauses = np.array([i for i, symbol in enumerate(symbols) if symbol in IS_PAUSE] + [len(symbols)])
    # The first pause that is not behind the token: a token in a pause has that pause itself.
    pause = pauses[np.searchsorted(pauses, here)]
    classes = {
        "phone": around[here + 1],
        "before": around[here],
        "after": around[here + 2],
        "later": around[here + 3],
        "place": np.asarray(places)[here],
        "since": np.searchsorted(DISTANCES, (middle - starts[here]) / token, "right"),
        "until": np.searchsorted(DISTANCES, (ends[here] - middle) / token, "right"),
        "mark": around[pause + 1],
        "left": np.searchsorted(REMAINING, starts[pause] - middle, "right"),
    }
    return np.stack([classes[name] for name in CONTROLS], -1).astype(np.int64)
