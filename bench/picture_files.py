"""Pictures of all modes and depths in five formats, through compress and decompress: python bench/picture_files.py

Every file is coded by the model where its pixels are understood, whether that pays or not, and unpacked into a folder.
It must come back byte for byte, or, where it was promised the same samples, with the same samples at the same depth and
with the same metadata by another reading: of PNG by the decoder in `plain_png`, of the others by Pillow, with every
tag. A table by format and kind says how each came back; anything else ends the run.
"""

import argparse
import collections
import io
import tempfile
import time
from pathlib import Path
from typing import Any

import adr_runtime
import numpy as np
import odd_pictures
import plain_png
from adr_runtime.coding.archive import encode_files
from adr_runtime.coding.compression import by_network
from adr_runtime.coding.container import pack
from adr_runtime.coding.restore import restore
from adr_runtime.coding.sources import find_sources, read_source
from PIL import Image

# What TIFF says about how its bytes lie, which is no part of the picture.
LAYOUT = {"compression", "exif", 259, 273, 278, 279, 317}


def reading(raw: bytes, form: str) -> Any:
    """All that a file says, so that two may be compared."""
    if form == "PNG":
        depth, colour, samples, others = plain_png.read(raw)
        return depth, colour, samples.tolist(), others
    with Image.open(io.BytesIO(raw)) as image:
        tags = {k: v for k, v in getattr(image, "tag_v2", {}).items() if k not in LAYOUT}
        info = {k: v for k, v in image.info.items() if k not in LAYOUT}
        return form, image.mode, np.asarray(image).tolist(), getattr(image, "n_frames", 1), tags, info


def round_trip(models: dict[str, Any], made: list[odd_pictures.Made], folder: Path) -> list[str]:
    """Files through a container and back -> the contract that each was given, and kept, and how it was coded."""
    source, out = folder / "source", folder / "out"
    source.mkdir()
    names = [f"{i:05d}{ending}" for i, (_, _, ending, _) in enumerate(made)]
    for name, (_, _, _, raw) in zip(names, made, strict=True):
        (source / name).write_bytes(raw)
    sources = [read_source(inside, path, models) for inside, path in find_sources(source)]
    data = pack(encode_files(by_network(sources), True, 4, choose=False))
    known = {model.name: model for model in models.values()}
    found = restore(data, "x", out, lambda section: known[section.model])
    contracts = {f.path: f"{f.contract}, by its {'pixels' if f.kind.startswith('image') else 'bytes'}" for f in found}
    for name, (form, kind, _, raw) in zip(names, made, strict=True):
        back = (out / name).read_bytes()
        same = back == raw
        if contracts[name].startswith("same samples") and not same:
            same = reading(back, form) == reading(raw, form)
        assert same, f"{form}, {kind}: did not come back with the {contracts[name]}"
    assert sorted(names) == sorted(p.name for p in out.iterdir())
    return [contracts[name] for name in names]


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--count", type=int, default=500)
    arguments.add_argument("--seed", type=int, default=0)
    given = arguments.parse_args()
    started, made = time.perf_counter(), odd_pictures.invent(given.count, given.seed)
    # Bytes go to the standard library's codecs, so that the run is about pictures.
    models = {"image": adr_runtime.AnyOrderModel.load("pictures", "cpu")}
    with tempfile.TemporaryDirectory() as folder:
        contracts = round_trip(models, made, Path(folder))
    table = collections.Counter((form, kind, c) for (form, kind, _, _), c in zip(made, contracts, strict=True))
    for (form, kind, contract), count in sorted(table.items()):
        print(f"{form:5s} {kind:52s} {count:4d}  {contract}")
    for contract, count in sorted(collections.Counter(contracts).items()):
        print(f"{count} of {len(made)} files came back with the {contract}")
    print(f"0 did not, {time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
