"""The file that `adr-run compress` writes: everything that decoding needs to be exact, or to refuse.

    magic "ARDM", format version (one byte), header, coded bytes, extra bytes, stored bytes, CRC-32 of all these

The header has its length before it. It lists sections, one for each model used, and entries, one for each file, with
the fields of the classes below in their order, and is deflated (raw) with a dictionary of what most headers hold, since
a small file's header is much of it. The extra bytes of all files lie together, packed as one.

Whatever a file asks for is bounded by its size: `MOST` values for a byte, `MOST_HEADER` bytes of header for one of
them, and the numbers below for the file as a whole.
"""

import itertools
import re
import zlib
from dataclasses import dataclass, field, replace

from adr_runtime.any_order.policy import run_lengths
from adr_runtime.coding.plain_codecs import NAMES, STORED, pack_plain, unpack_plain
from adr_runtime.coding.varints import Reader, Writer
from adr_runtime.errors import DamagedFileError, upgrade_hint

MAGIC, VERSION = b"ARDM", 3
# Part of the format: another byte here is another VERSION.
WORDS = (
    b"\x00\x01\x0bshakespeare\x08\x00 \x00\x061.31.1\x052.4.6\x050.5.0\x05arm64\x01\x08\x00\x01\x0adigits-any\x08"
    b"\x00\x14\x00\x061.31.1\x052.4.6\x050.5.0\x06x86_64\x01\x08\x00\x01\x08pictures\x08\x00\x14\x00\x061.31.1"
    b"\x052.4.6\x050.5.0\x06x86_64\x01\x08\x01\x00\x0asound:8000\x02\x01\x00\x04text\x01\x01\x00\x0bimage:L:BMP"
    b"\x03\x00\x0dimage:RGB:PPM\x03\x00\x07image:L\x03\x01\x00\x09image:RGB\x03"
)
MAX_HEADER, MOST_HEADER, SMALL_HEADER = 1 << 22, 16, 4096
MAX_SECTIONS, MAX_STAGES, MAX_COUNTS, MAX_THREADS = 16, 16, 1 << 20, 64
# An entry's checksum and its seven other fields.
LEAST_ENTRY = 8 + 7
KIND = re.compile(r"folder|text|image:[A-Za-z0-9;]{1,8}(:BMP|:PPM)?|sound:[0-9]{1,7}(:WAV)?")
NOTHING = (b"", b"")


@dataclass(frozen=True)
class Environment:
    """Where a section was encoded: the versions of what computes it, the processor's family, the threads, and the
    fingerprint of what the model says there. It is always the CPU: other providers may take another algorithm
    tomorrow."""

    onnxruntime: str
    numpy: str
    constriction: str
    machine: str
    threads: int
    fingerprint: bytes


@dataclass(frozen=True)
class Section:
    """One model's part: which model (its name, and the hash of all that decoding depends on), the seed of the orders,
    the network calls a block, the environment, and how many of the coded bytes are its own. `policy` is empty where
    the model's manifest holds the policy of `steps`."""

    model: str
    hash: bytes
    seed: int
    steps: int
    policy: tuple[tuple[int, ...], ...]
    environment: Environment
    length: int


@dataclass(frozen=True)
class Entry:
    """One file: its path, kind and shape, the checksum of what must come back, and how it is packed: by the model of a
    section where `codec` is 0, else by that codec, as `stored`. `extra` is what stands before and behind the values in
    the file (`adr_runtime.media.exact.files`)."""

    path: str
    kind: str
    shape: tuple[int, ...]
    checksum: bytes
    codec: int = STORED
    section: int = 0
    stored: bytes = b""
    extra: tuple[bytes, bytes] = NOTHING


@dataclass(frozen=True)
class Container:
    """`folder` says whether entries belong into a folder; a single file has one entry without a path. `costs` tells
    how many bytes each entry takes, rounded where a model codes it; it is no part of the file."""

    folder: bool
    sections: tuple[Section, ...]
    entries: tuple[Entry, ...]
    coded: tuple[bytes, ...] = field(repr=False)
    costs: tuple[int, ...] = field(default=(), compare=False)


def pack(container: Container) -> bytes:
    """The bytes of a container. ADRError for more files than one can list."""
    extra = b"".join(part for entry in container.entries for part in entry.extra)
    codec, packed = pack_plain(extra)
    head = Writer()
    head.number(container.folder, len(container.sections))
    for section in container.sections:
        write_section(head, section)
    head.number(len(container.entries))
    for entry in container.entries:
        write_entry(head, entry)
    if extra:
        head.number(codec, len(packed))
    if len(head.data) > MAX_HEADER:
        raise DamagedFileError("too many files for one container; compress them in parts")
    stored = [entry.stored for entry in container.entries]
    return seal(bytes(head.data), b"".join([*container.coded, packed, *stored]))


def write_section(head: Writer, section: Section) -> None:
    head.text(section.model)
    head.bytes(section.hash)
    head.number(section.seed, section.steps, len(section.policy))
    for counts in section.policy:
        runs = run_lengths(counts)
        head.number(len(runs), *itertools.chain(*runs))
    recorded = section.environment
    for version in (recorded.onnxruntime, recorded.numpy, recorded.constriction, recorded.machine):
        head.text(version)
    head.number(recorded.threads)
    head.bytes(recorded.fingerprint)
    head.number(section.length)


