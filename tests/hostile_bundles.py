"""Changes to a bundle whose sizes and hashes still match: what somebody with ill intent would make."""

import hashlib
import json
from pathlib import Path

import adr_runtime
import onnx
import pytest
from adr_runtime import BundleError, InputError


def edit(folder: Path, change) -> None:
    """Give the manifest's values to `change`, and write what it leaves."""
    path = folder / "manifest.json"
    values = json.loads(path.read_text())
    change(values)
    path.write_text(json.dumps(values))


def reseal(folder: Path, key: str, data: bytes) -> None:
    """Put other bytes in a graph's place, with size and hash to match."""
    (folder / f"{key}.onnx").write_bytes(data)
    edit(folder, lambda m: m["graphs"][key].update(bytes=len(data), sha256=hashlib.sha256(data).hexdigest()))


def change_graph(folder: Path, key: str, change) -> None:
    """Give the onnx.ModelProto of a graph to `change`, and put what it leaves in its place."""
    model = onnx.load(folder / f"{key}.onnx")
    change(model)
    reseal(folder, key, model.SerializeToString())


def refuse(folder, *says: str) -> None:
    """Loading ends in one line that holds every given part."""
    with pytest.raises((BundleError, InputError)) as caught:
        adr_runtime.load(folder, "cpu")
    assert "\n" not in str(caught.value)
    for part in says:
        assert part in str(caught.value), str(caught.value)
