"""Files and folders into one compressed file, and back: what `adr-run compress` and `decompress` do."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from adr_runtime.any_order.network import AnyOrderNetwork
from adr_runtime.any_order.scoring import Progress, Show, show_nothing
from adr_runtime.bundles.bundle import shipped
from adr_runtime.coding.archive import Agree, encode_files, identity
from adr_runtime.coding.container import MAX_THREADS, Container, Section, pack
from adr_runtime.coding.plain_codecs import NAMES
from adr_runtime.coding.restore import restore, temporary_folder
from adr_runtime.coding.sources import Source, find_sources, read_source, refuse_changed
from adr_runtime.errors import InputError
from adr_runtime.loading import load_any_order, load_coders
from adr_runtime.media.atomic import check_place, write_atomic
from adr_runtime.media.exact.files import File, contract, read_bytes
from adr_runtime.philox import checked_seed


@dataclass(frozen=True)
class CodedFile:
    """What became of a file: how it comes back ("same bytes" or "same samples"), what coded it, the bytes that it takes
    (rounded where a model codes it), and, of a picture or sound that is kept byte for byte, the reason."""

    path: str
    kind: str
    contract: str
    coder: str
    bytes: int
    reason: str


@dataclass(frozen=True)
class Compressed:
    """What `compress` did. `values` are samples, pixels' channels or bytes, `coded_bytes` what models coded."""

    file: Path
    bytes: int
    coded_bytes: int
    source_bytes: int
    values: int
    models: tuple[str, ...]
    verified: bool
    contents: tuple[CodedFile, ...]

    @property
    def bits_per_value(self) -> float:
        return 8 * self.bytes / max(self.values, 1)


def compress(
    source: str | Path, out: str | Path, *, models: Sequence[str | Path] = (), steps: int | None = None, seed: int = 0,
    verify: bool = True, threads: int | None = None, agree: Agree | None = None, show: Show = show_nothing,
) -> Compressed:  # fmt: skip
    """Compress a file or a folder without loss.

    Args:
        source: A picture, a text, any other file, or a folder of them.
        out: The compressed file, which appears when it is whole.
        models: Names or folders of any-order models, each for its kind of file; shipped ones for other kinds.
        steps: Network calls a block; the model's default unless given.
        seed: Seed of the orders, from 0 to 2^32 - 1.
        verify: Whether to decompress once and compare every file, which takes as long again.
        threads: ONNX Runtime's threads within an operator.
        agree: Called with about how many seconds models will take; where it says no, ordinary codecs are taken.
        show: Called with what is being done; gives a context with a function that is told how far it is.

    Returns:
        `Compressed`, which says for every file how it comes back.

    Raises:
        ADRError: In one line that says what to do; nothing is written then.

    Example:
        >>> adr_runtime.compress("photo.png", "photo.ardm").contents[0].contract
        'same samples'
    """
    source, out = Path(source), Path(out)
    # A container keeps the seed as one of its numbers, of which none has 64 bits.
    seed = checked_seed(seed, bits=32)
    if threads is not None and not 1 <= threads <= MAX_THREADS:
        raise InputError(f"threads must be from 1 to {MAX_THREADS} for compression, not {threads}")
    check_out(source, out)
    paths = find_sources(source)
    # Only what the CPU computes is sure to be the same tomorrow.
    coders = load_coders(models, "cpu", threads)
    sources = [read_source(inside, path, coders) for inside, path in paths]
    groups = by_network(sources)
    with show("compressing") as progress:
        container = encode_files(groups, source.is_dir(), steps, seed, agree=agree, progress=progress)
    data = pack(container)
    if verify:
        with show("verifying") as progress:
            check_back(data, source, out, sources, {identity(m): m for m in coders.values()}, progress)
    write_atomic(out, lambda temporary: temporary.write_bytes(data))
    size, values = sum(s.size for s in sources), sum(s.file.data.size for s in sources)
    names = tuple(network.name for network, _ in groups if network)
    contents = coded_files(container, {s.file.path: s.reason for s in sources})
    return Compressed(out, len(data), sum(map(len, container.coded)), size, values, names, verify, contents)


