"""Every graph against PyTorch in both dialects, and nothing written unless all of them agree."""

import json
import shutil

import numpy as np
import onnx
import pytest
import torch
from adr_export import bundle_writer, parity
from adr_export.checkpoint import load_checkpoint
from adr_export.errors import ExportError
from adr_export.graphs import build_graphs
from adr_export.onnx_writer import round_weights, write_onnx
from adr_runtime.bundles.manifest import parse_manifest
from adr_runtime.errors import ADRError
from adr_runtime.loading import FAMILIES
from onnx.reference import ReferenceEvaluator
from random_models import PICTURE, PYRAMID, SOUND, export, random_model
from safetensors.torch import load_file, save_file

OF_PICTURES = {"step", "timestep", "head", "decode", "encode"}
GRAPHS = OF_PICTURES | {"parallel"}


@pytest.mark.parametrize("name", ["sound", "picture", "pyramid", "portable-pyramid", "portable-sound", "softmax-sound"])
def test_manifest_records_every_parity_figure(exported, name):
    manifest = json.loads((exported[name] / "manifest.json").read_text())
    figures, graphs = manifest["parity"], GRAPHS if manifest["kind"] == "audio" else OF_PICTURES
    assert set(manifest["graphs"]) == {path.stem for path in exported[name].glob("*.onnx")} == graphs
    expected = {f"{graph} against {kind}" for graph in graphs for kind in ("float32", "float64")}
    at_once = "parallel" if manifest["kind"] == "audio" else "PyTorch in chunks"
    expected |= {f"{at_once} against step, {n} tokens" for n in (512, 4096)}
    expected |= {"step at position 1,000,000 against float64"}
    assert set(figures) == expected
    assert all(0 <= error < 1e-4 for error in figures.values())
    # A figure of exactly zero everywhere would mean that something was compared with itself.
    assert figures["step against float64"] > 0 and figures["head against float64"] > 0


@pytest.mark.parametrize(("name", "config"), [("portable-sound", SOUND), ("portable-pyramid", PYRAMID)])
def test_portable_graphs_use_standard_operators_that_the_reference_evaluator_runs(exported, name, config):
    """Numbers from ONNX's own NumPy implementation, which shares no code with ONNX Runtime."""
    model = random_model(config)
    round_weights(model)
    graphs = {g.name: g for g in build_graphs(model, "recurrent")}
    for key in graphs:
        proto = onnx.load(exported[name] / f"{key}.onnx")
        assert {i.domain for i in proto.opset_import} <= {"", "ai.onnx"}
        assert max(i.version for i in proto.opset_import) <= 21
        if key in ("step", "decode", "encode", "timestep"):
            feed = {k: v.numpy() for k, v in graphs[key].arguments.items()}
            found = ReferenceEvaluator(proto).run(None, feed)
            with torch.no_grad():
                expected = graphs[key].run(graphs[key].arguments)
            for a, b in zip(found, expected, strict=True):
                np.testing.assert_allclose(a, b.numpy(), rtol=1e-4, atol=1e-5)


def test_default_dialect_holds_retention_as_one_operator(exported):
    for key in ("step", "parallel"):
        nodes = onnx.load(exported["sound"] / f"{key}.onnx").graph.node
        assert sum(n.op_type == "LinearAttention" and n.domain == "com.microsoft" for n in nodes) == 2


def test_files_tell_nothing_about_the_machine(exported):
    import pathlib

    here = str(pathlib.Path(__file__).parents[2]).encode()
    for path in exported["sound"].iterdir():
        data = path.read_bytes()
        assert here not in data and b"site-packages" not in data, path


def test_half_storage_changes_no_number_and_halves_the_file():
    """Weights that float16 holds exactly are stored in half; others stay whole."""
    model = random_model(SOUND, head={"width": 96, "blocks": 2, "frequencies": 8})
    head = next(g for g in build_graphs(model, "operator") if g.name == "head")
    whole = len(write_onnx(head, "linear-attention"))
    round_weights(model)
    assert len(write_onnx(head, "linear-attention")) < 0.65 * whole


@pytest.mark.parametrize("graph", sorted(GRAPHS - {"encode"}))
def test_a_disagreement_writes_nothing_and_names_the_tensor(exported, tmp_path, monkeypatch, graph):
    """One weight of one graph is disturbed after export: the check must find it."""

    def disturbed(what, dialect):
        data = (exported["sound"] / f"{what.name}.onnx").read_bytes()
        if what.name != graph:
            return data
        model = onnx.load_from_string(data)
        tensor = max(model.graph.initializer, key=lambda t: len(t.raw_data))
        values = onnx.numpy_helper.to_array(tensor).copy()
        values.flat[:] = values * 1.01
        tensor.CopyFrom(onnx.numpy_helper.from_array(values, tensor.name))
        return model.SerializeToString()

    monkeypatch.setattr(bundle_writer, "write_onnx", disturbed)
    with pytest.raises(ADRError, match=rf"{graph}.* differs by \S+ relative \(tolerance 1e-04\); nothing was"):
        export(random_model(SOUND), tmp_path / "out", "linear-attention")
    assert not list(tmp_path.iterdir())


