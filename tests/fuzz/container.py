"""Files of `adr-run compress`, damaged and resealed, and headers that ask for more than there is."""

import dataclasses
import zlib
from random import Random
from typing import Any

from .cases import Case, WrongResult
from .mutate import INTEGERS, STRINGS, damage, like
from .protobuf import varint
from .seeds import coding_models
from .shell import check, run


def attack(case: Case) -> str:
    random = case.random
    name = random.choice(list(case.seeds.containers))
    data = case.seeds.containers[name]
    how = random.choices(("bytes", "resealed", "header", "fields", "paths", "bare"), (15, 15, 25, 25, 12, 8))[0]
    changed = {
        "bytes": lambda: damage(random, data),
        "resealed": lambda: resealed(damage(random, data[:-4])),
        "header": lambda: with_header(random, data),
        "fields": lambda: with_fields(random, data, None),
        "paths": lambda: with_fields(random, data, case),
        "bare": lambda: bare(random),
    }[how]()
    (case.work / "x.ardm").write_bytes(changed)
    before = set(case.folder.rglob("*"))
    done = run(case, "decompress", "x.ardm", "out", *coding_models(case.seeds.bundles))
    escaped = [p for p in set(case.folder.rglob("*")) - before if case.work / "out" not in (p, *p.parents)]
    if escaped:
        raise WrongResult(f"written outside of the target: {escaped[0]}")
    check(done)
    check_content(case, name)
    return f"{name}: {how}"


def check_content(case: Case, name: str) -> None:
    """Whatever is accepted must be what was compressed: every file has a checksum."""
    out = case.work / "out"
    if out.is_file() and out.read_bytes() != case.seeds.media.get(name):
        raise WrongResult("another file came out than went in")


def resealed(body: bytes) -> bytes:
    return body + zlib.crc32(body).to_bytes(4, "little")


def opened(data: bytes) -> tuple[bytes, bytes]:
    """Header and rest of a valid container."""
    from adr_runtime.coding import container, varints

    reader = varints.Reader(data[:-4], "seed")
    reader.at = 5
    head = reader.bytes()
    return zlib.decompressobj(-zlib.MAX_WBITS, container.WORDS).decompress(head), data[reader.at : -4]


def with_header(random: Random, data: bytes) -> bytes:
    """Bytes of the header, which is deflated, are changed; most of them are numbers."""
    from adr_runtime.coding import container

    header, rest = opened(data)
    if random.random() < 0.5:
        header = damage(random, header)
    else:
        at = random.randrange(len(header))
        number = random.choice([n for n in INTEGERS if 0 <= n < 1 << 70])
        header = header[:at] + varint(number, random.choice((0, 0, 3))) + header[at + random.choice((0, 1)) :]
    return container.seal(header, damage(random, rest) if random.random() < 0.2 else rest)


def bare(random: Random) -> bytes:
    """A header by hand: counts without what is counted, or a great many of something small."""
    from adr_runtime.coding import container

    number = random.choice((1000, 1 << 20, 1 << 32, 1 << 40, 1 << 62))
    return container.seal(
        random.choice(
            (
                varint(1) + varint(number),
                varint(1) + varint(0) + varint(number),
                varint(0) * 2 + varint(1) + varint(0) + b"\x04text" + varint(1) + varint(number) + bytes(12),
                varint(0) * 2 + varint(1) + varint(0) + b"\x09image:RGB" + varint(3) + varint(number) * 3 + bytes(12),
                varint(1) + varint(0) + varint(1000) + (b"\x01a\x04text\x01\x00\x08" + bytes(8) + b"\0\0") * 1000,
                varint(1) + varint(1000) + (bytes(5) + varint(1) + varint(1) + varint(1) + varint(1 << 20)) * 1000,
                bytes(1 << 20),
            )
        ),
        b"",
    )


def with_fields(random: Random, data: bytes, case: Case | None) -> bytes:
    """Fields of sections and entries take other values; with a case, paths lead elsewhere, or twice to one place."""
    from adr_runtime.coding import container

    found = container.unpack(data, "seed")
    for _ in range(50):
        changed = with_paths(random, found, case) if case else other_fields(random, found)
        try:
            return container.pack(changed)
        except Exception:
            # What cannot be written is no attack.
            continue
    return data


def with_paths(random: Random, found: Any, case: Case) -> Any:
    entries = list(found.entries)
    paths = (
        "../x", "a/../../x", str(case.folder / "escaped"), "a//b", "./x", "a/./b", "", "a\\b", "C:x", "nul\0l",
        ".", "..", "log 12:30.txt", "n" * 255, "n" * 5000, "a/" * 2000 + "b", "\udcff", "x\ny", "-rf",
        "likely.txt/inside", entries[0].path or "likely.txt",
    )  # fmt: skip
    at = random.randrange(len(entries))
    entries[at] = dataclasses.replace(entries[at], path=random.choice(paths))
    if random.random() < 0.3:
        entries += [entries[at]] * random.choice((1, 1000))
    return dataclasses.replace(found, folder=True, entries=tuple(entries))


def other_fields(random: Random, value: Any) -> Any:
    """The same dataclass, tuple or plain value with one thing in it changed."""
    if dataclasses.is_dataclass(value):
        name = random.choice([f.name for f in dataclasses.fields(value)])
        return dataclasses.replace(value, **{name: other_fields(random, getattr(value, name))})  # type: ignore[type-var]
    if isinstance(value, tuple) and value:
        at = random.randrange(len(value))
        inside = value[:at] + (other_fields(random, value[at]),) + value[at + 1 :]
        more = value + (value[at],) * random.choice((1, 1000))
        return random.choice((inside, inside, value[:at] + value[at + 1 :], more))
    if isinstance(value, bytes):
        return damage(random, value, 1)
    if isinstance(value, str):
        return random.choice((*STRINGS, "sound:0", "sound:9999999", "image:P", "image:RGBA", "text", "cuda", "cpu"))
    return like(random, value)
