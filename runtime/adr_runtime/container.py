"""The file that `adr-run compress` writes: everything that decoding needs to be exact, or to refuse.

    magic "ARDM", format version (one byte), header, coded bytes, stored bytes, CRC-32 of all these

Integers are LEB128 varints; strings and bytes carry their length before them, and so does the header. It lists
sections, one for each model used, and entries, one for each file, with the fields of the classes below in their order,
and is deflated (raw) with a dictionary of what most headers hold, since a small file's header is much of it.
"""

import re
import zlib
from dataclasses import dataclass, field, replace

from adr_runtime.errors import ADRError, upgrade_hint

MAGIC, VERSION = b"ARDM", 2
# Part of the format: another byte here is another VERSION.
WORDS = (
    b"\x00\x01\x0bshakespeare\x08\x00\x01\x0adigits-any\x08\x00\x01\x08pictures\x08\x00\x14\x10\x00\x061.31.1\x04cuda\x01"
    b"\x061.31.1\x03cpu\x01\x08\x01\x00\x0asound:8000\x02\x01\x00\x04text\x01\x01\x00\x09image:RGB\x03\x01\x00\x07image:L\x03"
)
LIMIT = 1 << 40
MAX_HEADER, MAX_STAGES, MAX_COUNTS = 1 << 24, 16, 1 << 20
KIND = re.compile(r"text|image:[A-Za-z0-9;]{1,8}|sound:[0-9]{1,7}")


@dataclass(frozen=True)
class Environment:
    """Where a section was encoded, and the fingerprint of what the model says there."""

    onnxruntime: str
    provider: str
    threads: int
    fingerprint: bytes


@dataclass(frozen=True)
class Section:
    """One model's part: which model (its name, and the hash of all that decoding depends on), the seed of the orders,
    the network calls a block, the blocks a batch, the environment, and how many of the coded bytes are its own.
    `policy` is empty where the model's manifest holds the policy of `steps`."""

    model: str
    hash: bytes
    seed: int
    steps: int
    policy: tuple[tuple[int, ...], ...]
    batch: int
    environment: Environment
    length: int


@dataclass(frozen=True)
class Entry:
    """One file: its path, kind and shape, how its values lie in the section, the checksum of what must come back, and,
    where no model makes them smaller, the values themselves, deflated."""

    path: str
    kind: str
    shape: tuple[int, ...]
    checksum: bytes
    section: int = 0
    stored: bytes = b""


@dataclass(frozen=True)
class Container:
    """`folder` says whether entries belong into a folder; a single file has one entry without a path."""

    folder: bool
    sections: tuple[Section, ...]
    entries: tuple[Entry, ...]
    coded: tuple[bytes, ...] = field(repr=False)


class Writer:
    def __init__(self) -> None:
        self.data = bytearray()

    def number(self, value: int) -> None:
        while value > 127:
            self.data.append(value & 127 | 128)
            value >>= 7
        self.data.append(value)

    def bytes(self, value: bytes) -> None:
        self.number(len(value))
        self.data += value

    def text(self, value: str) -> None:
        self.bytes(value.encode("utf-8", "surrogateescape"))


class Reader:
    def __init__(self, data: bytes, file: str):
        self.data, self.at, self.file = data, 0, file

    def damaged(self) -> ADRError:
        return ADRError(f"{self.file}: damaged or cut short; get the file again")

    def take(self, count: int) -> bytes:
        if count > len(self.data) - self.at:
            raise self.damaged()
        self.at += count
        return self.data[self.at - count : self.at]

    def number(self) -> int:
        value = 0
        for shift in range(0, 63, 7):
            byte = self.take(1)[0]
            value |= (byte & 127) << shift
            if byte < 128:
                if value > LIMIT:
                    raise self.damaged()
                return value
        raise self.damaged()

    def bytes(self) -> bytes:
        return self.take(self.number())

    def text(self) -> str:
        return self.bytes().decode("utf-8", "surrogateescape")

    def count(self) -> int:
        """A number of things of which each takes at least a byte."""
        value = self.number()
        if value > len(self.data):
            raise self.damaged()
        return value