def write_entry(head: Writer, entry: Entry) -> None:
    head.text(entry.path)
    head.text(entry.kind)
    head.number(len(entry.shape), *entry.shape)
    head.data += entry.checksum
    head.number(entry.codec, len(entry.stored) if entry.codec else entry.section, *map(len, entry.extra))


def seal(header: bytes, rest: bytes) -> bytes:
    deflate = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS, zdict=WORDS)
    small = deflate.compress(header) + deflate.flush()
    if len(header) > MOST_HEADER * len(small) + SMALL_HEADER:
        # Single symbols take a bit at least, so this stays within the bound.
        deflate = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS, 9, zlib.Z_HUFFMAN_ONLY)
        small = deflate.compress(header) + deflate.flush()
    out = Writer()
    out.data += MAGIC + bytes([VERSION])
    out.bytes(small)
    out.data += rest
    return bytes(out.data) + zlib.crc32(out.data).to_bytes(4, "little")


def unpack(data: bytes, file: str) -> Container:
    """Raises ADRError with one line for what is no such file, a newer one, or a damaged one."""
    if data[:4] != MAGIC:
        raise DamagedFileError(f"{file}: not a file of adr-run compress")
    if len(data) > 4 and data[4] > VERSION:
        raise DamagedFileError(
            f"{file}: written in format {data[4]}, this version reads {VERSION}; upgrade with: {upgrade_hint()}"
        )
    reader = Reader(data[:-4], file)
    if len(data) < 10 or zlib.crc32(data[:-4]) != int.from_bytes(data[-4:], "little"):
        raise reader.damaged()
    if data[4] < VERSION:
        raise DamagedFileError(
            f"{file}: written in format {data[4]}, which is no longer read; compress the original again"
        )
    reader.at = 5
    try:
        head = inflate_header(reader)
        folder, left = bool(head.number(1)), [MAX_COUNTS]
        sections = tuple(read_section(head, left) for _ in range(head.number(MAX_SECTIONS)))
        listed = [read_entry(head) for _ in range(head.count(LEAST_ENTRY))]
        extra = sum(before + after for _, _, before, after in listed)
        codec, size = (head.number(max(NAMES)), head.number()) if extra else (STORED, 0)
    except (UnicodeDecodeError, zlib.error) as error:
        raise reader.damaged() from error
    coded = tuple(reader.take(section.length) for section in sections)
    extras = Reader(unpack_plain(codec, reader.take(size), extra, file), file)
    entries = tuple(
        replace(entry, stored=reader.take(stored), extra=(extras.take(before), extras.take(after)))
        for entry, stored, before, after in listed
    )
    more_than_read = reader.at != len(reader.data) or head.at != len(head.data)
    lost = any(not entry.codec and entry.section >= len(sections) for entry in entries)
    if more_than_read or lost or (not folder and len(entries) != 1):
        raise reader.damaged()
    check_distinct(entries, file)
    return Container(folder, sections, entries, coded)


def inflate_header(reader: Reader) -> Reader:
    small = reader.bytes()
    inflate = zlib.decompressobj(-zlib.MAX_WBITS, WORDS)
    header = inflate.decompress(small, min(MOST_HEADER * len(small) + SMALL_HEADER, MAX_HEADER))
    if not inflate.eof or inflate.unused_data:
        raise reader.damaged()
    return Reader(header, reader.file)


def read_section(head: Reader, left: list[int]) -> Section:
    """`left` is how many counts all policies of the file may still have."""
    model, digest, seed, steps = head.text(), head.bytes(), head.number(), head.number()
    policy = []
    for _ in range(head.number(MAX_STAGES)):
        counts: list[int] = []
        for _ in range(head.count(2)):
            count, times = head.number(), head.number(left[0])
            left[0] -= times
            counts += [count] * times
        policy.append(tuple(counts))
    environment = Environment(
        head.text(), head.text(), head.text(), head.text(), head.number(MAX_THREADS), head.bytes()
    )
    if environment.threads < 1:
        raise head.damaged()
    return Section(model, digest, seed, steps, tuple(policy), environment, head.number())


def read_entry(head: Reader) -> tuple[Entry, int, int, int]:
    """An entry without its stored and extra bytes, and how many those are."""
    path, kind = head.text(), head.text()
    if not KIND.fullmatch(kind):
        raise head.damaged()
    shape = tuple(head.number() for _ in range(head.number(3)))
    checksum, codec, number = head.take(8), head.number(max(NAMES)), head.number()
    entry = Entry(path, kind, shape, checksum, codec, 0 if codec else number)
    return entry, number if codec else 0, head.number(), head.number()


def check_distinct(entries: tuple[Entry, ...], file: str) -> None:
    """No path twice, and none that is the folder of another."""
    # What lies in a folder sorts right behind it where the separator is the least of all characters.
    paths = sorted(entry.path.replace("/", "\0") for entry in entries)
    for path, following in itertools.pairwise(paths):
        if following == path or following.startswith(path + "\0"):
            raise DamagedFileError(f"{file}: damaged: lists {path.replace(chr(0), '/')!r} twice")
