"""What adr-train --download and adr-eval --write leave behind when they are told to stop."""

import json
import shutil

import pytest
from adr_runtime.bundles.bundle import shipped

KILL = "lambda *_, **__: os.kill(os.getpid(), signal.SIGTERM)"


@pytest.mark.parametrize("moment", ["tell", "shutil.copyfileobj", "tarfile.open"])
def test_a_download_leaves_nothing(probe, tmp_path, moment):
    (tmp_path / "a.tar").write_bytes(b"x" * 10240)
    done = probe(
        "import shutil, tarfile\nfrom pathlib import Path\nfrom adr_train.data.download import Release, download\n"
        f"tell = print\n{moment} = {KILL}\n"
        f"download('fsdd', Path('in/out'), Release({(tmp_path / 'a.tar').as_uri()!r}), tell=tell)"
    )
    assert (done.returncode, done.stderr) == (143, "adr-run: terminated\n")
    assert not list((tmp_path / "in").iterdir())


def test_figures_are_written_to_both_files_or_neither(probe, tmp_path):
    folder = shutil.copytree(shipped()["digits-any"], tmp_path / "bundle")
    done = probe(
        "import adr_runtime\nfrom adr_train.evaluation import quality\n"
        "model, replace = adr_runtime.load('bundle'), os.replace\n"
        f"def struck(*names):\n    ({KILL})()\n    replace(*names)\n"
        "os.replace = struck\nquality.record_rows(model, {'20': {'bits': 1.25}}, {'seed': 7})"
    )
    assert (done.returncode, done.stderr) == (143, "adr-run: terminated\n")
    assert json.loads((folder / "manifest.json").read_text())["quality"]["20: bits"] == 1.25
    assert "1.25" in (folder / "README.md").read_text()
    assert {path.name for path in folder.iterdir()} == {path.name for path in shipped()["digits-any"].iterdir()}


def test_a_judge_is_kept_whole_or_not_at_all(probe, tmp_path):
    done = probe(
        "import numpy as np\nfrom pathlib import Path\nfrom adr_train.evaluation import classifiers\n"
        "from adr_train.data.types import Images\n"
        f"classifiers.Judge.fit = lambda self, data: self\nos.replace = {KILL}\n"
        "data = Images(np.zeros((4, 8, 8, 1), np.uint8), np.arange(4) % 2, ('a', 'b'))\n"
        "classifiers.cached_judge(data, Path('cache'))"
    )
    assert (done.returncode, done.stderr) == (143, "adr-run: terminated\n")
    assert not list((tmp_path / "cache").iterdir())