def by_network(sources: list[Source]) -> list[tuple[AnyOrderNetwork | None, list[File]]]:
    """Files by the model that codes them, or None."""
    groups: dict[int, tuple[AnyOrderNetwork | None, list[File]]] = {}
    for source in sources:
        groups.setdefault(id(source.model), (source.model, []))[1].append(source.file)
    return list(groups.values())


def check_out(source: Path, out: Path) -> None:
    """Before anything is read: may the output be written, and is it no part of the source? Raises InputError."""
    check_place(out)
    # A link is followed when it is written.
    target = Path(os.path.realpath(out))
    # Path.is_dir and its like raise for a name that is too long.
    if os.path.isdir(source) and source.resolve() in target.parents:
        raise InputError(f"{out}: lies in the folder that is to be compressed; give a place outside of it")
    if os.path.exists(out) and os.path.exists(source) and out.samefile(source):
        raise InputError(f"{out}: is the file that is to be compressed; give another name")


def check_back(
    data: bytes, source: Path, out: Path, sources: list[Source], networks: dict[bytes, AnyOrderNetwork],
    progress: Progress,
) -> None:  # fmt: skip
    """Unpack what was packed, as `decompress` does, and compare it with the source file by file."""
    with temporary_folder(out, 0o700) as folder:
        # Only the endings of pictures and sound matter, and are short.
        back = folder / ("back" if source.is_dir() or sources[0].file.kind == "text" else f"back{source.suffix}")
        restore(data, str(out), back, lambda section: networks[section.hash], progress)
        for one in sources:
            refuse_changed(one, back / one.file.path if source.is_dir() else back)


def coded_files(container: Container, reasons: dict[str, str]) -> tuple[CodedFile, ...]:
    files = []
    for entry, cost in zip(container.entries, container.costs, strict=True):
        coder = NAMES[entry.codec] if entry.codec else container.sections[entry.section].model
        files.append(CodedFile(entry.path, entry.kind, contract(entry.kind), coder, cost, reasons[entry.path]))
    return tuple(files)


def decompress(
    source: str | Path, out: str | Path, *, models: Sequence[str | Path] = (), show: Show = show_nothing
) -> list[File]:
    """Bring back exactly what was compressed.

    Args:
        source: A file that `compress` wrote.
        out: The file to write, or the folder to make; it appears when it is whole.
        models: Bundles in which to look for the models that coded it, beside the shipped ones.
        show: As that of `compress`.

    Returns:
        The files, in memory.

    Raises:
        ADRError: In one line that says what to do; nothing is written then.
    """
    source, out = Path(source), Path(out)
    data = read_bytes(source)
    with show("decompressing") as progress:
        return restore(data, str(source), out, Finder(models, str(source)), progress)


class Finder:
    """The very model of a section, opened once however many sections ask for it."""

    def __init__(self, names: Sequence[str | Path], file: str):
        self.names, self.file = names, file
        self.opened: dict[tuple[str | Path, int], AnyOrderNetwork] = {}

    def __call__(self, section: Section) -> AnyOrderNetwork:
        tried = []
        # Another number of threads may compute other numbers, so it is that of the encoder, whatever this machine has.
        threads = section.environment.threads
        for name in [*self.names, *([section.model] if section.model in shipped() else [])]:
            network = self.opened.get((name, threads)) or load_any_order(name, "cpu", threads)
            self.opened[name, threads] = network
            if identity(network) == section.hash:
                return network
            tried.append(f"{network.name} {identity(network).hex()[:8]}")
        raise InputError(
            f"{self.file}: was made with the model {section.model} {section.hash.hex()[:8]}"
            + (f", not with {', '.join(tried)}" if tried else "")
            + "; name its bundle among the models"
        )
