"""Small random models, exported once for the whole run, and helpers that run the installed commands."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from kept_bundles import CAUSAL, FRONT_ENDS, IN_ANY_ORDER, WITH_MASKS, Bundles
from stream_states import SETTINGS, STREAMS
from tiny_recipe import TINY
from warm_commands import WarmCommands

STRIKE = Path(__file__).with_name("strike.py")
# Folders of many tests, none of which takes long.
SHORT = ("models", "runtime")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes long is handed out first, so that no process is left with it when the others have ended."""
    items.sort(key=lambda item: item.path.parent.name in SHORT)


@pytest.fixture(scope="session")
def exported() -> Bundles:
    """Bundles of causal models by name: sound, latent, sung, struck, told, voice, picture and pyramid in the default
    dialect, some of them portable, and softmax-sound. Read only."""
    return Bundles(CAUSAL)


@pytest.fixture(scope="session")
def any_order() -> Bundles:
    """Bundles of any-order models by name: symbols, greys, colours, samples, and portable-colours. Read only."""
    return Bundles(IN_ANY_ORDER)


@pytest.fixture(scope="session")
def masked() -> Bundles:
    """Bundles of masked models by name: masked, portable-masked and masked-plain. Read only."""
    return Bundles(WITH_MASKS)


@pytest.fixture(scope="session")
def front_ends() -> Bundles:
    """Bundles of text to phones by name: front-end, untimed (no durations), hearing (with an aligner). Read only."""
    return Bundles(FRONT_ENDS)


@pytest.fixture(scope="session")
def models(any_order):
    """The bundles of `any_order`, loaded."""
    import adr_runtime

    return {name: adr_runtime.load(folder, "cpu") for name, folder in any_order.items()}


@pytest.fixture(scope="session")
def coded(models):
    """A container of text that is worth coding, as bytes."""
    from adr_runtime.any_order.config import AnyOrderConfig
    from adr_runtime.coding import archive, container

    model = models["symbols"]
    nothing, everything = np.zeros(24, bool), np.ones(24, bool)
    settings = AnyOrderConfig(steps=24, temperature=0.5, seed=1).resolve(model.manifest)
    likely = model.sample(np.zeros((8, 24), np.int64), nothing, everything, settings, seed=1)
    data = likely.astype(np.uint8).reshape(-1)
    # The same orders as those of the sample, in which the model likes it.
    packed = archive.encode_files([(model, [archive.File("", "text", data)])], False, steps=24, seed=1, choose=False)
    if not packed.sections:
        pytest.fail("the test's text should be worth coding")
    return container.pack(packed)


@pytest.fixture(scope="module")
def loaded(exported):
    import adr_runtime

    return {name: adr_runtime.load(exported[name], "cpu") for name in STREAMS}


@pytest.fixture(scope="module")
def saved(loaded):
    """A state of each kind of stream, after two chunks."""
    states = {}
    for name, wanted in STREAMS.items():
        stream = loaded[name].stream(**{**SETTINGS, **wanted})
        next(stream), next(stream)
        states[name] = stream.state()
    return states


@pytest.fixture
def bundle_copy(exported, tmp_path):
    """bundle_copy(name) -> a copy to damage."""

    def copy(name: str) -> Path:
        return Path(shutil.copytree(exported[name], tmp_path / f"copy-of-{name}"))

    return copy


@pytest.fixture(scope="session")
def warm() -> Iterator[WarmCommands]:
    """Runs commands without importing them each time."""
    commands = WarmCommands()
    yield commands
    commands.close()


@pytest.fixture
def command(tmp_path, warm):
    """command("adr-run", "list") runs the installed command in an empty folder -> CompletedProcess of text. It is
    forked from a process that has imported it, unless there are settings that imported modules may heed."""

    def run(program: str, *arguments: object, binary: bool = False, **environment: str):
        path = Path(sys.executable).with_name(program)
        if not path.exists():
            pytest.fail(
                f"{program} is not installed beside {sys.executable}: "
                "pip install -e '.[cpu,compress,hub,serve,train,export,dev]'"
            )
        whole = {**os.environ, "COLUMNS": "200", "OMP_NUM_THREADS": "1", **environment}
        if sys.platform == "linux" and not binary and all(name.startswith("HF_") for name in environment):
            return warm.run(program, *arguments, folder=tmp_path, **whole)
        return subprocess.run(
            [path, *map(str, arguments)], cwd=tmp_path, capture_output=True, text=not binary, env=whole,
        )  # fmt: skip

    return run


