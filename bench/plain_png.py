"""PNG written and read by hand, every depth, colour type and filter, interlaced or not, after the specification alone.

Slow and simple: it judges what other readers make of a file, so it shares nothing with them.
"""

import struct
import zlib

import numpy as np

CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
PASSES = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def predict(manner: int, left: int, up: int, corner: int) -> int:
    if manner == 4:
        best = left + up - corner
        return min((left, up, corner), key=lambda value: abs(best - value))
    return (0, left, up, (left + up) // 2)[manner]


def packed(samples: np.ndarray, depth: int) -> list[bytes]:
    """Rows of samples (rows, columns * channels) as bytes."""
    if depth == 16:
        return [row.astype(">u2").tobytes() for row in samples]
    bits = (samples[..., None].astype(np.int64) >> np.arange(depth)[::-1]) & 1
    return [np.packbits(row.reshape(-1).astype(np.uint8)).tobytes() for row in bits]


def unpacked(row: bytes, depth: int, count: int) -> np.ndarray:
    if depth == 16:
        return np.frombuffer(row, ">u2").astype(np.int64)
    bits = np.unpackbits(np.frombuffer(row, np.uint8))[: count * depth].reshape(count, depth).astype(np.int64)
    return (bits << np.arange(depth)[::-1]).sum(-1)


def lines(samples: np.ndarray, interlaced: bool) -> list[np.ndarray]:
    """The pictures that a file holds one after the other."""
    parts = [samples[y::down, x::across] for y, x, down, across in PASSES] if interlaced else [samples]
    return [part for part in parts if part.size]


def write(
    samples: np.ndarray, depth: int, colour: int, random: np.random.Generator, interlaced: bool = False,
    before: bytes = b"", after: bytes = b"",
) -> bytes:  # fmt: skip
    """samples int (rows, columns, channels) -> a PNG, its filters drawn and its pixels in several chunks."""
    step, stream = max(depth * samples.shape[2] // 8, 1), bytearray()
    for part in lines(samples, interlaced):
        above = None
        for row in packed(part.reshape(len(part), -1), depth):
            manner = int(random.integers(5))
            stream.append(manner)
            above = above or bytes(len(row))
            for i, value in enumerate(row):
                left, corner = (row[i - step], above[i - step]) if i >= step else (0, 0)
                stream.append((value - predict(manner, left, above[i], corner)) % 256)
            above = row
    data = zlib.compress(bytes(stream))
    cut = int(random.integers(len(data)))
    size = struct.pack(">IIBBBBB", samples.shape[1], samples.shape[0], depth, colour, 0, 0, interlaced)
    pixels = chunk(b"IDAT", data[:cut]) + chunk(b"IDAT", data[cut:])
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", size) + before + pixels + after + chunk(b"IEND", b"")


def read(raw: bytes) -> tuple[int, int, np.ndarray, list[tuple[bool, bytes, bytes]]]:
    """Depth, colour type, samples int (rows, columns, channels), and (behind the pixels?, name, data) of every chunk
    that is none of the pixels'."""
    at, data, others = 8, b"", []
    while at < len(raw):
        size, name = struct.unpack_from(">I4s", raw, at)
        body = raw[at + 8 : at + 8 + size]
        if name == b"IHDR":
            columns, rows, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", body)
        elif name == b"IDAT":
            data += body
        elif name != b"IEND":
            others.append((bool(data), name, body))
        at += 12 + size
    channels, stream, place = CHANNELS[colour], zlib.decompress(data), 0
    step, samples = max(depth * channels // 8, 1), np.zeros((rows, columns, channels), np.int64)
    for part in lines(samples, bool(interlaced)):
        width = -(-part.shape[1] * channels * depth // 8)
        above = bytearray(width)
        for target in part:
            manner, row = stream[place], bytearray(stream[place + 1 : place + 1 + width])
            for i in range(width):
                left, corner = (row[i - step], above[i - step]) if i >= step else (0, 0)
                row[i] = (row[i] + predict(manner, left, above[i], corner)) % 256
            target[:] = unpacked(bytes(row), depth, target.size).reshape(target.shape)
            above, place = row, place + 1 + width
    return depth, colour, samples, others
