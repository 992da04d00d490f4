"""Lays out the small bundles that are attacked: python -m tests.fuzz.bundles FOLDER. What is there is kept."""

import sys
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from kept_bundles import CAUSAL, IN_ANY_ORDER, WITH_MASKS, Bundles

NAMES = ("latent", "picture", "symbols", "greys", "colours", "samples", "voice", "masked")


def main(folder: Path) -> None:
    warnings.simplefilter("ignore")
    folder.mkdir(parents=True, exist_ok=True)
    bundles = Bundles({**CAUSAL, **IN_ANY_ORDER, **WITH_MASKS})
    for name in NAMES:
        if not (folder / name).exists():
            # A link to what other code exported leads nowhere.
            (folder / name).unlink(missing_ok=True)
            (folder / name).symlink_to(bundles[name])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
