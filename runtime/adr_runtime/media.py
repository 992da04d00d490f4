"""Pictures and sound in and out of files. A file appears under its name only when it is whole."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from adr_runtime.errors import ADRError
from adr_runtime.provenance import KEY, SOUNDS, encode


def check_target(path: Path, kinds: tuple[str, ...]) -> None:
    """Raise ADRError before anything is generated when `path` has an unknown ending or cannot be written."""
    if path.suffix.lower() not in kinds:
        raise ADRError(f"{path}: unknown file type {path.suffix!r}; there are {', '.join(kinds)}")
    folder = path.parent
    if not folder.is_dir():
        raise ADRError(f"{path}: no folder {folder}; make it first")
    if path.is_dir():
        raise ADRError(f"{path}: is a folder; give a file")
    beside = folder / f".{path.name}.{os.getpid()}.part"
    try:
        beside.touch()
        beside.unlink()
    except OSError as error:
        raise ADRError(f"{path}: cannot write there: {error.strerror}") from error


def write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a file beside `path`, then rename it; on any error nothing is left behind."""
    beside = path.with_name(f".{path.stem}.{os.getpid()}.part{path.suffix}")
    try:
        write(beside)
        os.replace(beside, path)
    except (OSError, RuntimeError) as error:
        line = getattr(error, "strerror", None) or " ".join(str(error).split())
        raise ADRError(f"{path}: cannot write: {line}", exit_status=1) from error
    finally:
        beside.unlink(missing_ok=True)


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
    large = pixels.repeat(scale, 1).repeat(scale, 2)
    height, width = height * scale, width * scale
    sheet = np.full((rows * (height + gap) + gap, columns * (width + gap) + gap, channels), 255, np.uint8)
    for i, picture in enumerate(large):
        y, x = gap + i // columns * (height + gap), gap + i % columns * (width + gap)
        sheet[y : y + height, x : x + width] = picture
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
            file.write(samples if samples.dtype == np.int16 else to_pcm(samples))

    write_whole(path, write)


def read_sound(path: Path, sample_rate: int) -> np.ndarray:
    """A prompt: any sound file, mixed to mono and resampled to sample_rate, float32 (samples,)."""
    import soundfile

    if not path.is_file():
        raise ADRError(f"{path}: no such file")
    try:
        samples, rate = soundfile.read(str(path), dtype="float32", always_2d=True)
    except (OSError, RuntimeError) as error:
        raise ADRError(f"{path}: not a readable sound file: {' '.join(str(error).split())}") from error
    if not samples.size:
        raise ADRError(f"{path}: holds no samples")
    if not np.isfinite(samples).all():
        raise ADRError(f"{path}: holds samples that are not finite (NaN or infinite)")
    return resample(samples.mean(1), rate, sample_rate)


def resample(samples: np.ndarray, rate: int, wanted: int) -> np.ndarray:
    """Band-limited resampling with a Hann-windowed sinc of 32 zero crossings a side, float32 (samples,).

    Output n is at time n / wanted; its sinc's cutoff is the lower of the two Nyquist frequencies. Pieces of the
    output bound the memory.
    """
    if rate == wanted or not len(samples):
        return samples.astype(np.float32)
    cutoff = min(1.0, wanted / rate)
    reach = int(np.ceil(32 / cutoff))
    padded = np.pad(samples.astype(np.float64), reach + 1)
    length = max(round(len(samples) * wanted / rate), 1)
    out = np.empty(length, np.float32)
    offsets = np.arange(-reach, reach + 1)
    for a in range(0, length, 4096):
        time = np.arange(a, min(a + 4096, length)) * (rate / wanted)
        nearest = np.round(time).astype(np.int64)
        distance = time[:, None] - (nearest[:, None] + offsets)
        window = np.where(np.abs(distance) <= reach, 0.5 + 0.5 * np.cos(np.pi * distance / reach), 0.0)
        weights = cutoff * np.sinc(cutoff * distance) * window
        at = np.minimum(nearest[:, None] + offsets + reach + 1, len(padded) - 1)
        out[a : a + len(time)] = (padded[at] * weights).sum(1)
    return out


def read_picture(path: Path, width: int, channels: int) -> np.ndarray:
    """A prompt: a picture of exactly the model's width, uint8 (height, width, channels)."""
    from PIL import Image, UnidentifiedImageError

    if not path.is_file():
        raise ADRError(f"{path}: no such file")
    try:
        with Image.open(path) as image:
            if image.width != width:
                raise ADRError(f"{path}: {image.width} pixels wide; the model's pictures are {width}")
            pixels = np.asarray(image.convert("L" if channels == 1 else "RGB"))
    except (UnidentifiedImageError, OSError) as error:
        raise ADRError(f"{path}: not a readable picture") from error
    return pixels.reshape(*pixels.shape[:2], channels)


def read_unchanged(path: Path) -> np.ndarray:
    """A picture whose known part must stay as it is: uint8 (height, width, 1 or 3). ADRError for what that cannot
    hold, transparency and more than eight bits."""
    from PIL import Image, UnidentifiedImageError

    if not path.is_file():
        raise ADRError(f"{path}: no such file")
    try:
        with Image.open(path) as image:
            if image.mode not in ("1", "L", "P", "RGB") or "transparency" in image.info:
                raise ADRError(f"{path}: is {image.mode} or transparent; convert it to grey or RGB of 8 bits")
            pixels = np.asarray(image.convert("RGB" if image.mode in ("P", "RGB") else "L"))
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise ADRError(f"{path}: not a readable picture") from error
    return pixels.reshape(*pixels.shape[:2], -1)
