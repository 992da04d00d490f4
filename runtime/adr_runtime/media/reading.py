"""Sound and pictures that are given: read from untrusted files, their sizes checked before anything is decoded. Text as
it arrives."""

import os
import warnings
from codecs import getincrementaldecoder
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from adr_runtime.errors import ADRError, InputError
from adr_runtime.limits import MAX_SECONDS, MAX_VALUES
from adr_runtime.media.resampling import resampled

LOWEST_RATE, HIGHEST_RATE, MOST_CHANNELS = 500, 768_000, 64
# What is decoded of a prompt: an hour at up to 74 kHz.
MAX_FRAMES = 1 << 28
# Values of sound that are decoded at a time.
BLOCK = 1 << 18
# Bytes of text that are read at a time.
TEXT_PIECE = 1 << 12
# Formats that Pillow decodes by itself; others start programs.
PICTURES = ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "PPM", "GIF")


def check_file(path: Path) -> None:
    # Path.is_file raises for a name that is too long; this is False for whatever is no file.
    if not os.path.isfile(path):
        raise InputError(f"{path}: no such file")


def read_text(path: Path) -> Iterator[str]:
    """UTF-8 text of a file, or for "-" of standard input, in pieces as they arrive. Raises InputError."""
    decoder, standard = getincrementaldecoder("utf-8-sig")(), str(path) == "-"
    name = "standard input" if standard else str(path)
    try:
        with open(0 if standard else path, "rb", closefd=not standard) as file:
            while piece := file.read1(TEXT_PIECE):
                yield decoder.decode(piece)
        yield decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        raise InputError(f"{name}: not UTF-8 text; convert it") from error
    except (OSError, ValueError) as error:
        raise InputError(f"{name}: cannot read: {getattr(error, 'strerror', None) or error}") from error


def read_audio(path: Path, sample_rate: int) -> np.ndarray:
    """A prompt: any sound file of up to an hour, mixed to mono and resampled to sample_rate, float32 (samples,).

    Beside the result, memory is constant. ADRError for what is no sound, or too long.
    """
    import soundfile

    check_file(path)
    try:
        with soundfile.SoundFile(str(path)) as file:
            check_audio(path, file.samplerate, file.channels, file.frames)
            parts = list(resampled(mono_blocks(path, file), file.samplerate, sample_rate))
    except ADRError:
        raise
    except (OSError, RuntimeError, ValueError) as error:
        raise InputError(f"{path}: not a readable sound file: {' '.join(str(error).split())}") from error
    if not parts:
        raise InputError(f"{path}: holds no samples")
    return np.concatenate(parts)


def check_audio(path: Path, rate: int, channels: int, frames: int) -> None:
    if not LOWEST_RATE <= rate <= HIGHEST_RATE:
        raise InputError(f"{path}: {rate} Hz; a prompt may have from {LOWEST_RATE} to {HIGHEST_RATE} Hz")
    if channels > MOST_CHANNELS:
        raise InputError(f"{path}: {channels} channels; a prompt may have up to {MOST_CHANNELS}")
    longest = min(MAX_SECONDS, MAX_FRAMES / rate)
    if frames > longest * rate:
        length = f"{frames / rate:.0f} s at {rate} Hz by its header"
        raise InputError(f"{path}: {length}; at that rate a prompt may have up to {longest:.0f} s")


def mono_blocks(path: Path, file: Any) -> Iterator[np.ndarray]:
    """The channels' mean, float32 (n,), block by block."""
    frames = BLOCK // file.channels
    while len(block := file.read(frames, dtype="float32", always_2d=True)):
        if not np.isfinite(block).all():
            raise InputError(f"{path}: holds samples that are not finite (NaN or infinite)")
        yield block.mean(1)


def read_picture(path: Path, width: int, channels: int) -> np.ndarray:
    """A prompt: a picture of exactly the model's width, uint8 (height, width, channels). Transparency is dropped and
    colour turned to grey where the model needs it; ADRError for more than eight bits a channel."""

    def decode(image: Any) -> np.ndarray:
        if image.width != width:
            raise InputError(f"{path}: {image.width} pixels wide; the model's pictures are {width}")
        return np.asarray(image.convert("L" if channels == 1 else "RGB"))

    pixels = decoded(path, decode)
    return pixels.reshape(*pixels.shape[:2], channels)


def read_unchanged(path: Path) -> np.ndarray:
    """A picture whose known part must stay as it is: uint8 (height, width, 1 or 3). ADRError for what that cannot
    hold, transparency and more than eight bits."""

    def decode(image: Any) -> np.ndarray:
        if image.mode not in ("1", "L", "P", "RGB") or "transparency" in image.info:
            raise InputError(f"{path}: is {image.mode} or transparent; convert it to grey or RGB of 8 bits")
        return np.asarray(image.convert("RGB" if image.mode in ("P", "RGB") else "L"))

    pixels = decoded(path, decode)
    return pixels.reshape(*pixels.shape[:2], -1)


def decoded(path: Path, decode: Callable[[Any], np.ndarray]) -> np.ndarray:
    """What `decode` makes of the opened picture, whose size and depth are checked before."""
    from PIL import Image

    check_file(path)
    try:
        # Pillow warns of large pictures before it refuses still larger ones; the limit here is lower than both.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(path, formats=PICTURES) as image:
                check_picture(path, image)
                return decode(image)
    except ADRError:
        raise
    except Image.DecompressionBombError as error:
        raise InputError(f"{path}: too large; a picture may have up to {MAX_VALUES} values") from error
    except Exception as error:  # Decoders raise whatever a damaged file leads them to.
        raise InputError(f"{path}: not a readable picture") from error


def check_picture(path: Path, image: Any) -> None:
    values = image.width * image.height * len(image.getbands())
    if values > MAX_VALUES:
        raise InputError(
            f"{path}: {image.width} x {image.height} pixels are {values} values; a picture may have up to {MAX_VALUES}"
        )
    if deep(image):
        raise InputError(f"{path}: has more than 8 bits a channel; convert it to 8 bits")


def deep(image: Any) -> bool:
    """Whether a channel has more than 8 bits in the file. Pillow's mode alone does not tell: it cuts colours of 16 bits
    to 8 while decoding."""
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        return True
    # Plain tuples in older versions of Pillow.
    for codec, _, _, told in image.tile:
        arguments = told if isinstance(told, tuple) else (told,)
        # The raw mode, as RGB;16B, and behind it, in PPM, the largest value.
        raw, largest = arguments[0] if arguments else "", arguments[1] if len(arguments) > 1 else 0
        if ";16" in str(raw) or (codec.startswith("ppm") and isinstance(largest, int) and largest > 255):
            return True
    return False
