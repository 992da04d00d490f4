"""adr-run doctor: facts about this machine."""

import json
import platform
from contextlib import suppress
from importlib import metadata
from typing import Annotated, Any, Optional

import typer

from adr_runtime import __version__
from adr_runtime.bundles.bundle import shipped
from adr_runtime.cli.info import show
from adr_runtime.cli.options import DebugOption, JsonOption, app
from adr_runtime.errors import ADRError
from adr_runtime.inference.cuda import cuda_obstacle
from adr_runtime.inference.engine import INSTALL, import_onnxruntime
from adr_runtime.loading import load

ModelsOption = Annotated[
    Optional[list[str]],
    typer.Option(
        "--model", help="Try this one, a folder or hf:owner/name, in place of the shipped; several times too."
    ),
]


@app.command(epilog="Example: adr-run doctor")
def doctor(model: ModelsOption = None, json_: JsonOption = False, debug: DebugOption = False) -> None:
    """What ONNX Runtime finds on this machine, which provider will be used, and why not another."""
    facts: dict[str, Any] = {"adr": __version__, "python": platform.python_version(), "platform": platform.platform()}
    packages = installed()
    facts["packages"] = ", ".join(f"{name} {version}" for name, version in packages.items()) or "none"
    problems = []
    if len(packages) > 1:
        problems.append("onnxruntime and onnxruntime-gpu share a folder: uninstall both, then install one")
    try:
        problems += try_models(facts, model or list(shipped()))
    except ADRError as error:
        problems.append(str(error))
    facts["problems"] = "; ".join(dict.fromkeys(problems)) or "none"
    if json_:
        print(json.dumps(facts))
    else:
        show(facts, "adr-run doctor")
    if INSTALL in problems:
        raise ADRError(INSTALL)


def installed() -> dict[str, str]:
    """The versions of the packages that bring ONNX Runtime."""
    packages = {}
    for package in ("onnxruntime", "onnxruntime-gpu"):
        with suppress(metadata.PackageNotFoundError):
            packages[package] = metadata.version(package)
    return packages


def try_models(facts: dict[str, Any], names: list[str]) -> list[str]:
    """What ONNX Runtime finds, and where these models load, into `facts`. -> what should work and does not."""
    problems, obstacle, onnxruntime = [], cuda_obstacle(), import_onnxruntime()
    facts["onnxruntime"] = onnxruntime.__version__
    facts["providers built in"] = ", ".join(onnxruntime.get_available_providers())
    facts["cuda"] = "usable by all signs" if obstacle is None else f"not used: {obstacle}"
    for name in names:
        model = load(name)
        facts["provider of auto"] = model.provider
        facts[f"bundle {name}"] = f"loads on {model.provider}"
        if obstacle is None and model.provider_note:
            problems.append(model.provider_note)
    return problems
