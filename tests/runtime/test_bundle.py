"""A bundle is verified before ONNX Runtime sees it; every refusal names the file."""

import json
import os

import adr_runtime
import numpy as np
import onnx
import pytest
from adr_runtime import ADRError
from adr_runtime.onnx_file import refuse_external_data


def refuse(folder, *says):
    with pytest.raises(ADRError) as caught:
        adr_runtime.load(folder)
    assert "\n" not in str(caught.value)
    for part in says:
        assert part in str(caught.value), str(caught.value)


def edit(folder, change):
    path = folder / "manifest.json"
    values = json.loads(path.read_text())
    change(values)
    path.write_text(json.dumps(values))


def reseal(folder, key, data):
    """Put other bytes in a graph's place, with size and hash to match: what a hostile bundle would do."""
    import hashlib

    (folder / f"{key}.onnx").write_bytes(data)
    edit(folder, lambda m: m["graphs"][key].update(bytes=len(data), sha256=hashlib.sha256(data).hexdigest()))


def test_damage(bundle_copy):
    folder = bundle_copy("sound")
    path = folder / "step.onnx"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    refuse(folder, "step.onnx: damaged", "SHA-256 expected")
    path.write_bytes(data[:-1])
    refuse(folder, "step.onnx", f"expected {len(data)} bytes, found {len(data) - 1}")
    path.unlink()
    refuse(folder, "step.onnx: missing")


def test_links_that_lead_out_are_refused(bundle_copy, tmp_path):
    folder = bundle_copy("sound")
    outside = tmp_path / "outside.onnx"
    (folder / "head.onnx").rename(outside)
    os.symlink(outside, folder / "head.onnx")
    refuse(folder, "head.onnx", "leads out of the bundle's folder")


def test_external_data(bundle_copy, tmp_path):
    """A tensor that points to another file, in the graph, in an attribute, or in a Scan's body."""
    folder = bundle_copy("sound")
    model = onnx.load(folder / "decode.onnx")
    tensor = model.graph.initializer[0]
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../../etc/passwd")
    reseal(folder, "decode", model.SerializeToString())
    refuse(folder, "decode.onnx", "external data")

    inner = onnx.helper.make_node("Constant", [], ["y"], value=onnx.numpy_helper.from_array(np.zeros(2, np.float32)))
    inner.attribute[0].t.external_data.add(key="location", value="x")
    body = onnx.helper.make_graph([inner], "body", [], [])
    outer = onnx.helper.make_node("If", ["c"], ["z"], then_branch=body, else_branch=body)
    nested = onnx.helper.make_model(onnx.helper.make_graph([outer], "g", [], []))
    with pytest.raises(ADRError, match="external data"):
        refuse_external_data(nested.SerializeToString(), "x.onnx")


def test_files_that_are_not_onnx(bundle_copy):
    folder = bundle_copy("sound")
    for data in (b"\xff" * 64, b"\x0a", b"hello", b"PK\x03\x04" + b"\0" * 60):
        reseal(folder, "head", data)
        refuse(folder, "head.onnx")


def test_a_graph_of_another_shape_than_the_manifest_says(bundle_copy):
    folder = bundle_copy("sound")
    edit(folder, lambda m: m["graphs"]["step"]["outputs"][0].update(shape=["rows", 33]))
    refuse(folder, "step.onnx: condition: the manifest expects float32 ['rows', 33], found float32")
    folder = bundle_copy("portable-sound")
    edit(folder, lambda m: m["graphs"]["head"]["inputs"][0].update(name="other"))
    refuse(folder, "head.onnx: inputs: the manifest expects ['other'")


def test_unknown_names(tmp_path):
    refuse("nothing-of-the-kind", "unknown model 'nothing-of-the-kind'", "speech-digits")
    refuse(tmp_path, "no manifest.json here")
    with pytest.raises(ADRError, match="unknown provider 'tpu'; there are auto, cuda, cpu"):
        adr_runtime.load("speech-digits", provider="tpu")
