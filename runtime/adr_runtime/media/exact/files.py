"""Which files are coded as what, read exactly and written back exactly.

Every file has one of two contracts. "same bytes": what comes back is the very file. "same samples": the same pixels or
sound samples at the same bit depth and, of PNG, the same metadata chunks, in a file that is packed anew. Pictures and
16-bit sound that are understood from their own bytes (`picture_files`, `audio_files`) are coded by their values, all
others, lossy formats included, by their bytes.
"""

import hashlib
import stat
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from adr_runtime.errors import ADRError, InputError
from adr_runtime.media.exact import audio as audio_files
from adr_runtime.media.exact import pictures as picture_files

SAME_BYTES, SAME_SAMPLES = "same bytes", "same samples"
ENDINGS = {"PPM": (".ppm", ".pgm"), "BMP": (".bmp",), "WAV": (".wav",)}


@dataclass(frozen=True)
class File:
    """One file to code: its path inside a folder ("" for a single file), its kind, its data, and what stands in it
    before and behind these.

    kind "image:RGB" (and other modes of `rasters.Raster`): uint8 (rows, columns, channels); "sound:44100": int16
    (length, channels); "text": the bytes, uint8 (length,); "folder": an empty one. A format behind the kind, as in
    "image:RGB:BMP", says that data and extra make up the file's very bytes."""

    path: str
    kind: str
    data: np.ndarray
    extra: tuple[bytes, bytes] = (b"", b"")

    contract = property(lambda self: contract(self.kind))


def contract(kind: str) -> str:
    return SAME_BYTES if kind in ("text", "folder") or kind.count(":") == 2 else SAME_SAMPLES


def kind_of(path: Path) -> str:
    """image, sound or text (bytes), by the file's ending: what it may be coded as, should its bytes allow it."""
    ending = path.suffix.lower()
    return "image" if ending in picture_files.FORMATS else "sound" if ending in audio_files.FORMATS else "text"


def refuse_special(path: Path) -> None:
    """Raises InputError for a source that is neither a file nor a folder, and may never end."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return
    except ValueError as error:
        raise InputError(f"{str(path)!r} cannot be a file's name") from error
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        raise InputError(f"{path}: is a device, a pipe or a socket; give a file")


def read_bytes(path: Path) -> bytes:
    """The whole of a file. Raises InputError for what cannot be read, or is no file."""
    refuse_special(path)
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot read: {error.strerror}") from error
    except ValueError as error:
        raise InputError(f"{str(path)!r} cannot be a file's name") from error


def read_values(path: Path, inside: str, raw: bytes) -> File:
    """A picture or sound by its values. ADRError with the reason for a file that is not wholly understood."""
    ending = path.suffix.lower()
    if kind_of(path) == "image":
        raster = picture_files.read_picture_file(raw, picture_files.FORMATS[ending], str(path))
        form = f":{raster.format}" if raster.format else ""
        return File(inside, f"image:{raster.mode}{form}", raster.pixels, raster.extra)
    if audio_files.FORMATS[ending] == "WAV":
        rate, samples, extra = audio_files.read_wav(raw, str(path))
        return File(inside, f"sound:{rate}:WAV", samples, extra)
    rate, samples = audio_files.read_flac(raw, str(path))
    return File(inside, f"sound:{rate}", samples)


def read_exactly(path: Path, inside: str, kinds: Collection[str]) -> tuple[File, str]:
    """A file as it is best coded where there are models of `kinds`, and the reason why not by its values, or "". What
    cannot be written and read again with the same result is taken by its bytes too."""
    raw, reason = read_bytes(path), ""
    if kind_of(path) != "text" and kind_of(path) in kinds:
        try:
            values = read_values(path, inside, raw)
            render(values, path)
            return values, ""
        except ADRError as error:
            reason = str(error)
    return File(inside, "text", np.frombuffer(raw, np.uint8)), reason


def render(file: File, path: Path) -> bytes:
    """The bytes of a file as it is written under a path; ADRError where the format of the path's ending does not hold
    it."""
    check_ending(file.kind, file.extra, path)
    if contract(file.kind) == SAME_BYTES:
        return laid_out(file)
    kind, _, rest = file.kind.partition(":")
    ending = path.suffix.lower()
    try:
        if kind == "sound":
            encoded = audio_files.write_audio_file(int(rest), file.data, audio_files.FORMATS[ending])
        else:
            encoded = picture_files.write_picture_file(rest, file.data, picture_files.FORMATS[ending], file.extra)
        back = read_values(path, file.path, encoded)
    except (OSError, RuntimeError, ValueError, KeyError, ADRError) as error:
        raise InputError(f"{path}: this format cannot hold {file.kind}; use .{default(kind)}") from error
    laid = contract(back.kind) == SAME_BYTES
    same = back.kind.split(":")[:2] == [kind, rest] and np.array_equal(back.data, file.data)
    if not same or not (laid or back.extra == file.extra):
        raise InputError(f"{path}: this format does not keep {file.kind} exactly; use .{default(kind)}")
    return encoded


def default(kind: str) -> str:
    return "flac" if kind == "sound" else "png"


def check_ending(kind: str, extra: tuple[bytes, bytes], path: Path) -> None:
    """ADRError where a file of this kind cannot be written under a path, as far as its ending tells."""
    family, ending, form = kind.partition(":")[0], path.suffix.lower(), kind.rpartition(":")[2]
    if kind.count(":") == 2 and ending not in ENDINGS[form]:
        raise InputError(
            f"{path}: a {form} file was coded, whose bytes come back; give a name in {' or '.join(ENDINGS[form])}"
        )
    formats = {"image": picture_files.FORMATS, "sound": audio_files.FORMATS}.get(family)
    if formats and ending not in formats:
        what = "a picture" if family == "image" else "sound"
        raise InputError(f"{path}: {what} was coded; give a file ending in {', '.join(formats)}")
    if formats and any(extra) and kind.count(":") == 1 and ending != ".png":
        raise InputError(f"{path}: a PNG with metadata was coded; give a file ending in .png")


def laid_out(file: File) -> bytes:
    """The very bytes of a file whose contract they are."""
    if file.kind.startswith("image"):
        return picture_files.laid_out(file.data, file.kind.rpartition(":")[2], file.extra)
    if file.kind.startswith("sound"):
        return audio_files.laid_out(file.data, file.extra)
    return file.data.tobytes()


def checksum(file: File) -> bytes:
    """Eight bytes of the SHA-256 of what must come back: the file's bytes, or kind, shape, values and extra."""
    if contract(file.kind) == SAME_BYTES:
        return hashlib.sha256(laid_out(file)).digest()[:8]
    head = f"{file.kind} {file.data.shape} {[len(part) for part in file.extra]} ".encode()
    values = np.ascontiguousarray(file.data).astype(file.data.dtype.newbyteorder("<")).tobytes()
    return hashlib.sha256(head + values + b"".join(file.extra)).digest()[:8]
