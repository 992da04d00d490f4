"""Audio in the loop of a game: a token now and then, never more than a frame can spare.

A stream makes a token of 32 ms in about a millisecond, so that a loop at 60 frames a second keeps a sound card fed and
still draws.
"""

from collections import deque

import adr_runtime
import numpy as np

FRAMES_A_SECOND = 60
SECONDS = 2
# How far ahead of playback the loop stays, in samples.
AHEAD = 1600


def main() -> None:
    model = adr_runtime.AudioModel.load("speech-digits")
    stream = model.stream(playlist=["three", "two", "one"], cycle=True, seed=1)
    queue: deque[np.ndarray] = deque()
    queued = played = 0
    for _ in range(FRAMES_A_SECOND * SECONDS):
        if queued < AHEAD:
            # One stream is one row: (1, samples).
            queue.append(next(stream)[0])
            queued += len(queue[-1])
        # Here the game draws. A sound card would take these samples by itself.
        wanted = model.sample_rate // FRAMES_A_SECOND
        while wanted and queue:
            taken = queue[0][:wanted]
            queue[0] = queue[0][len(taken) :]
            if not len(queue[0]):
                queue.popleft()
            wanted -= len(taken)
            queued -= len(taken)
            played += len(taken)
    print(f"{played / model.sample_rate:.2f} s played, {queued} samples ahead")


if __name__ == "__main__":
    main()
