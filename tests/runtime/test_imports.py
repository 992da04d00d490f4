"""What the runtime may load, and what it does without ONNX Runtime."""

import subprocess
import sys
from importlib import import_module

from adr_runtime.cli.main import COMMANDS, app

FORBIDDEN = "torch scipy onnx onnxscript sklearn safetensors adr_models adr_train adr_export"


def test_the_import_is_light():
    code = (
        "import sys, adr_runtime, adr_runtime.cli.main, adr_runtime.cli.image, adr_runtime.cli.info\n"
        f"found = set({FORBIDDEN!r}.split()) & set(sys.modules)\n"
        "assert not found, found"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_help_loads_no_command():
    code = (
        "import sys\n"
        "from adr_runtime.cli.main import COMMANDS, app\n"
        "app(['--help'], standalone_mode=False)\n"
        "heavy = {'numpy', 'onnxruntime', *(f'adr_runtime.cli.{module}' for module, _ in COMMANDS.values())}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_every_command_is_in_the_table():
    """The table from which --help is shown has each command of every module once, and the modules have each of it."""
    for module in {module for module, _ in COMMANDS.values()}:
        import_module(f"adr_runtime.cli.{module}")
    homes = {
        info.name or info.callback.__name__: info.callback.__module__.rpartition(".")[2]
        for info in app.registered_commands
    }
    assert homes == {name: module for name, (module, _) in COMMANDS.items()}


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
