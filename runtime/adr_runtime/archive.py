"""Lossless compression with any-order models: files -> a container -> the very same files.

Blocks are predicted in batches of equal shape, in the order in which the container lists its files; a batch is encoded
and decoded by the same network calls. Whatever can go wrong is found before or after, never passed on: the container's
CRC, the model's hash and the environment's fingerprint are compared first, the checksum of every file last.
"""

import hashlib
import json
import zlib
from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np

from adr_runtime.any_order import AnyOrderModel, Policy, random_order
from adr_runtime.blocks import Blocks, batches, block_count, empty_blocks, from_blocks, to_blocks
from adr_runtime.coded_files import checksum
from adr_runtime.container import Container, Entry, Environment, Section, pack, unpack
from adr_runtime.engine import import_onnxruntime
from adr_runtime.entropy import Decoder, Encoder, fingerprint
from adr_runtime.errors import ADRError

Tell = Callable[[int, int], None]
# As `any_order.Choose`, with the numbers of the blocks in front.
Pick = Callable[[np.ndarray, np.ndarray, np.ndarray, int], np.ndarray]
BATCH = 16
MAX_VALUES = 1 << 31


@dataclass(frozen=True)
class File:
    """One file to code: its path inside a folder ("" for a single file), kind and data of
    `coded_files.read_exactly`."""

    path: str
    kind: str
    data: np.ndarray


def identity(model: AnyOrderModel) -> bytes:
    """Eight bytes of a hash of all that decoding depends on: graph, variables, losses and policies."""
    manifest = model.manifest
    parts = [manifest.graphs["network"].sha256, asdict(manifest.variables), manifest.step_loss, manifest.policies]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).digest()[:8]


def environment(model: AnyOrderModel, sizes: list[int]) -> Environment:
    """Where we are, and what the model says here for batches of these sizes."""
    version = import_onnxruntime().__version__
    return Environment(version, model.provider, model.threads, fingerprint(model, (min(sizes), max(sizes))))


def quiet(done: int, total: int) -> None:
    pass


def reveal_all(
    model: AnyOrderModel, blocks: Blocks, seed: int, policy: Policy, most: int, choose: Pick, tell: Tell
) -> np.ndarray:
    """Every block's variables by way of choose(rows, index, log_p, stage), `rows` being the blocks of the batch."""
    found, done = np.zeros_like(blocks.values), 0
    for rows in batches(blocks, most):
        wanted, given = blocks.wanted[rows[0]], blocks.given[rows]
        order = np.stack([random_order(seed, int(row), np.flatnonzero(wanted)) for row in rows])
        pick = lambda index, log_p, stage, rows=rows: choose(rows, index, log_p, stage)  # noqa: E731
        found[rows], _ = model.reveal(blocks.values[rows], given, order, policy, pick)
        done += len(rows)
        tell(done, len(found))
    return found


def encode(model: AnyOrderModel, blocks: Blocks, seed: int, policy: Policy, tell: Tell = quiet) -> bytes:
    """The coded bytes of blocks of one model."""
    coder, spec = Encoder(), model.variables

    def push(rows: np.ndarray, index: np.ndarray, log_p: np.ndarray, stage: int) -> np.ndarray:
        values = np.take_along_axis(blocks.values[rows], index, 1)
        digits = values % spec.width(stage) // spec.width(stage + 1)
        coder.push(digits, log_p)
        return digits

    reveal_all(model, blocks, seed, policy, BATCH, push, tell)
    return coder.finish()


def decode(
    model: AnyOrderModel, blocks: Blocks, seed: int, policy: Policy, most: int, data: bytes, tell: Tell = quiet
) -> np.ndarray:
    """values int64 (count, D) of blocks of which `wanted` and `given` are known, as `blocks.empty_blocks` tells
    them."""
    coder = Decoder(data)
    return reveal_all(model, blocks, seed, policy, most, lambda rows, index, log_p, stage: coder.pull(log_p), tell)


