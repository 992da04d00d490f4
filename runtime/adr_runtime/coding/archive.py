"""Lossless compression with any-order models: files -> a container -> the very same files.

Blocks are predicted in batches of equal shape, in the order in which the container lists its files; a batch is encoded
and decoded by the same network calls. Whatever can go wrong is found before or after, never passed on: the container's
CRC, its limits, the model's hash and the environment's fingerprint are compared first, the checksum of every file last.
"""

import hashlib
import importlib.metadata
import json
import math
import platform
from collections.abc import Callable
from dataclasses import asdict

import numpy as np

from adr_runtime.any_order.blocks import Blocks, dtype_of
from adr_runtime.any_order.network import AnyOrderNetwork
from adr_runtime.any_order.scoring import BATCH, Progress, no_progress
from adr_runtime.coding.batches import decode, encode, seconds
from adr_runtime.coding.choice import losers, pack_all, worth_trying
from adr_runtime.coding.container import Container, Entry, Environment, Section
from adr_runtime.coding.entropy import fingerprint, import_constriction
from adr_runtime.coding.plain_codecs import MOST, unpack_plain
from adr_runtime.errors import ADRError, DamagedFileError, InputError
from adr_runtime.inference.engine import import_onnxruntime
from adr_runtime.media.exact.files import File, checksum

# Given about how many seconds coding by models will take: shall it?
Agree = Callable[[float], bool]
RANKS = {"image": 3, "sound": 2, "text": 1, "folder": 1}
CHANNELS = {"L": 1, "LA": 2, "I;16": 2, "RGB": 3, "RGBA": 4}


def identity(model: AnyOrderNetwork) -> bytes:
    """Eight bytes of a hash of all that decoding depends on: graph, variables, losses and policies."""
    manifest = model.manifest
    parts = [manifest.graphs["network"].sha256, asdict(manifest.variables), manifest.step_loss, manifest.policies]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).digest()[:8]


def environment(model: AnyOrderNetwork, blocks: Blocks) -> Environment:
    """Where we are, and what the model says here for batches of these blocks' sizes."""
    import_constriction()
    sizes = [len(batch.rows) for batch in blocks.batches(BATCH)]
    return Environment(
        import_onnxruntime().__version__, np.__version__, importlib.metadata.version("constriction"),
        platform.machine(), model.threads, fingerprint(model, (min(sizes), max(sizes))),
    )  # fmt: skip


def encode_files(
    groups: list[tuple[AnyOrderNetwork | None, list[File]]], folder: bool, steps: int | None = None, seed: int = 0,
    choose: bool = True, agree: Agree | None = None, progress: Progress = no_progress,
) -> Container:  # fmt: skip
    """Code files, each group by its model or, where there is none, by the standard library's codecs. What these make
    smaller than the model is theirs, file by file; with `choose` false, everything but empty files is the model's."""
    plains = [pack_all(files) for _, files in groups]
    tried = [
        every_full(model, files) if model is None or not choose
        else worth_trying(model, files, plain, steps, seed)
        for (model, files), plain in zip(groups, plains, strict=True)
    ]  # fmt: skip
    jobs = [(m, [f[n] for n in numbers]) for (m, f), numbers in zip(groups, tried, strict=True) if m and numbers]
    if agree and not agree(sum(about(model, files, steps) for model, files in jobs)):
        tried = [[] for _ in groups]
    parts: list[tuple[Section, bytes]] = []
    entries: list[Entry] = []
    costs: list[int] = []
    for (model, files), plain, numbers in zip(groups, plains, tried, strict=True):
        bits: dict[int, float] = {}
        if model:
            part, bits = code(model, files, plain, numbers, steps, seed, choose, progress)
            parts += part
        for n, f in enumerate(files):
            codec, stored = (0, b"") if n in bits else plain[n]
            where = len(parts) - 1 if n in bits else 0
            entries.append(Entry(f.path, f.kind, f.data.shape, checksum(f), codec, where, stored, f.extra))
            costs.append(math.ceil(bits[n] / 8) if n in bits else len(stored))
    sections, coded = tuple(section for section, _ in parts), tuple(data for _, data in parts)
    return Container(folder, sections, tuple(entries), coded, tuple(costs))


def every_full(model: AnyOrderNetwork | None, files: list[File]) -> list[int]:
    """The numbers of all files that a model can code, if there is one."""
    return [n for n, f in enumerate(files) if f.data.size] if model else []


def about(model: AnyOrderNetwork, files: list[File], steps: int | None) -> float:
    """Seconds that coding files takes, about."""
    return seconds(model, Blocks([(f.kind, f.data.shape) for f in files], model.variables), model.policy(steps))


