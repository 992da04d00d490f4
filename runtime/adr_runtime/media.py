"""Pictures and sound into files."""

from pathlib import Path
from typing import Any

import numpy as np

from adr_runtime.atomic import check_place, write_whole
from adr_runtime.errors import ADRError
from adr_runtime.provenance import KEY, SOUNDS, encode

# Samples that are turned to 16 bits at a time.
BLOCK = 1 << 20


def check_target(path: Path, kinds: tuple[str, ...]) -> None:
    """Raise ADRError before anything is generated when `path` has an unknown ending or cannot be written."""
    if path.suffix.lower() not in kinds:
        raise ADRError(f"{path}: unknown file type {path.suffix!r}; there are {', '.join(kinds)}")
    check_place(path)


def write_picture(path: Path, pixels: np.ndarray, provenance: dict[str, Any]) -> None:
    """uint8 pixels (height, width, 1 or 3) -> PNG with the provenance as a text chunk."""
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add_text(KEY, encode(provenance))
    image = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
    write_whole(path, lambda beside: image.save(beside, "PNG", pnginfo=info))


def grid(pixels: np.ndarray, scale: int, gap: int = 2) -> np.ndarray:
    """Pictures (count, height, width, channels) as one, nearly square, enlarged `scale` times, on white."""
    count, height, width, channels = pixels.shape
    columns = int(np.ceil(np.sqrt(count)))
    rows = -(-count // columns)
    height, width = height * scale, width * scale
    sheet = np.full((rows * (height + gap) + gap, columns * (width + gap) + gap, channels), 255, np.uint8)
    for i, picture in enumerate(pixels):
        y, x = gap + i // columns * (height + gap), gap + i % columns * (width + gap)
        sheet[y : y + height, x : x + width] = picture.repeat(scale, 0).repeat(scale, 1)
    return sheet


def to_pcm(samples: np.ndarray) -> np.ndarray:
    """float (samples,) -> int16, clipped to [-1, 1]."""
    return np.round(np.clip(np.nan_to_num(samples), -1, 1) * 32767).astype(np.int16)


def write_sound(path: Path, samples: np.ndarray, sample_rate: int, provenance: dict[str, Any]) -> None:
    """float32 or int16 samples (samples,) -> WAV, FLAC or OGG by the file's ending, its comment the provenance."""
    import soundfile

    container, encoding = SOUNDS[path.suffix.lower()]

    def write(beside: Path) -> None:
        with soundfile.SoundFile(str(beside), "w", sample_rate, 1, encoding, format=container) as file:
            file.comment = encode(provenance)
            for a in range(0, len(samples), BLOCK):
                block = samples[a : a + BLOCK]
                file.write(block if block.dtype == np.int16 else to_pcm(block))

    write_whole(path, write)
