"""A bundle is verified before ONNX Runtime sees it; every refusal names the file."""

import os
import shutil

import adr_runtime
import pytest
from adr_runtime import ProviderError
from hostile_bundles import edit, refuse, reseal


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


def test_files_that_are_not_onnx(bundle_copy):
    folder = bundle_copy("sound")
    for data in (b"\xff" * 64, b"\x0a", b"hello", b"PK\x03\x04" + b"\0" * 60):
        reseal(folder, "head", data)
        refuse(folder, "head.onnx")


def test_a_graph_of_another_shape_than_the_manifest_says(bundle_copy):
    """Manifests that agree with themselves, and graphs that do not agree with them."""
    folder = bundle_copy("sound")

    def narrower(manifest):
        for tensor in (manifest["graphs"]["step"]["outputs"][0], manifest["graphs"]["parallel"]["outputs"][0]):
            tensor["shape"][-1] = 33
        manifest["graphs"]["head"]["inputs"][0]["shape"][-1] = manifest["tokens"]["condition"] = 33

    edit(folder, narrower)
    refuse(folder, "step.onnx: condition: the manifest expects float32 ['rows', 33], found float32")
    folder = bundle_copy("portable-sound")
    reseal(folder, "head", (folder / "decode.onnx").read_bytes())
    refuse(folder, "head.onnx: inputs: the manifest expects ['condition'")


def test_things_that_are_no_plain_files(bundle_copy, tmp_path):
    """Pipes, which would let us wait for ever, folders, and links that lead in a circle."""
    for key in ("manifest.json", "step.onnx"):
        folder = bundle_copy("sound")
        path = folder / key
        path.unlink()
        os.mkfifo(path)
        refuse(folder, "manifest.json" if key == "manifest.json" else "step.onnx: is no plain file")
        path.unlink()
        path.mkdir()
        refuse(folder, key)
        path.rmdir()
        path.symlink_to(path)
        refuse(folder, key)
        shutil.rmtree(folder)
    circle = tmp_path / "circle"
    circle.symlink_to(circle)
    refuse(circle, "unknown model")


def test_names_that_no_file_has(tmp_path):
    for name in ("x" * 5000, "/".join("x" * 200 for _ in range(50)), "a\0b", "\ud800", ""):
        refuse(name, "unknown model" if name else "no manifest.json here")


def test_all_graphs_together_are_bounded(bundle_copy):
    folder = bundle_copy("sound")
    edit(folder, lambda m: [graph.update(bytes=1 << 29) for graph in m["graphs"].values()])
    refuse(folder, "graphs: expected up to 1073741824 bytes in all, found 3221225472")


def test_unknown_names(tmp_path):
    refuse("nothing-of-the-kind", "unknown model 'nothing-of-the-kind'", "speech-digits")
    refuse(tmp_path, "no manifest.json here")
    with pytest.raises(ProviderError, match="unknown provider 'tpu'; there are auto, cuda, cpu"):
        adr_runtime.load("speech-digits", provider="tpu")