def pack(container: Container) -> bytes:
    head = Writer()
    head.number(container.folder)
    head.number(len(container.sections))
    for section in container.sections:
        head.text(section.model)
        head.bytes(section.hash)
        head.number(section.seed)
        head.number(section.steps)
        head.number(section.batch)
        head.number(len(section.policy))
        for counts in section.policy:
            runs = run_lengths(counts)
            head.number(len(runs))
            for count, times in runs:
                head.number(count)
                head.number(times)
        head.text(section.environment.onnxruntime)
        head.text(section.environment.provider)
        head.number(section.environment.threads)
        head.bytes(section.environment.fingerprint)
        head.number(section.length)
    head.number(len(container.entries))
    for entry in container.entries:
        head.text(entry.path)
        head.text(entry.kind)
        head.number(len(entry.shape))
        for size in entry.shape:
            head.number(size)
        head.bytes(entry.checksum)
        head.number(entry.section)
        head.number(len(entry.stored))
    if len(head.data) > MAX_HEADER:
        raise ADRError("too many files for one container; compress them in parts")
    return seal(bytes(head.data), b"".join([*container.coded, *(entry.stored for entry in container.entries)]))


def seal(header: bytes, rest: bytes) -> bytes:
    deflate = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS, zdict=WORDS)
    out = Writer()
    out.data += MAGIC + bytes([VERSION])
    out.bytes(deflate.compress(header) + deflate.flush())
    out.data += rest
    return bytes(out.data) + zlib.crc32(out.data).to_bytes(4, "little")


def unpack(data: bytes, file: str) -> Container:
    """Raises ADRError with one line for what is no such file, a newer one, or a damaged one."""
    if data[:4] != MAGIC:
        raise ADRError(f"{file}: not a file of adr-run compress")
    if len(data) > 4 and data[4] > VERSION:
        raise ADRError(
            f"{file}: written in format {data[4]}, this version reads {VERSION}; upgrade with: {upgrade_hint()}"
        )
    reader = Reader(data[:-4], file)
    if len(data) < 10 or zlib.crc32(data[:-4]) != int.from_bytes(data[-4:], "little"):
        raise reader.damaged()
    if data[4] < VERSION:
        raise ADRError(f"{file}: written in format {data[4]}, which is no longer read; compress the original again")
    reader.at = 5
    try:
        inflate = zlib.decompressobj(-zlib.MAX_WBITS, WORDS)
        head = Reader(inflate.decompress(reader.bytes(), MAX_HEADER), file)
        if not inflate.eof or inflate.unused_data:
            raise reader.damaged()
        folder = bool(head.number())
        sections = tuple(read_section(head) for _ in range(head.count()))
        found = [read_entry(head) for _ in range(head.count())]
    except (UnicodeDecodeError, zlib.error) as error:
        raise reader.damaged() from error
    coded = tuple(reader.take(section.length) for section in sections)
    entries = tuple(replace(entry, stored=reader.take(size)) for entry, size in found)
    if reader.at != len(reader.data) or head.at != len(head.data) or (not folder and len(entries) != 1):
        raise reader.damaged()
    if any(not entry.stored and entry.section >= len(sections) and entry.shape != (0,) for entry in entries):
        raise reader.damaged()
    return Container(folder, sections, entries, coded)


def read_section(head: Reader) -> Section:
    model, digest, seed, steps, batch = head.text(), head.bytes(), head.number(), head.number(), head.number()
    policy, left = [], MAX_COUNTS
    stages = head.count()
    if stages > MAX_STAGES:
        raise head.damaged()
    for _ in range(stages):
        counts: list[int] = []
        for _ in range(head.count()):
            count, times = head.number(), head.number()
            left -= times
            if left < 0:
                raise head.damaged()
            counts += [count] * times
        policy.append(tuple(counts))
    environment = Environment(head.text(), head.text(), head.number(), head.bytes())
    if not 1 <= environment.threads <= 1024 or not 1 <= batch <= 4096:
        raise head.damaged()
    return Section(model, digest, seed, steps, tuple(policy), batch, environment, head.number())


def read_entry(head: Reader) -> tuple[Entry, int]:
    """An entry without its stored bytes, and how many those are."""
    path, kind = head.text(), head.text()
    if not KIND.fullmatch(kind):
        raise head.damaged()
    shape = tuple(head.number() for _ in range(head.count()))
    return Entry(path, kind, shape, head.bytes(), head.number()), head.number()


def run_lengths(counts: tuple[int, ...]) -> list[tuple[int, int]]:
    """(3, 3, 3, 5) -> [(3, 3), (5, 1)]."""
    runs: list[tuple[int, int]] = []
    for count in counts:
        if runs and runs[-1][0] == count:
            runs[-1] = (count, runs[-1][1] + 1)
        else:
            runs.append((count, 1))
    return runs
