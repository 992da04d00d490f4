"""What must hold, session by session: `nox` runs all of them, `nox -s lint` one. `.ci/run` calls these.

Sessions of the source use the environment that nox runs in, which has everything installed
(`pip install -c constraints.txt -e '.[cpu,compress,hub,serve,train,export,dev]'`); those of the wheel make environments
of their own, without PyTorch.
"""

import re
import shutil
from pathlib import Path

import nox

ROOT = Path(__file__).parent
nox.options.sessions = ["lint", "types", "tests", "javascript", "native", "fuzz", "docs", "wheel"]
# The lowest ONNX Runtime that the extra `cpu` allows.
LOWEST = re.findall(r'^cpu = \["onnxruntime>=([0-9.]+)"\]$', (ROOT / "pyproject.toml").read_text(), re.M)[0]
BOTH_LANGUAGES = "tests/runtime/test_javascript.py"
IN_A_BROWSER = "tests/runtime/test_demo.py::test_the_page_says_a_word_in_a_browser"
# Two processes run beside each other here and in `.ci/run`; threads that wait for each other would spin.
ONE_THREAD = {"OMP_NUM_THREADS": "1"}
BROWSERS = {"CHROMIUM": "chromium", "FIREFOX": "firefox-esr"}


@nox.session(venv_backend="none")
def lint(session: nox.Session) -> None:
    """Style."""
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session(venv_backend="none")
def types(session: nox.Session) -> None:
    """Types of the packages and the examples, strictly; those of the README are a test."""
    session.run("mypy")


@nox.session(venv_backend="none")
def tests(session: nox.Session) -> None:
    """The test suite, but for what `javascript` and `native` test, in two processes."""
    others = [f"--ignore={path}" for path in (BOTH_LANGUAGES, "tests/test_example_c.py")]
    # In the order of tests/conftest.py: files with few tests may take the longest.
    parallel = ("-n", "2", "--dist", "loadfile", "--no-loadscope-reorder")
    options = (*parallel, "--durations=15", *others, f"--deselect={IN_A_BROWSER}", *session.posargs)
    session.run("pytest", *options, env=ONE_THREAD)


@nox.session(venv_backend="none")
def javascript(session: nox.Session) -> None:
    """The JavaScript runtime: types, tests, and states that go from one language to the other. Needs Node.js."""
    with session.chdir(ROOT / "runtime" / "js"):
        # What its dependencies run when they are installed fetches libraries for GPUs.
        session.run("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent", external=True)
        # A browser that is missing fails the tests of the page.
        browsers = {f"ADR_{kind}": shutil.which(name) or name for kind, name in BROWSERS.items()}
        session.run("npm", "test", external=True, env=browsers)
    session.run("pytest", BOTH_LANGUAGES, IN_A_BROWSER, env={**ONE_THREAD, "ADR_JAVASCRIPT": "1", **browsers})


@nox.session(venv_backend="none")
def native(session: nox.Session) -> None:
    """The example in C beside the Python runtime, with the library of ONNX Runtime that Python has. Needs what
    examples/c/README.md names, and the folder of onnxruntime_c_api.h in ONNXRUNTIME_INCLUDE."""
    session.run("pytest", "-s", "tests/test_example_c.py", env={**ONE_THREAD, "ADR_NATIVE": "1"})


@nox.session(venv_backend="none")
def fuzz(session: nox.Session) -> None:
    """A slice of the attack that docs/reliability.md tells of; the whole takes --count 10000."""
    session.run("python", "-m", "tests.fuzz", *(session.posargs or ("--count", "300")))


@nox.session(venv_backend="none")
def docs(session: nox.Session) -> None:
    """The documentation, every warning an error."""
    session.run("mkdocs", "build", "--strict", "--quiet", "--site-dir", session.create_tmp())


@nox.session(venv_backend="venv")
def wheel(session: nox.Session) -> None:
    """The wheel alone, as a user installs it, with the lowest ONNX Runtime, and once more with the newest."""
    built = build_wheel(session)
    # Constraints name one version of ONNX Runtime.
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    constraints = Path(session.create_tmp()) / "constraints.txt"
    constraints.write_text("\n".join(line for line in lines if not line.startswith("onnxruntime")) + "\n")
    for name, version in (("lowest", f"=={LOWEST}"), ("newest", f">={LOWEST}")):
        folder = Path(session.create_tmp()) / name
        folder.mkdir()
        session.chdir(folder)
        session.install("-U", "-c", str(constraints), f"{built}[cpu,compress,text]", f"onnxruntime{version}")
        session.run("python", str(ROOT / ".ci" / "without_torch.py"))
        session.run("adr-run", "doctor")


@nox.session(venv_backend="venv")
def cuda(session: nox.Session) -> None:
    """What the extra `cuda` brings: 1.5 GB to fetch, and no GPU needed."""
    session.install(f"{build_wheel(session)}[cuda]")
    session.run("python", str(ROOT / ".ci" / "cuda_library.py"))


def build_wheel(session: nox.Session) -> Path:
    folder = Path(session.create_tmp()) / "wheel"
    session.run("pip", "wheel", "-q", "--no-deps", "-w", str(folder), str(ROOT), external=True)
    return next(folder.glob("*.whl"))
