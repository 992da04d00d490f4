"""Files of 16-bit sound: which are understood, from their own bytes, and how they are written again.

WAV comes back with the same bytes, since its samples stand in it as they are, between a head and an end; FLAC with the
same samples, where it holds nothing else. ADRError with the reason for everything else, which is kept byte for byte.
"""

import hashlib
import io
import struct

import numpy as np

from adr_runtime.errors import ADRError, InputError
from adr_runtime.media.exact.rasters import check_size

FORMATS = {".wav": "WAV", ".flac": "FLAC"}


def crc16_table() -> list[int]:
    table = []
    for value in range(256):
        value <<= 8
        for _ in range(8):
            value = value << 1 ^ (0x8005 if value & 0x8000 else 0)
        table.append(value & 0xFFFF)
    return table


CRC16 = crc16_table()
# Where the last frame of a FLAC is looked for, and at how many places that look like the beginning of one.
LARGEST_FRAME, SYNCS = 1 << 20, 32
STREAMINFO, PADDING, SEEKTABLE, VORBIS_COMMENT = 0, 1, 3, 4


def unlike(file: str, why: str) -> ADRError:
    return InputError(f"{file}: {why}; only 16-bit PCM is coded by its samples")


def read_wav(raw: bytes, file: str) -> tuple[int, np.ndarray, tuple[bytes, bytes]]:
    """Rate, samples int16 (length, channels), and what stands before and behind them."""
    if raw[:4] != b"RIFF" or raw[8:12] != b"WAVE":
        raise unlike(file, "is no WAV")
    offset, rate, channels = 12, 0, 0
    while offset + 8 <= len(raw):
        name, size = struct.unpack_from("<4sI", raw, offset)
        offset += 8
        if name == b"fmt ":
            if size < 16 or offset + 16 > len(raw):
                raise unlike(file, "is a damaged WAV")
            form, channels, rate, _, step, bits = struct.unpack_from("<HHIIHH", raw, offset)
            if form != 1 or bits != 16 or not channels or step != 2 * channels or not 0 < rate < 10_000_000:
                raise unlike(file, f"is a WAV of format {form}, {bits} bits")
        if name == b"data":
            body = raw[offset : offset + size]
            if not channels or not body or len(body) % (2 * channels):
                raise unlike(file, "is a damaged or empty WAV")
            check_size(file, len(body) // 2)
            samples = np.frombuffer(body, "<i2").astype(np.int16).reshape(-1, channels)
            return rate, samples, (raw[:offset], raw[offset + len(body) :])
        offset += size + size % 2
    raise unlike(file, "is a WAV without samples")


def laid_out(samples: np.ndarray, extra: tuple[bytes, bytes]) -> bytes:
    """The very file of a WAV."""
    return extra[0] + samples.astype("<i2").tobytes() + extra[1]


def read_flac(raw: bytes, file: str) -> tuple[int, np.ndarray]:
    """Rate, and samples int16 (length, channels), which must have the checksum that the file gives for them."""
    import soundfile

    digest = check_flac(raw, file)
    try:
        with soundfile.SoundFile(io.BytesIO(raw)) as sound:
            if sound.format != "FLAC" or sound.subtype != "PCM_16":
                raise unlike(file, f"is {sound.format} of {sound.subtype}")
            samples, rate = sound.read(dtype="int16", always_2d=True), sound.samplerate
    except (OSError, RuntimeError) as error:
        raise unlike(file, "is a damaged FLAC") from error
    if hashlib.md5(samples.astype("<i2").tobytes(), usedforsecurity=False).digest() != digest:
        raise unlike(file, "is a FLAC without the right checksum")
    return rate, samples


def check_flac(raw: bytes, file: str) -> bytes:
    """The MD5 of the samples; ADRError for a FLAC that says more than its samples, or has too many."""
    if raw[:4] != b"fLaC" or raw[-128:-125] == b"TAG":
        raise unlike(file, "is no plain FLAC")
    offset, last, digest = 4, False, b""
    while not last:
        head = raw[offset : offset + 4]
        if len(head) < 4:
            raise unlike(file, "is a damaged FLAC")
        last, kind, size = head[0] > 127, head[0] & 127, int.from_bytes(head[1:], "big")
        body = raw[offset + 4 : offset + 4 + size]
        if kind == STREAMINFO and size == 34:
            word = int.from_bytes(body[10:18], "big")
            check_size(file, word & ((1 << 36) - 1), (word >> 41 & 7) + 1)
            digest = body[18:]
        elif kind == VORBIS_COMMENT:
            vendor = int.from_bytes(body[:4], "little")
            if body[4 + vendor :] != bytes(4):
                raise unlike(file, "is a FLAC with comments")
        elif kind not in (PADDING, SEEKTABLE):
            raise unlike(file, f"is a FLAC with a block of type {kind}")
        offset += 4 + size
    if not ends_with_frame(raw[offset:]):
        raise unlike(file, "is a FLAC with bytes behind its last frame")
    return digest


def ends_with_frame(frames: bytes) -> bool:
    """Whether the last bytes are the CRC-16 (0x8005) of what follows one of the last sync codes: of a whole frame."""
    tail = frames[-LARGEST_FRAME:]
    offset = len(tail)
    for _ in range(SYNCS):
        offset = max(tail.rfind(b"\xff\xf8", 0, offset), tail.rfind(b"\xff\xf9", 0, offset))
        if offset < 0:
            return not frames
        crc = 0
        for byte in tail[offset:]:
            crc = (crc << 8 & 0xFFFF) ^ CRC16[crc >> 8 ^ byte]
        # Over a message and its own check sum it is nothing.
        if crc == 0:
            return True
    return False


def write_audio_file(rate: int, samples: np.ndarray, form: str) -> bytes:
    """The samples in a format; OSError or RuntimeError where soundfile knows that this cannot hold them."""
    import soundfile

    memory = io.BytesIO()
    soundfile.write(memory, samples, rate, "PCM_16", format=form)
    return memory.getvalue()
