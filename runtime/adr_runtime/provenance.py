"""Where a file came from: written into every picture and sound, and read back by `adr-run info FILE`."""

import json
from pathlib import Path
from typing import Any

from adr_runtime.errors import ADRError

KEY = "adr"
SOUNDS = {".wav": ("WAV", "PCM_16"), ".flac": ("FLAC", "PCM_16"), ".ogg": ("OGG", "VORBIS")}


def encode(provenance: dict[str, Any]) -> str:
    return json.dumps({KEY: provenance}, ensure_ascii=False, separators=(",", ":"))


def read_provenance(path: Path) -> dict[str, Any]:
    """The provenance of a PNG, WAV, FLAC or OGG file of ours; ADRError where there is none."""
    if not path.is_file():
        raise ADRError(f"{path}: no such file")
    try:
        if path.suffix.lower() == ".png":
            from PIL import Image

            with Image.open(path) as image:
                text = getattr(image, "text", {}).get(KEY, "")
        else:
            import soundfile

            with soundfile.SoundFile(str(path)) as file:
                text = file.comment
        found = json.loads(text)[KEY]
        if not isinstance(found, dict):
            raise ValueError
        return found
    except (ValueError, KeyError, TypeError) as error:
        raise ADRError(f"{path}: carries no provenance of adr-run") from error
    except (OSError, RuntimeError) as error:
        raise ADRError(f"{path}: cannot read: {' '.join(str(error).split())}") from error
