"""A chain of recipes trained by one command: part after part, each in a folder of its own, then the bundle."""

import os
import shlex
import subprocess
import sys
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

from adr_models.checkpoint import CheckpointConfig, latest_checkpoint, read_config
from adr_runtime.errors import install_hint
from adr_runtime.terminal.interrupts import Interrupted
from rich.console import Console

from adr_train.errors import TrainError
from adr_train.recipes.chain import Chain
from adr_train.recipes.recipe import Recipe
from adr_train.session import GO_ON, Options, run_training

BUNDLE = "bundle"
# What adr-export takes beside what training takes.
NEEDED = ("onnxscript", "onnxruntime")


def run_chain(chain: Chain, options: Options, console: Console) -> None:
    """Train every part that has not ended, export the last one, and say what to type next. Raises ADRError; a signal
    saves, as that of any run does, and --resume goes on with the part that it met."""
    check_folder(chain, options)
    try:
        train_parts(chain, options, console)
        export(chain, options, console)
    except Interrupted as stop:
        # Between two parts, or at the last step of one, nobody else says so.
        stop.line += GO_ON * (begun(chain, options) and not stop.line.endswith(GO_ON))
        raise


def train_parts(chain: Chain, options: Options, console: Console) -> None:
    for number, part in enumerate(chain.parts, 1):
        folder = options.out / part.name
        previous = latest_checkpoint(folder)
        title = f"part {number} of {len(chain.parts)}, {part.name}"
        if previous and ended(read_config(previous)):
            console.print(f"{title}: has ended, {previous}", highlight=False, soft_wrap=True)
            continue
        console.print(f"{title}: {length(part)}, into {folder}", highlight=False, soft_wrap=True)
        run_training(part, of_part(part, options, folder, previous is not None), console)


def check_folder(chain: Chain, options: Options) -> None:
    """What the whole run needs, before its first part takes its time. Raises TrainError."""
    if int(os.environ.get("WORLD_SIZE", 1)) > 1:
        names = ", ".join(part.name for part in chain.parts)
        raise TrainError(f"{chain.name} is a chain, which one process trains; give torchrun its parts, {names}")
    if options.codec or options.teacher or options.start or options.new_axes:
        raise TrainError(
            f"the parts of {chain.name} build on one another: leave --codec, --teacher, --from and --new-axes out"
        )
    some = begun(chain, options)
    if some and not options.resume:
        raise TrainError(f"{options.out} already holds parts of a run; add --resume or choose another --out")
    if options.resume and not some:
        raise TrainError(f"{options.out}: nothing to resume; leave --resume out to begin")
    if (options.out / BUNDLE).exists() and not some:
        raise TrainError(f"{options.out / BUNDLE} exists; choose another --out")


def begun(chain: Chain, options: Options) -> bool:
    return any(latest_checkpoint(options.out / part.name) for part in chain.parts)


def ended(saved: CheckpointConfig) -> bool:
    """Whether a run came to the end that it was given."""
    steps, minutes = saved.train["steps"], saved.train["minutes"]
    return bool(saved.step >= steps if steps is not None else saved.seconds >= 60 * (minutes or 1.0))


def length(part: Recipe) -> str:
    steps = part.train.steps
    return f"{part.train.minutes:.3g} minutes" if steps is None else f"{steps} steps"


def of_part(part: Recipe, options: Options, folder: Path, resume: bool) -> Options:
    """What one part is told: the folders of those that it builds upon."""
    return replace(
        options, out=folder, resume=resume, codec=options.out / part.tokens if part.tokens else None,
        teacher=options.out / part.teacher if part.teacher else None,
    )  # fmt: skip


def export(chain: Chain, options: Options, console: Console) -> None:
    """The bundle of the last part, by adr-export where that is installed, and what to type next."""
    run, bundle = options.out / chain.parts[-1].name, options.out / BUNDLE
    if not bundle.exists():
        command = run, bundle, "--name", chain.name
        if not all(map(find_spec, NEEDED)):
            console.print(f"no bundle yet, which takes {install_hint('cpu,export')}; then type", soft_wrap=True)
            console.print(typed("adr-export", *command), highlight=False, soft_wrap=True)
            return
        console.print(f"exporting {run} to {bundle}", highlight=False, soft_wrap=True)
        call_export(*command)
    last = latest_checkpoint(run)
    labels = read_config(last).model.get("labels") if last else ()
    label = ("--label", labels[0]) if labels else ()
    console.print("done; type next", highlight=False)
    console.print(
        typed("adr-run", "audio", "--model", bundle, *label, "--out", "sound.wav"), highlight=False, soft_wrap=True
    )


def typed(*words: object) -> str:
    """A command as a shell takes it."""
    return "  " + shlex.join(map(str, words))


def call_export(*arguments: object) -> None:
    """Run adr-export, which is no part of this package, in a process of its own, which a signal ends too."""
    process = subprocess.Popen([sys.executable, "-m", "adr_export", *map(str, arguments)], stdout=subprocess.DEVNULL)
    try:
        status = process.wait()
    except BaseException:
        process.terminate()
        process.wait()
        raise
    if status:
        raise TrainError(f"adr-export failed; {typed('adr-export', *arguments).strip()} tries once more")