def code(
    model: AnyOrderNetwork, files: list[File], plain: list[tuple[int, bytes]], numbers: list[int], steps: int | None,
    seed: int, choose: bool, progress: Progress,
) -> tuple[list[tuple[Section, bytes]], dict[int, float]]:  # fmt: skip
    """A section of those files of the numbers of which the model makes less than `plain`, with its coded bytes, and for
    each file what it costs in bits; nothing where there are no such files."""
    budget, policy = model.manifest.defaults.steps if steps is None else steps, model.policy(steps)
    while numbers:
        chosen = [files[n] for n in numbers]
        blocks = Blocks([(f.kind, f.data.shape) for f in chosen], model.variables)
        data, bits = encode(model, blocks, [f.data for f in chosen], seed, policy, progress)
        lost = losers(chosen, bits, [plain[n] for n in numbers]) if choose else []
        if not lost:
            # Behind its last word the decoder reads zeros anyway.
            least = -(-sum(f.data.size for f in chosen) // MOST)
            data += bytes(max(-(-least // 4) * 4 - len(data), 0))
            stored = () if str(budget) in model.manifest.policies else policy
            here = environment(model, blocks)
            section = Section(model.name, identity(model), seed, budget, stored, here, len(data))
            return [(section, data)], dict(zip(numbers, map(float, bits), strict=True))
        numbers = [n for i, n in enumerate(numbers) if i not in set(lost)]
    return [], {}


def decode_files(
    container: Container, find: Callable[[Section], AnyOrderNetwork], file: str, progress: Progress = no_progress
) -> list[File]:
    """The files of a container, exact or not at all: ADRError with one line otherwise."""
    for entry in container.entries:
        check_shape(entry, file)
    numbers = range(len(container.sections))
    members = [[e for e in container.entries if not e.codec and e.section == number] for number in numbers]
    for section, entries in zip(container.sections, members, strict=True):
        sizes = [math.prod(e.shape) for e in entries]
        if not entries or sum(sizes) > MOST * section.length or not all(sizes):
            raise DamagedFileError(f"{file}: damaged: {sum(sizes)} values are not in {section.length} bytes")
    decoded: dict[int, np.ndarray] = {}
    for section, entries, data in zip(container.sections, members, container.coded, strict=True):
        values = decode_section(section, entries, find(section), data, file, progress)
        decoded |= dict(zip(map(id, entries), values, strict=True))
    files = []
    for entry in container.entries:
        content = stored_values(entry, file) if entry.codec else decoded[id(entry)]
        restored = File(entry.path, entry.kind, content, entry.extra)
        if checksum(restored) != entry.checksum:
            hint = f"; install what made it: {versions(container.sections[entry.section])}" if not entry.codec else ""
            raise ADRError(
                f"{file}: {entry.path or 'its content'} does not match its checksum; nothing was written{hint}"
            )
        files.append(restored)
    return files


def decode_section(
    section: Section, entries: list[Entry], model: AnyOrderNetwork, data: bytes, file: str, progress: Progress
) -> list[np.ndarray]:
    spec = model.variables
    for entry in entries:
        if entry.kind.partition(":")[0] != spec.kind or (spec.kind == "sound" and spec.levels != 1 << 16):
            raise DamagedFileError(f"{file}: damaged: {entry.kind} {entry.shape} does not suit {model.name}")
    policy = section.policy or model.manifest.policies.get(str(section.steps), ())
    if len(policy) != spec.stages or any(sum(p) != spec.dimensions or min(p, default=0) < 1 for p in policy):
        raise DamagedFileError(f"{file}: damaged: its policy does not suit {model.name}")
    blocks = Blocks([(e.kind, e.shape) for e in entries], spec)
    refuse_other_environment(section, environment(model, blocks), file)
    return decode(model, blocks, section.seed, policy, data, file, progress)


def refuse_other_environment(section: Section, here: Environment, file: str) -> None:
    """Raises InputError, which says what to install or where to decode, where the model computes other numbers."""
    there = section.environment
    if here.fingerprint == there.fingerprint:
        return
    packages = [(e.onnxruntime, e.numpy, e.constriction) for e in (there, here)]
    what = f"decode it on a processor ({there.machine}) like that one"
    if packages[0] != packages[1]:
        what = f"install {versions(section)}"
    raise InputError(
        f"{file}: was encoded where {section.model} computes other numbers; {what} (here: ONNX Runtime "
        f"{here.onnxruntime}, NumPy {here.numpy}, {here.machine}, {here.threads} thread(s))"
    )


def versions(section: Section) -> str:
    recorded = section.environment
    packages = f"onnxruntime=={recorded.onnxruntime} numpy=={recorded.numpy} constriction=={recorded.constriction}"
    return f"pip install {packages}, on {recorded.machine}, {recorded.threads} thread(s)"


def check_shape(entry: Entry, file: str) -> None:
    """Before anything is allocated: as many sizes as the kind has, and as many channels as the mode."""
    kind, mode = (*entry.kind.split(":"), "")[:2]
    channels = CHANNELS.get(mode) if kind == "image" else None
    fits = len(entry.shape) == RANKS[kind] and (channels is None or entry.shape[2] == channels)
    if not fits or (kind == "image" and (entry.shape[2] > 4 or not math.prod(entry.shape))):
        raise DamagedFileError(f"{file}: damaged: {entry.kind} of {entry.shape}")


def stored_values(entry: Entry, file: str) -> np.ndarray:
    """The values of an entry that no model codes."""
    dtype = dtype_of(entry.kind)
    data = unpack_plain(entry.codec, entry.stored, math.prod(entry.shape) * dtype.itemsize, file)
    return np.frombuffer(data, dtype.newbyteorder("<")).astype(dtype).reshape(entry.shape)
