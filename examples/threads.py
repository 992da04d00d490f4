"""One model, many threads: models are immutable, and whatever changes belongs to its stream."""

from concurrent.futures import ThreadPoolExecutor

import adr_runtime
import numpy as np


def main() -> None:
    model = adr_runtime.AudioModel.load("speech-digits")

    def say(label: str) -> adr_runtime.Audio:
        return model.generate(label=label, seed=7)

    with ThreadPoolExecutor(4) as pool:
        clips = list(pool.map(say, model.labels))
    # Equal seeds give equal samples, whichever thread makes them.
    assert np.array_equal(clips[3].samples, say("three").samples)
    for label, clip in zip(model.labels, clips, strict=True):
        print(f"{label}: {clip.lengths[0] / clip.sample_rate:.2f} s")


if __name__ == "__main__":
    main()
