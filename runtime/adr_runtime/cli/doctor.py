"""adr-run doctor: facts about this machine, and whether a model makes here what it made where it was exported."""

import json
import math
import platform
import time
from contextlib import suppress
from dataclasses import asdict
from importlib import metadata
from typing import Annotated, Any, Optional

import typer
from rich.table import Table

from adr_runtime import __version__
from adr_runtime.bundles.bundle import shipped
from adr_runtime.cli.info import show
from adr_runtime.cli.options import DebugOption, JsonOption, ProviderOption, ThreadsOption, app
from adr_runtime.errors import ADRError, InputError
from adr_runtime.inference.cuda import cuda_obstacle
from adr_runtime.inference.engine import INSTALL, import_onnxruntime
from adr_runtime.loading import load
from adr_runtime.self_test import Check, self_test
from adr_runtime.terminal.display import PlainConsole

TestedArgument = Annotated[Optional[str], typer.Argument(help="A shipped model, a folder, or hf:owner/name, to test.")]


@app.command(epilog="Example: adr-run doctor speech-digits")
def doctor(
    model: TestedArgument = None,
    provider: ProviderOption = "auto", threads: ThreadsOption = None, json_: JsonOption = False,
    debug: DebugOption = False,
) -> None:  # fmt: skip
    """What ONNX Runtime finds on this machine, which provider will be used, and why not another; with a model, whether
    it makes here what its test vectors say."""
    if model is not None:
        test_model(model, provider, threads, json_)
        return
    if provider != "auto" or threads is not None:
        raise InputError("--provider and --threads are for the test of a model: adr-run doctor MODEL")
    facts: dict[str, Any] = {"adr": __version__, "python": platform.python_version(), "platform": platform.platform()}
    packages = installed()
    facts["packages"] = ", ".join(f"{name} {version}" for name, version in packages.items()) or "none"
    problems = []
    if len(packages) > 1:
        problems.append("onnxruntime and onnxruntime-gpu share a folder: uninstall both, then install one")
    try:
        problems += try_models(facts)
    except ADRError as error:
        problems.append(str(error))
    facts["problems"] = "; ".join(dict.fromkeys(problems)) or "none"
    if json_:
        print(json.dumps(facts))
    else:
        show(facts, "adr-run doctor")
    if INSTALL in problems:
        raise ADRError(INSTALL)


def test_model(name: str, provider: str, threads: int | None, json_: bool) -> None:
    """Run a model's test vectors and print each difference. Raises ADRError where one is too large."""
    started = time.perf_counter()
    model = load(name, provider, threads)
    loaded = time.perf_counter()
    checks = self_test(model)
    seconds = {"load": loaded - started, "test": time.perf_counter() - loaded}
    failed = [check for check in checks if not check.passed]
    if json_:
        print(json.dumps({
            "model": model.name, "bundle": model.bundle.hash, "provider": model.provider, "passed": not failed,
            "checks": [said(check) for check in checks], "seconds": seconds,
        }))  # fmt: skip
    else:
        table = Table("", "", title=model.name, title_justify="left", box=None, show_header=False)
        table.add_row("provider", model.provider)
        for check in checks:
            table.add_row(check.what, f"{check.difference:.1e}{'' if check.passed else ' FAILED'}")
        for step, value in seconds.items():
            table.add_row(f"{step} s", f"{value:.3f}")
        PlainConsole(soft_wrap=True).print(table)
    if failed:
        worst = max(failed, key=lambda check: check.difference / check.tolerance)
        raise ADRError(
            f"{model.name}: {worst.what} differs by {worst.difference:.1e} where {worst.tolerance:.0e} may: this "
            f"installation on {model.provider} does not make what the bundle was made for; try --provider cpu, or "
            "another version of ONNX Runtime"
        )


def said(check: Check) -> dict[str, Any]:
    """A check as JSON has it, which knows no infinity: of what is not even of one shape, the difference is null."""
    return {**asdict(check), "difference": check.difference if math.isfinite(check.difference) else None,
            "passed": check.passed}  # fmt: skip


def installed() -> dict[str, str]:
    """The versions of the packages that bring ONNX Runtime."""
    packages = {}
    for package in ("onnxruntime", "onnxruntime-gpu"):
        with suppress(metadata.PackageNotFoundError):
            packages[package] = metadata.version(package)
    return packages


def try_models(facts: dict[str, Any]) -> list[str]:
    """What ONNX Runtime finds, and where the shipped models load, into `facts`. -> what should work and does not."""
    problems, obstacle, onnxruntime = [], cuda_obstacle(), import_onnxruntime()
    facts["onnxruntime"] = onnxruntime.__version__
    facts["providers built in"] = ", ".join(onnxruntime.get_available_providers())
    facts["cuda"] = "usable by all signs" if obstacle is None else f"not used: {obstacle}"
    for name in shipped():
        model = load(name)
        facts["provider of auto"] = model.provider
        facts[f"bundle {name}"] = f"loads on {model.provider}"
        if obstacle is None and model.provider_note:
            problems.append(model.provider_note)
    return problems
