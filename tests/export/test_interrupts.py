"""What adr-export leaves behind when it is told to stop: the old folder or the new one, whole, and nothing else."""

import pytest
from adr_runtime.bundles.bundle import shipped

WRITE = """
from pathlib import Path
from adr_export import bundle_writer
from adr_runtime.bundles.manifest import parse_manifest
from adr_runtime.loading import FAMILIES
manifest = parse_manifest(Path({manifest!r}).read_text(), FAMILIES)
def kill(): os.kill(os.getpid(), signal.SIGINT)
def before(function):
    def struck(*arguments, **options):
        kill()
        return function(*arguments, **options)
    return struck
{moment} = before({moment})
files = {{path.stem: path.read_bytes() for path in Path({graph!r}).parent.glob("*.onnx")}}
bundle_writer.write_folder(Path("out"), files, manifest)
"""


@pytest.mark.parametrize("old", [False, True])
@pytest.mark.parametrize("moment", ["bundle_writer.model_card", "os.replace"])
def test_a_signal_while_the_bundle_is_written(probe, tmp_path, moment, old):
    if old:
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "decode.onnx").write_bytes(b"old")
    source = shipped()["digits"]
    graph = source / "decode.onnx"
    done = probe(WRITE.format(manifest=str(source / "manifest.json"), graph=str(graph), moment=moment))
    assert (done.returncode, done.stderr) == (130, "adr-run: interrupted\n")
    left = {path.name for path in tmp_path.iterdir()} - {"probe.py", "__pycache__"}
    written = moment == "os.replace"
    assert left == ({"out"} if old or written else set())
    if left:
        assert (tmp_path / "out" / "decode.onnx").read_bytes() == (graph.read_bytes() if written else b"old")
        assert len(list((tmp_path / "out").iterdir())) == (9 if written else 1)
