"""Where a file came from: written into every picture and sound, and read back by `adr-run info FILE`."""

import json
import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from adr_runtime import __version__
from adr_runtime.errors import InputError

KEY = "adr"
# Characters of JSON; 4,096 labels of a long name stay below.
MAX_TEXT = 1 << 20


def origin(model: str, bundle: str, seed: int) -> dict[str, Any]:
    """What the provenance of everything begins with: this version, the model's name, its bundle's hash, the seed."""
    return {"adr": __version__, "model": model, "bundle": bundle, "seed": seed}


def encode_provenance(provenance: Mapping[str, Any]) -> str:
    text = json.dumps({KEY: dict(provenance)}, ensure_ascii=False, separators=(",", ":"))
    # A file's name that is not UTF-8 holds surrogates, which go into no comment but as JSON's \udcff.
    return text.encode(errors="backslashreplace").decode()


def read_provenance(path: Path) -> dict[str, Any]:
    """The provenance of a PNG, WAV, FLAC or OGG file of ours; ADRError where there is none. No pixels are decoded."""
    if not os.path.isfile(path):
        raise InputError(f"{path}: no such file")
    text = read_comment(path)
    try:
        provenance = json.loads(text)[KEY] if len(text) <= MAX_TEXT else None
        if not isinstance(provenance, dict) or not all(map(plain, provenance.values())):
            raise ValueError
        return provenance
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputError(f"{path}: carries no provenance of adr-run") from error


def plain(value: Any) -> bool:
    """A single value, or a list of them: nothing that we write is nested deeper."""
    values = value if isinstance(value, list) else [value]
    return not any(isinstance(one, list | dict) for one in values)


def read_comment(path: Path) -> Any:
    """The text that a picture or sound carries for us, read from the untrusted file's header."""
    if path.suffix.lower() != ".png":
        import soundfile

        try:
            with soundfile.SoundFile(str(path)) as file:
                return file.comment
        except (OSError, RuntimeError, ValueError) as error:
            raise InputError(f"{path}: cannot read: {' '.join(str(error).split())}") from error
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(path, formats=("PNG",)) as image:
                # Our text stands before the pixels; `image.text` would decode them all to look behind.
                return image.info.get(KEY, "")
    except Exception as error:  # Decoders raise whatever a damaged file leads them to.
        raise InputError(f"{path}: cannot read: {' '.join(str(error).split())}") from error
