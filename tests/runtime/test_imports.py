"""What the runtime may load, and what it does without ONNX Runtime."""

import subprocess
import sys

FORBIDDEN = "torch scipy onnx onnxscript sklearn safetensors adr_models adr_train adr_export"


def test_the_import_is_light():
    code = (
        "import sys, adr_runtime, adr_runtime.cli.main, adr_runtime.cli.image, adr_runtime.cli.info\n"
        f"found = set({FORBIDDEN!r}.split()) & set(sys.modules)\n"
        "assert not found, found"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_without_onnxruntime_both_commands_are_named(exported):
    code = (
        "import sys; sys.modules['onnxruntime'] = None\n"
        "import adr_runtime\n"
        f"try: adr_runtime.load({str(exported['sound'])!r})\n"
        "except adr_runtime.ADRError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert "pip install 'adr-runtime[cpu]'" in done.stdout and "'adr-runtime[cuda]'" in done.stdout
    assert len(done.stdout.splitlines()) == 1
