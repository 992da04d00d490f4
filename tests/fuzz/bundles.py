"""Exports the small bundles that are attacked: python -m tests.fuzz.bundles FOLDER. What is there is kept."""

import sys
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from random_models import ANY_ORDER, LATENT, PICTURE, export, export_any_order, random_any_order, random_model

CAUSAL = {"latent": LATENT, "picture": PICTURE}
NAMES = (*CAUSAL, *ANY_ORDER)


def main(folder: Path) -> None:
    warnings.simplefilter("ignore")
    folder.mkdir(parents=True, exist_ok=True)
    for name, config in CAUSAL.items():
        if not (folder / name).exists():
            export(random_model(config), folder / name, "linear-attention")
    for name, config in ANY_ORDER.items():
        if not (folder / name).exists():
            export_any_order(random_any_order(config), folder / name)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
