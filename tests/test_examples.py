"""The examples run as they stand, and they and the README are typed, strictly."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example(path, tmp_path):
    done = subprocess.run([sys.executable, path], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.strip(), done.stderr


def test_notebook():
    """Its cells one after the other; what ends a cell shows itself as a notebook would show it."""
    cells = json.loads((ROOT / "examples" / "notebook.ipynb").read_text())["cells"]
    names: dict[str, object] = {}
    shown = []
    for cell in cells:
        if cell["cell_type"] == "code":
            lines = "".join(cell["source"]).rstrip().split("\n")
            exec("\n".join(lines[:-1]), names)
            shown.append(eval(lines[-1], names))
    players, picture = shown[0]._repr_html_(), shown[1]._repr_png_()
    assert players.count("<audio controls") == 2 and "data:audio/wav;base64,UklGR" in players
    assert picture.startswith(b"\x89PNG")


def test_types_of_the_readme(tmp_path):
    """As a user of an installed package has them checked; the packages and examples are checked by mypy itself."""
    blocks = re.findall(r"^```python\n(.*?)^```$", (ROOT / "README.md").read_text(), re.M | re.S)
    assert blocks
    for number, block in enumerate(blocks):
        (tmp_path / f"readme_{number}.py").write_text(block)
    config = tmp_path / "mypy.ini"
    config.write_text(
        f"[mypy]\nstrict = true\npython_version = 3.11\nmypy_path = {ROOT / 'runtime'}\n"
        "[mypy-soundfile.*,onnxruntime.*,constriction.*,huggingface_hub.*]\nignore_missing_imports = true\n"
    )
    files = sorted(map(str, tmp_path.glob("*.py")))
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--config-file", str(config), *files], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout
