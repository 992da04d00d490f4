"""Erase a part of a picture and have it made anew, several times; the rest stays as it is to the last bit."""

import adr_runtime
import numpy as np


def main() -> None:
    model = adr_runtime.AnyOrderModel.load("digits-any")
    original = model.generate(count=1, seed=4).pixels[0]
    erased = np.zeros(original.shape[:2], bool)
    erased[2:6, 2:6] = True

    answers = model.generate(picture=original, mask=erased, count=4, seed=5)
    assert (answers.pixels[:, ~erased] == original[~erased]).all()
    files = answers.save("filled.png")
    print(f"{files[0]}: {len(answers)} answers, seed {answers.seed}")


if __name__ == "__main__":
    main()
