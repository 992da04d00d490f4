import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).parents[2] / "bench"


@pytest.fixture
def bench(monkeypatch):
    """The modules of bench/ can be imported, as they import each other."""
    monkeypatch.syspath_prepend(BENCH)
    yield BENCH
    for path in BENCH.glob("*.py"):
        sys.modules.pop(path.stem, None)
