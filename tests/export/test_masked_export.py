"""Graphs of masked models against PyTorch in both dialects, and nothing written unless they agree."""

import json

import numpy as np
import onnx
import pytest
import torch
from adr_export import masked as masked_export
from adr_export.masked import NetworkGraph
from adr_export.onnx_writer import round_weights
from adr_runtime.errors import ADRError
from onnx.reference import ReferenceEvaluator
from random_models import MASKED, export_masked, random_masked

GRAPHS = ("network", "timestep", "head", "decode", "encode")


@pytest.mark.parametrize("name", ["masked", "portable-masked", "masked-plain"])
def test_the_manifest_records_every_parity_figure(masked, name):
    figures = json.loads((masked[name] / "manifest.json").read_text())["parity"]
    assert set(figures) == {f"{graph} against {kind}" for graph in GRAPHS for kind in ("float32", "float64")}
    assert all(0 <= error < 1e-4 for error in figures.values())
    assert figures["network against float64"] > 0 and figures["head against float64"] > 0


def test_the_portable_network_is_that_of_pytorch_by_onnx_own_evaluator(masked):
    """NumPy's numbers, which share no code with ONNX Runtime, for every number of known tokens and other rows."""
    model = random_masked(MASKED)
    round_weights(model)
    proto = onnx.load(masked["portable-masked"] / "network.onnx")
    assert {i.domain for i in proto.opset_import} <= {"", "ai.onnx"}
    evaluator, random = ReferenceEvaluator(proto), np.random.default_rng(0)
    for known in (0, 1, 9, 17, 18):
        tokens = random.standard_normal((3, 18, 12)).astype(np.float32)
        seen = random.permuted(np.broadcast_to(np.arange(18) < known, (3, 18)), axis=1)
        feed = {"tokens": tokens, "known": seen, "label": np.array([0, 1, 2])}
        with torch.no_grad():
            expected = NetworkGraph(model)(*map(torch.from_numpy, feed.values())).numpy()
        np.testing.assert_allclose(evaluator.run(None, feed)[0], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("graph", ["network", "encode"])
def test_a_disagreement_writes_nothing(masked, tmp_path, monkeypatch, graph):
    def disturbed(what, dialect):
        data = (masked["masked"] / f"{what.name}.onnx").read_bytes()
        if what.name != graph:
            return data
        model = onnx.load_from_string(data)
        tensor = max(model.graph.initializer, key=lambda t: len(t.raw_data))
        tensor.CopyFrom(onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(tensor) * 1.01, tensor.name))
        return model.SerializeToString()

    monkeypatch.setattr(masked_export, "write_onnx", disturbed)
    with pytest.raises(ADRError, match=rf"{graph}.* differs by \S+ relative .*nothing was"):
        export_masked(random_masked(MASKED), tmp_path / "out")
    assert not list(tmp_path.iterdir())