def test_relative_error():
    a = np.array([1.0, -4.0])
    assert parity.relative_error(a, a) == 0
    assert parity.relative_error(a + [0, 0.04], a) == pytest.approx(0.01)
    assert parity.relative_error(a, np.array([1.0, np.nan])) == float("inf")
    assert parity.relative_error(a, np.array([1.0])) == float("inf")


def test_a_failed_write_leaves_the_old_bundle(exported, bundle_copy, tmp_path, monkeypatch):
    model = random_model(PICTURE)
    bundle_copy("picture").rename(tmp_path / "out")
    before = {p.name: p.read_bytes() for p in (tmp_path / "out").iterdir()}

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(
        bundle_writer, "write_onnx", lambda what, _: (exported["picture"] / f"{what.name}.onnx").read_bytes()
    )
    monkeypatch.setattr(bundle_writer, "model_card", fail)
    about = {"name": "x", "description": "x", "licence": "x", "source": "x", "clip": 1.0, "training": {}}
    about["defaults"] = json.loads(before["manifest.json"])["defaults"]
    with pytest.raises(ExportError, match="No space left on device"):
        bundle_writer.write_bundle(model, about, tmp_path / "out", "linear-attention", True, True)
    assert {p.name: p.read_bytes() for p in (tmp_path / "out").iterdir()} == before
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_learned_variance_and_epsilon_reach_the_graph(exported):
    manifest = json.loads((exported["picture"] / "manifest.json").read_text())
    assert manifest["schedule"]["learned_variance"] and manifest["schedule"]["prediction"] == "epsilon"
    assert len(manifest["schedule"]["betas"]) == 50


def test_an_operator_that_the_runtime_would_refuse_is_noticed_here(exported, tmp_path):
    folder = exported["sound"]
    files = {key: (folder / f"{key}.onnx").read_bytes() for key in GRAPHS}
    model = onnx.load_from_string(files["decode"])
    model.graph.node.add(op_type="NonZero", input=[model.graph.input[0].name], output=["unused"])
    files["decode"] = model.SerializeToString()
    manifest = parse_manifest((folder / "manifest.json").read_text(), FAMILIES)
    with pytest.raises(ADRError, match=r"would refuse decode\.onnx: operator 'NonZero' .*; nothing was written"):
        bundle_writer.write_folder(tmp_path / "out", files, manifest)
    assert not list(tmp_path.iterdir())


def test_the_short_average_is_what_the_state_holds(trained_tiny, tmp_path):
    run = shutil.copytree(next(trained_tiny.glob("checkpoint-*")), tmp_path / "run")
    state = load_file(run / "state.safetensors")
    (long, _), (short, _) = load_checkpoint(run), load_checkpoint(run, short=True)
    names = [name for name, _ in long.named_parameters()]
    assert all(torch.equal(dict(short.named_parameters())[name], state[f"short.{name}"]) for name in names)
    assert any(not torch.equal(a, b) for a, b in zip(long.parameters(), short.parameters(), strict=True))
    save_file({k: v for k, v in state.items() if not k.startswith("short.")}, run / "state.safetensors")
    with pytest.raises(ExportError, match="kept one average only"):
        load_checkpoint(run, short=True)


def test_bad_input(refused, trained_tiny, tmp_path):
    """What adr-export makes of a checkpoint is in `test_push`."""
    run = shutil.copytree(trained_tiny, tmp_path / "run")
    (tmp_path / "bundle").mkdir()
    refused("adr-export", "run", "bundle", says=("bundle exists", "--overwrite"))
    refused("adr-export", "run", "other", "--average", "best", says=("--average 'best'", "long or short"))
    refused("adr-export", "none", "other", says=("none: no checkpoint here", "adr-train"))
    weights = next(run.glob("checkpoint-*")) / "model.safetensors"
    data = weights.read_bytes()
    weights.write_bytes(data[: len(data) // 2])
    refused("adr-export", "run", "other", says=("model.safetensors: cannot read the checkpoint",))
    config = weights.with_name("config.json")
    values = json.loads(config.read_text())
    values["model"]["surprise"] = 1
    config.write_text(json.dumps(values))
    refused("adr-export", "run", "other", says=("config.json: not a checkpoint's config", "surprise"))
    assert not (tmp_path / "other").exists()