@pytest.fixture
def installed(tmp_path):
    """installed("adr-run", "list") -> Popen of the installed command in an empty folder, its outputs pipes of text."""

    def start(program: str, *arguments: object, **environment: str) -> subprocess.Popen:
        return subprocess.Popen(
            [Path(sys.executable).with_name(program), *map(str, arguments)], cwd=tmp_path, text=True, errors="replace",
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env={**os.environ, "COLUMNS": "200", "OMP_NUM_THREADS": "1", **environment},
        )  # fmt: skip

    return start


@pytest.fixture
def probe(tmp_path):
    """probe("raise ValueError") runs `adr_runtime.terminal.command.run` on an application of these lines."""

    def run(code: str, *arguments: str):
        body = "".join(f"    {line}\n" for line in code.splitlines())
        (tmp_path / "probe.py").write_text(f"import os, signal, sys, time\ndef app(standalone_mode):\n{body}")
        line = "from adr_runtime.terminal.command import run; run('adr-run', 'probe')"
        return subprocess.run(
            [sys.executable, "-c", line, *arguments], cwd=tmp_path, capture_output=True, text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])},
            # Tests that run under nohup would hand on that hang-ups are ignored.
            preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),
        )  # fmt: skip

    return run


@pytest.fixture
def struck(tmp_path):
    """struck("adr-run", ("os:replace",), SIGINT, "audio") runs the command in an empty folder, and sends it the signal
    when it calls the first of these functions, and again when it calls the next one."""
    modules = {"adr-run": "adr_runtime.cli.main", "adr-train": "adr_train.cli", "adr-eval": "adr_train.evaluation.cli",
               "adr-export": "adr_export.cli"}  # fmt: skip

    def run(program: str, moments: tuple[str, ...], number: int, *arguments: object, **environment: str):
        start = [sys.executable, STRIKE, program, modules[program], str(int(number)), ",".join(moments)]
        return subprocess.run(
            [*start, *map(str, arguments)], cwd=tmp_path, capture_output=True, text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
        )  # fmt: skip

    return run


@pytest.fixture
def refused(command):
    """Runs a command that must end with status 2 and one line on standard error that holds every given part."""

    def run(program: str, *arguments: object, says: tuple[str, ...], status: int = 2) -> str:
        done = command(program, *arguments)
        assert done.returncode == status, done.stderr
        lines = done.stderr.strip().splitlines()
        assert len(lines) == 1 and lines[0].startswith(f"{program}: "), done.stderr
        for part in says:
            assert part in lines[0], lines[0]
        assert not done.stdout
        return lines[0]

    return run


@pytest.fixture(scope="session")
def trained_digits(tmp_path_factory, warm) -> Path:
    """The --out folder of a real run of a few steps. Read only."""
    folder = tmp_path_factory.mktemp("trained")
    done = warm.run(
        "adr-train", "digits", "--out", "digits", "--steps", 3, "--batch", 16, "--device", "cpu", folder=folder
    )
    assert done.returncode == 0, done.stderr
    return folder / "digits"


@pytest.fixture(scope="session")
def trained_tiny(tmp_path_factory, warm) -> Path:
    """The --out folder of a run of `TINY`. Read only."""
    folder = tmp_path_factory.mktemp("tiny")
    (folder / "tiny.yaml").write_text(TINY)
    done = warm.run(
        "adr-train", "tiny.yaml", "--size", "cpu", "--out", "run", "--steps", 2, "--device", "cpu", folder=folder
    )
    assert done.returncode == 0, done.stderr
    return folder / "run"


@pytest.fixture(scope="module", params=["picture", "pyramid", "portable-pyramid"])
def picture(request, exported):
    """A loaded model of pictures, of patches and of a pyramid."""
    import adr_runtime

    return adr_runtime.load(exported[request.param], "cpu")
