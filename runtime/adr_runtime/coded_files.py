"""Which files are coded as what, read exactly and written back exactly.

Pictures in lossless formats are coded by their pixels, 16-bit PCM sound by its samples where a model of sound is at
hand, and everything else, lossy formats included, by its bytes.
"""

import hashlib
import io
from pathlib import Path
from typing import Any

import numpy as np

from adr_runtime.atomic import write_whole
from adr_runtime.errors import ADRError

PICTURES = {
    ".png": "PNG",
    ".webp": "WEBP",
    ".bmp": "BMP",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".ppm": "PPM",
    ".pgm": "PPM",
}
SOUNDS = {".wav": "WAV", ".flac": "FLAC"}
MODES = ("L", "RGB", "LA", "RGBA", "I;16")


def kind_of(path: Path, sound: bool) -> str:
    """image, sound or text (bytes), by the file's ending; sound only where `sound` says that it can be coded."""
    if path.suffix.lower() in PICTURES:
        return "image"
    return "sound" if sound and path.suffix.lower() in SOUNDS else "text"


def read_exactly(path: Path, kind: str) -> tuple[str, tuple[int, ...], np.ndarray]:
    """-> kind ("image:RGB", "sound:44100", "text"), shape, and data: uint8 (rows, columns, channels), int16 (length,
    channels) or uint8 (length,). ADRError for a file that is not what its ending says."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise ADRError(f"{path}: cannot read: {error.strerror}") from error
    if kind == "image":
        mode, pixels = decode_picture(raw, str(path))
        return f"image:{mode}", pixels.shape, pixels
    if kind == "sound":
        import soundfile

        try:
            with soundfile.SoundFile(io.BytesIO(raw)) as file:
                if file.subtype != "PCM_16":
                    raise ADRError(f"{path}: {file.subtype} sound; only 16-bit PCM is coded by its samples")
                samples, rate = file.read(dtype="int16", always_2d=True), file.samplerate
        except (OSError, RuntimeError) as error:
            raise ADRError(f"{path}: not a readable sound file: {' '.join(str(error).split())}") from error
        return f"sound:{rate}", samples.shape, samples
    return "text", (len(raw),), np.frombuffer(raw, np.uint8)


def decode_picture(raw: bytes, file: str) -> tuple[str, np.ndarray]:
    """Mode, and pixels uint8 (rows, columns, channels). Palettes and single bits become what they show, the two bytes
    of 16-bit greys become two channels, and frames after the first are refused."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(raw)) as opened:
            image: Any = opened
            if getattr(image, "n_frames", 1) > 1:
                raise ADRError(f"{file}: has {image.n_frames} frames; only single pictures are coded")
            if image.mode in ("P", "PA"):
                image = image.convert("RGBA" if image.mode == "PA" or "transparency" in image.info else "RGB")
            elif image.mode == "1":
                image = image.convert("L")
            if image.mode not in MODES:
                raise ADRError(f"{file}: pictures of mode {image.mode} are not coded; convert to RGB or grey")
            pixels: np.ndarray = np.asarray(image)
            mode = image.mode
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise ADRError(f"{file}: not a readable picture") from error
    if mode == "I;16":
        pixels = np.stack([pixels >> 8, pixels & 255], -1).astype(np.uint8)
    return mode, np.ascontiguousarray(pixels.reshape(*pixels.shape[:2], -1))


def encode_picture(kind: str, pixels: np.ndarray, path: Path) -> bytes:
    """The picture in the format of the path's ending; ADRError where that format does not keep every pixel."""
    from PIL import Image

    mode = kind.partition(":")[2]
    shaped: Any = pixels[..., 0] if pixels.shape[-1] == 1 else pixels
    if mode == "I;16":
        shaped = pixels[..., 0].astype(np.uint16) << 8 | pixels[..., 1]
    options = {"WEBP": {"lossless": True, "exact": True}}.get(PICTURES[path.suffix.lower()], {})
    memory = io.BytesIO()
    try:
        Image.fromarray(shaped).save(memory, PICTURES[path.suffix.lower()], **options)
        same = decode_picture(memory.getvalue(), str(path))
    except (OSError, ValueError, KeyError) as error:
        raise ADRError(f"{path}: this format cannot hold {mode} pictures; use .png") from error
    if same[0] != mode or not np.array_equal(same[1], pixels):
        raise ADRError(f"{path}: this format does not keep {mode} pictures exactly; use .png")
    return memory.getvalue()


def write_exactly(path: Path, kind: str, data: np.ndarray) -> None:
    """The inverse of `read_exactly`, written beside and renamed."""
    if kind.startswith("image"):
        if path.suffix.lower() not in PICTURES:
            raise ADRError(f"{path}: a picture was coded; give a file ending in {', '.join(PICTURES)}")
        made = encode_picture(kind, data, path)
        write_whole(path, lambda beside: beside.write_bytes(made))
    elif kind.startswith("sound"):
        import soundfile

        if path.suffix.lower() not in SOUNDS:
            raise ADRError(f"{path}: sound was coded; give a file ending in {', '.join(SOUNDS)}")
        rate, form = int(kind.partition(":")[2]), SOUNDS[path.suffix.lower()]
        write_whole(path, lambda beside: soundfile.write(str(beside), data, rate, "PCM_16", format=form))
    else:
        made = data.tobytes()
        write_whole(path, lambda beside: beside.write_bytes(made))


def checksum(kind: str, data: np.ndarray) -> bytes:
    """Eight bytes of the SHA-256 of what must come back: kind, shape and values."""
    head = f"{kind} {data.shape} ".encode()
    return hashlib.sha256(head + np.ascontiguousarray(data).astype(data.dtype.newbyteorder("<")).tobytes()).digest()[:8]
