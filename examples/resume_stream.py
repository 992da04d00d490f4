"""Save a stream in the middle of a word, and go on in another process, or from the same place twice."""

from pathlib import Path

import adr_runtime
import numpy as np


def main() -> None:
    model = adr_runtime.AudioModel.load("speech-digits")
    stream = model.stream(playlist=["seven", "eight"], cycle=True, seed=3, chunk_tokens=5)
    next(stream)
    Path("stream.state").write_bytes(stream.state())

    later = adr_runtime.AudioModel.load("speech-digits").resume(Path("stream.state").read_bytes())
    twin = stream.fork()
    following = next(stream)
    assert np.array_equal(next(later), following)
    assert np.array_equal(next(twin), following)
    print(f"{following.shape[1]} samples go on from a state of {Path('stream.state').stat().st_size} bytes")


if __name__ == "__main__":
    main()
