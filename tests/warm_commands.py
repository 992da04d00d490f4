"""Commands, each in a process that is forked from one which has their modules in memory: importing them, PyTorch above
all, takes longer than most of what is tested of them.

The installed entry point runs in a process of its own, with its own streams, folder and environment.
`python warm_commands.py PROGRAM` answers a line of JSON on standard input with the exit status.
"""

import gc
import json
import os
import subprocess
import sys
import tempfile
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
# What the commands import when they have work to do; those of the last three are one process.
LIGHT = (
    "onnxruntime", "PIL.Image", "soundfile", "pydantic.type_adapter", "adr_runtime.cli.main",
    *(f"adr_runtime.cli.{name}" for name in ("audio", "image", "text", "compress", "score", "info", "doctor", "pull")),
)  # fmt: skip
HEAVY = (
    "torch._dynamo", "torch.onnx", "onnxscript", "pydantic.type_adapter", "matplotlib.pyplot", "tensorboard",
    "sklearn.isotonic", "adr_export.cli", "adr_export.any_order", "adr_export.checkpoint", "adr_train.cli",
    "adr_train.session", "adr_train.evaluation.cli", "adr_train.evaluation.labelled", "adr_train.evaluation.any_order",
)  # fmt: skip
PROGRAMS = {"adr-run": LIGHT, "adr-train": HEAVY, "adr-eval": HEAVY, "adr-export": HEAVY}


class WarmCommands:
    """The processes to fork from, which start with the first command that needs them."""

    def __init__(self) -> None:
        self.processes: dict[tuple[str, ...], subprocess.Popen[str]] = {}

    def run(
        self, program: str, *arguments: object, folder: Path, **environment: str
    ) -> "subprocess.CompletedProcess[str]":
        """The command in a folder -> what it said, as text."""
        modules = PROGRAMS[program]
        if modules not in self.processes:
            self.processes[modules] = subprocess.Popen(
                [sys.executable, __file__, program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                env={**os.environ, **ONE_THREAD, "COLUMNS": "200"},
            )  # fmt: skip
        process = self.processes[modules]
        assert process.stdin and process.stdout
        with tempfile.TemporaryDirectory(prefix="warm-") as name:
            outputs = [Path(name) / stream for stream in ("out", "err")]
            words = [str(argument) for argument in arguments]
            asked = {"program": program, "arguments": words, "folder": str(folder), "outputs": [*map(str, outputs)],
                     "environment": {**os.environ, **ONE_THREAD, **environment}}  # fmt: skip
            process.stdin.write(json.dumps(asked) + "\n")
            process.stdin.flush()
            status = int(process.stdout.readline())
            return subprocess.CompletedProcess([program, *words], status, *(path.read_text() for path in outputs))

    def close(self) -> None:
        for process in self.processes.values():
            process.kill()
            process.communicate()


def become(program: str, arguments: list[str], folder: str, outputs: list[str], environment: dict[str, str]) -> None:
    """Be the command, as its installed script is."""
    nothing, *files = (os.open(path, os.O_RDWR | os.O_CREAT) for path in (os.devnull, *outputs))
    for number, file in enumerate((nothing, *files)):
        os.dup2(file, number)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    (entry,) = entry_points(group="console_scripts", name=program)
    sys.argv = [str(Path(sys.executable).with_name(program)), *arguments]
    try:
        entry.load()()
    except SystemExit as end:
        sys.stdout.flush()
        sys.stderr.flush()
        # Not as Python ends: ONNX Runtime would wait for a thread of its own, which a forked process has not.
        os._exit(int(end.code or 0))


def serve(modules: tuple[str, ...]) -> dict[str, Any] | None:
    """Fork for each line. In the child -> what it shall be; None in the parent, behind the last line."""
    for module in modules:
        import_module(module)
    gc.freeze()
    for line in sys.stdin:
        asked: dict[str, Any] = json.loads(line)
        if asked["program"] == "adr-export":
            rehearse()
        child = os.fork()
        if not child:
            return asked
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        print(status, flush=True)
    return None


@cache
def rehearse() -> None:
    """Export a single layer: what the first export of a process imports and tabulates takes seconds."""
    import torch
    from adr_export.graphs import Graph
    from adr_export.onnx_writer import OPSETS, write_onnx
    from random_models import quick_exports

    quick_exports()
    rows = {0: "rows"}
    layer = Graph("layer", torch.nn.Linear(2, 2), {"x": torch.zeros(3, 2)}, {"x": rows}, {"y": rows})
    for dialect in OPSETS:
        write_onnx(layer, dialect)
    gc.freeze()


if __name__ == "__main__":
    asked = serve(PROGRAMS[sys.argv[1]])
    if asked:
        become(**asked)
