"""Damaged pictures, sounds and texts, as prompts, as what is filled in, scored, compressed, and asked about."""

import io
import json
import struct
import zlib
from random import Random

import numpy as np
from PIL import Image

from .cases import Case, WrongResult
from .files import chunk, png
from .mutate import damage
from .seeds import coding_models
from .shell import check, run

HUGE = (0, 1, 13_000, 65_500, 100_000, 2**31 - 1, 2**31, 2**32 - 1)
CODING = ("compress", "score")
PICTURES = (".png", ".webp", ".bmp", ".tif", ".ppm", ".pgm", ".gif", ".jpg")


def attack(case: Case) -> str:
    random, media = case.random, case.seeds.media
    name = random.choice(list(media))
    how = random.choices(("bytes", "header", "size", "as it is"), (40, 30, 20, 10))[0]
    uses = (
        ("compress", "score", "info", "fill", "mask", "top") if name.endswith(PICTURES) else (*CODING, "info", "go on")
    )
    use = random.choice(uses)
    data = {
        "bytes": lambda: damage(random, media[name]), "header": lambda: other_header(random, name, media[name]),
        "size": lambda: oversized(random, name, use in CODING), "as it is": lambda: media[name],
    }[how]()  # fmt: skip
    if random.random() < 0.1:
        name = random.choice(list(media))
    (case.work / name).write_bytes(data)
    if use == "compress":
        compress(case, name, data)
    else:
        check(run(case, *arguments(case, use, name)))
    return f"{name}: {how}, {use}"


def arguments(case: Case, use: str, name: str) -> tuple[str, ...]:
    bundles = {key: str(path) for key, path in case.seeds.bundles.items()}
    if use == "score":
        return "score", name, "--steps", "2", *coding_models(case.seeds.bundles)
    if use == "info":
        return "info", name
    if use == "go on":
        model, seconds = case.random.choice((("samples", "0.004"), ("latent", "0.1")))
        given = "--prompt", name, "--seconds", seconds
        return "audio", "--model", bundles[model], *given, "--steps", "2", "--out", "out.wav"
    if use == "top":
        return "image", "--model", bundles["picture"], "--prompt", name, "-n", "1", "--steps", "1", "--out", "out.png"
    (case.work / "other.png").write_bytes(case.seeds.media["mask.png" if use == "fill" else "rgb.png"])
    pair = (name, "other.png") if use == "fill" else ("other.png", name)
    given = "--fill", pair[0], "--mask", pair[1]
    return "image", "--model", bundles["colours"], *given, "--steps", "1", "--out", "out.png"


def compress(case: Case, name: str, data: bytes) -> None:
    """Whatever is accepted comes back: the same bytes, or a file that shows the same and is as deep."""
    models = coding_models(case.seeds.bundles)
    check(run(case, "compress", name, "x.ardm", "--steps", "2", *models))
    done = run(case, "decompress", "x.ardm", "back-" + name, *models)
    if done.status:
        raise WrongResult(f"was compressed with status 0 and cannot be unpacked: {done.errors.strip()[:200]}")
    back = (case.work / ("back-" + name)).read_bytes()
    if back == data:
        return
    if not name.endswith(PICTURES):
        raise WrongResult(f"{name} came back with other bytes")
    if shown(back) != shown(data):
        raise WrongResult(f"{name} came back as another picture")
    if told(back) != told(data):
        raise WrongResult(f"{name} came back as {told(back)}, it was {told(data)}")


def shown(data: bytes) -> tuple[tuple[int, int], bytes]:
    with Image.open(io.BytesIO(data)) as image:
        return image.size, image.convert("RGBA" if image.mode not in ("I;16", "I", "F") else image.mode).tobytes()


def told(data: bytes) -> str:
    """What of a picture Pillow's pixels do not say: the depth in the file, and what stands beside the pixels."""
    with Image.open(io.BytesIO(data)) as image:
        beside = sorted(str(k) for k in image.info if k in ("icc_profile", "exif", "gamma", "transparency", "adr"))
        form = image.format
    depth = ""
    if form == "PNG":
        depth = f"depth {data[24]}"
    elif form == "PPM":
        depth = "deep" if len(data) > 2 and b" 65535\n" in data[:30] else "hundred" if b" 100\n" in data[:30] else ""
    return f"{form} {depth} {' '.join(beside)}"


