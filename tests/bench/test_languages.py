"""The parts of bench/languages.py: what is compared with what, and what is counted as a download."""

import sys

import adr_runtime
import numpy as np
import pytest

PYTHON = "languages_python.py"


def test_a_language_is_asked_line_by_line(bench):
    from languages import BUNDLE, SETTINGS, Child, Language, difference, measured, samples

    language = Language("Python", [sys.executable, str(bench / PYTHON), str(BUNDLE), "2"], tuple)
    found = measured(language)
    assert min(found["start"], found["first"], found["each"]) > 0 and found["memory"] > 30
    clips, state = samples(language, [])
    again, _ = samples(language, state)
    model = adr_runtime.AudioModel.load("speech-digits", "cpu", 1)
    expected = model.generate(label="one", speaker="theo", seed=2**53 + 1, guidance=1.25, steps=3).clips[0]
    stream = model.stream(playlist=["three", "one"], cycle=True, seed=2**60 + 1, chunk_tokens=3)
    first, later = (np.concatenate([next(stream)[0] for _ in range(7)]) for _ in range(2))
    assert len(clips) == len(SETTINGS) - 1 and len(again) == len(SETTINGS)
    assert difference([clips[3], clips[-1], again[-1]], [expected, first, later]) < 1e-6
    assert difference(clips, again) == 0
    # What C has no settings for comes last.
    assert difference(clips[:2], [clips[0], clips[1][:-1]]) == np.inf
    with pytest.raises(SystemExit, match="Nothing: ended with status 3"):
        Child(Language("Nothing", [sys.executable, "-c", "raise SystemExit(3)"], tuple))


def test_memory_is_that_of_a_process_and_its_children(bench):
    from languages import Child, Language

    child = "import sys; grown = b'x' * 90_000_000; print('[]', flush=True); sys.stdin.read()"
    code = f"import subprocess, sys; print('{{}}', flush=True); subprocess.run([sys.executable, '-c', {child!r}])"
    whole, children = (Language("grown", [sys.executable, "-c", code], tuple, browser) for browser in (False, True))
    for language in (whole, children):
        with Child(language) as running:
            assert running.read() == []
            assert 90 < running.memory() < 150


def test_downloads(bench, tmp_path):
    import downloads

    needed = downloads.needed("adr-runtime", "cpu")
    assert {"numpy", "onnxruntime", "pillow"} <= needed and not {"torch", "starlette", "pytest"} & needed
    files = set(downloads.of_python())
    assert any(path.name == "philox.py" for path in files) and not any("shipped" in path.parts for path in files)
    path = tmp_path / "zeros"
    path.write_bytes(bytes(100_000))
    assert 0 < downloads.compressed([path, path]) < 1000


def test_the_table(bench, tmp_path):
    from languages import Language, rows

    (tmp_path / "file").write_bytes(bytes(1000))
    languages = [Language(name, [], lambda: [tmp_path / "file"]) for name in ("Python", "C")]
    taken = {"Python": [{"start": 9.0, "first": 4.0, "each": n, "memory": 80.0} for n in (2.0, 1.0, 7.0)]}
    taken["C"] = [{"start": 3.0, "first": 2.0, "each": n, "memory": 50.0} for n in (5.0, 3.0, 1.0)]
    head, _, python, c = rows(languages, {"Python": "0", "C": "1e-9 of 8"}, taken).splitlines()
    assert python == "| Python | 0 | 2.00 (1.00) | 4.00 (1.00) | 9 | 0.0 | 80 |"
    assert c == "| C | 1e-9 of 8 | 3.00 (1.50) | 2.00 (0.50) | 3 | 0.0 | 50 |" and head.count("|") == c.count("|")