def compress(
    groups: list[tuple[AnyOrderModel, list[File]]], folder: bool, steps: int | None = None, seed: int = 0,
    verify: bool = True, tell: Tell = quiet,
) -> Container:  # fmt: skip
    """Code files, each group by its model. What does not shrink that way is deflated instead. `verify` decodes
    everything once more and raises ADRError should anything differ."""
    sections: list[Section] = []
    entries: list[Entry] = []
    coded: list[bytes] = []
    for model, files in groups:
        shapes = {id(f): f.data.shape for f in files}
        full = [f for f in files if f.data.size]
        plain = {id(f): zlib.compress(f.data.astype(f.data.dtype.newbyteorder("<")).tobytes(), 9) for f in files}
        data = b""
        if full:
            budget = model.manifest.defaults.steps if steps is None else steps
            policy = model.policy(budget)
            blocks = Blocks.join([to_blocks(f.kind, f.data, model.variables) for f in full])
            here = environment(model, [len(rows) for rows in batches(blocks, BATCH)])
            data = encode(model, blocks, seed, policy, tell)
            stored = () if str(budget) in model.manifest.policies else policy
            if len(data) < sum(len(plain[id(f)]) for f in full):
                section = Section(model.name, identity(model), seed, budget, stored, BATCH, here, len(data))
                sections, coded = [*sections, section], [*coded, data]
                plain = {id(f): b"" for f in full} | {k: v for k, v in plain.items() if k not in map(id, full)}
        for f in files:
            where = max(len(sections) - 1, 0)
            entries.append(Entry(f.path, f.kind, shapes[id(f)], checksum(f.kind, f.data), where, plain[id(f)]))
    container = Container(folder, tuple(sections), tuple(entries), tuple(coded))
    if verify:
        known = {identity(model): model for model, _ in groups}
        back = unpack(pack(container), "what was just encoded")
        decompress(back, lambda section: known[section.hash], "what was just encoded", tell)
    return container


def decompress(
    container: Container, find: Callable[[Section], AnyOrderModel], file: str, tell: Tell = quiet
) -> list[File]:
    """The files of a container, exact or not at all: ADRError with one line otherwise."""
    found: dict[int, np.ndarray] = {}
    if sum(int(np.prod(e.shape, dtype=object)) for e in container.entries) > MAX_VALUES:
        raise ADRError(f"{file}: holds more than {MAX_VALUES} values")
    for number, (section, data) in enumerate(zip(container.sections, container.coded, strict=True)):
        model = find(section)
        spec = model.variables
        mine = [e for e in container.entries if e.section == number and not e.stored]
        check_shapes(mine, model, file)
        blocks = Blocks.join([empty_blocks(e.kind, e.shape, spec) for e in mine])
        sizes = [len(rows) for rows in batches(blocks, section.batch)]
        here = environment(model, sizes)
        if here.fingerprint != section.environment.fingerprint:
            was = section.environment
            raise ADRError(
                f"{file}: was encoded where {section.model} computes other numbers (ONNX Runtime {was.onnxruntime}, "
                f"{was.provider}, {was.threads} thread(s); here {here.onnxruntime}, {here.provider}, {here.threads}); "
                "decode it on a machine and version like that"
            )
        policy = section.policy or model.policy(section.steps)
        if len(policy) != spec.stages or any(sum(p) != spec.dimensions or min(p) < 1 for p in policy):
            raise ADRError(f"{file}: damaged: its policy does not suit {model.name}")
        values, at = decode(model, blocks, section.seed, policy, section.batch, data, tell), 0
        for entry in mine:
            count = block_count(entry.kind, entry.shape, spec)
            found[id(entry)] = from_blocks(entry.kind, entry.shape, values[at : at + count], spec)
            at += count
    files = []
    for entry in container.entries:
        data_ = found[id(entry)] if id(entry) in found else stored_values(entry, file)
        if checksum(entry.kind, data_) != entry.checksum:
            raise ADRError(f"{file}: {entry.path or 'its content'} does not match its checksum; nothing was written", 1)
        files.append(File(entry.path, entry.kind, data_))
    return files


def check_shapes(entries: list[Entry], model: AnyOrderModel, file: str) -> None:
    """Before anything is allocated: the right kind for the model, and a value at least."""
    for entry in entries:
        ranks = {"image": 3, "sound": 2, "text": 1}
        kind = entry.kind.partition(":")[0]
        if kind != model.kind or len(entry.shape) != ranks[kind] or not int(np.prod(entry.shape, dtype=object)) > 0:
            raise ADRError(f"{file}: damaged: {entry.kind} {entry.shape} does not suit {model.name}")


def stored_values(entry: Entry, file: str) -> np.ndarray:
    """The values of an entry that was deflated."""
    dtype = np.dtype("<i2" if entry.kind.startswith("sound") else "u1")
    size = int(np.prod(entry.shape, dtype=object)) * dtype.itemsize
    inflate = zlib.decompressobj()
    try:
        data = inflate.decompress(entry.stored, max(size, 1)) if entry.stored else b""
    except zlib.error as error:
        raise ADRError(f"{file}: damaged or cut short; get the file again") from error
    if len(data) != size:
        raise ADRError(f"{file}: damaged or cut short; get the file again")
    return np.frombuffer(data, dtype).astype(dtype.newbyteorder("=")).reshape(entry.shape)