def other_header(random: Random, name: str, data: bytes) -> bytes:
    """Sizes, depths and kinds in the header become others, with check sums to match."""
    if data[:4] == b"\x89PNG":
        return other_png(random, data)
    at = {"wav": (20, 44), "flac": (8, 42), "bmp": (2, 54), "tif": (4, 180), "webp": (4, 30), "gif": (6, 30)}
    low, high = at.get(name.rpartition(".")[2], (0, min(64, len(data))))
    out = bytearray(data)
    for _ in range(random.choice((1, 1, 2, 3))):
        size = random.choice((1, 2, 4))
        place = random.randrange(low, max(min(high, len(out)), low + 1))
        number = random.choice(HUGE) % (1 << 8 * size)
        out[place : place + size] = number.to_bytes(size, random.choice(("little", "big")))
    return bytes(out)


def other_png(random: Random, data: bytes) -> bytes:
    """One chunk of a PNG is changed, doubled, left out or put in."""
    parts, at = [], 8
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        parts.append((data[at + 4 : at + 8], data[at + 8 : at + 8 + size]))
        at += size + 12
    which = random.randrange(len(parts))
    name, body = parts[which]
    how = random.choice(("change", "change", "twice", "without", "insert"))
    if how == "change" and name == b"IHDR":
        at, size = random.choice(((0, 4), (4, 4), (8, 1), (9, 1), (12, 1)))
        number = random.choice(HUGE if size == 4 else (0, 1, 2, 3, 4, 6, 8, 16, 255))
        parts[which] = name, body[:at] + number.to_bytes(size, "big") + body[at + size :]
    elif how == "change":
        parts[which] = name, damage(random, body)
    elif how == "twice":
        parts.insert(which, parts[which])
    elif how == "without":
        del parts[which]
    else:
        text = b"adr\0" + json.dumps({"adr": {"model": "[red]", "x\n": float("nan")}}).encode()
        bomb = b"adr\0\0" + zlib.compress(bytes(80 << 20))
        more = ((b"tEXt", text), (b"zTXt", bomb), (b"acTL", bytes(8)), (b"tRNS", b"\0\1"), (b"gAMA", b""))
        parts.insert(1, random.choice(more))
    return data[:8] + b"".join(chunk(*part) for part in parts)


def oversized(random: Random, name: str, coding: bool) -> bytes:
    """Small files that stand for a great deal. What is coded is beyond all measure or soon done: between the two lie
    honest jobs that take their time."""
    side = random.choice((13_000, 60_000) if coding else (3_000, 13_000, 60_000))
    if name.endswith(PICTURES):
        if random.random() < 0.3:
            return f"P{random.choice((5, 6))} {side} {side} {random.choice((1, 255, 65535))}\n".encode() + bytes(1000)
        row = bytes(1 + -(-side // 8))
        packer = zlib.compressobj(1)
        packed = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()
        head = png(side, side, 1, 0, b"")
        return head[: head.index(b"IDAT") - 4] + chunk(b"IDAT", packed) + chunk(b"IEND", b"")
    if name.endswith(".txt") or name.endswith(".bin"):
        return bytes(range(256)) * random.choice((1, 40))
    rate = random.choice((1, 2, 8000, 768_000, 2**31 - 1))
    samples = np.zeros(1000 if coding else random.choice((1000, 100_000, 1_000_000)), "<i2").tobytes()
    fmt = struct.pack("<HHIIHH", 1, 1, rate, rate * 2 % 2**32, 2, 16)
    return (
        b"RIFF" + struct.pack("<I", 36 + len(samples)) + b"WAVEfmt " + struct.pack("<I", 16) + fmt + b"data"
        + struct.pack("<I", random.choice((len(samples), 0, 2**32 - 1))) + samples
    )  # fmt: skip
