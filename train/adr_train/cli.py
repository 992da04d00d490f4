"""adr-train: a recipe and a data folder -> a folder with a checkpoint that adr-export takes."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer
from adr_runtime.terminal.display import PlainConsole
from adr_runtime.terminal.interrupts import empty_handed
from rich.table import Table

from adr_train.errors import TrainError

if TYPE_CHECKING:
    from adr_train.recipes.recipe import Recipe

app = typer.Typer(add_completion=True, rich_markup_mode=None, pretty_exceptions_enable=False)
console = PlainConsole(stderr=True)

EXAMPLE = """Example: adr-train digits --out runs/digits --max-minutes 3"""


def show_recipes(listing: bool) -> None:
    if not listing:
        return
    from adr_train.recipes.chain import read_chain
    from adr_train.recipes.recipe import SIZES, available, read_recipe

    table = Table("recipe", "size", "data set", "minutes", "what", box=None)
    for name in available():
        for size in SIZES:
            listed = read_chain(name, size) or read_recipe(name, size)
            table.add_row(name, size, listed.dataset, f"{listed.minutes:g}", listed.description)
    PlainConsole().print(table)
    raise typer.Exit


def fetch(what: Optional[tuple[str, Path]]) -> None:
    if what is None:
        return
    from adr_train.data.download import download

    download(what[0], Path(what[1]), tell=console.print)
    console.print(f"{what[1]}: {what[0]} is there; give --data {what[1]}")
    raise typer.Exit


RecipeArgument = Annotated[str, typer.Argument(help="A shipped recipe (see --list) or a .yaml file.")]
OutOption = Annotated[Path, typer.Option(help="Folder for checkpoints and logs.")]
DataOption = Annotated[Optional[Path], typer.Option(help="Folder of the data set; digits needs none.")]
CodecOption = Annotated[
    Optional[Path], typer.Option(help="Folder of a trained codec, for recipes whose tokens are its latents.")
]
TeacherOption = Annotated[Optional[Path], typer.Option(help="Folder of the trained model, for recipes that distil it.")]
FromOption = Annotated[
    Optional[Path],
    typer.Option(
        "--from",
        help="Begin with the weights of a run of the same architecture, or of a bundle (also hf:owner/name), which "
        "codecs do not.",
    ),
]
NewAxesOption = Annotated[
    bool,
    typer.Option(
        "--new-axes", help="With --from, for voices: measure the vocoder's axes anew on this data; needs more minutes."
    ),
]
TextOption = Annotated[
    Optional[Path],
    typer.Option(
        help="For recordings without alignments: the bundle of text to phones, or the voice, that finds their phones; "
        "that of --from unless given, or the shipped voice's."
    ),
]
PixelsOption = Annotated[Optional[int], typer.Option(help="Height and width of the pictures of recipe images.")]
SizeOption = Annotated[str, typer.Option(help="cpu, gpu, or auto: gpu where CUDA works.")]
StepsOption = Annotated[Optional[int], typer.Option(min=1, help="Train for this many steps.")]
MinutesOption = Annotated[Optional[float], typer.Option(help="Train for this long; the learning rate follows.")]
BatchOption = Annotated[Optional[int], typer.Option(min=1, help="Sequences a step, over all processes.")]
RateOption = Annotated[Optional[float], typer.Option(help="Peak learning rate.")]
SeedOption = Annotated[Optional[int], typer.Option(min=0, help="Seed of weights, order and noise.")]
PrecisionOption = Annotated[Optional[str], typer.Option(help="auto, float32 or bfloat16.")]
CompileOption = Annotated[Optional[bool], typer.Option("--compile/--no-compile", help="torch.compile.")]
DeviceOption = Annotated[str, typer.Option(help="auto, cpu or cuda.")]
ThreadsOption = Annotated[Optional[int], typer.Option(min=1, help="CPU threads.")]
SaveOption = Annotated[float, typer.Option(help="Minutes between checkpoints.")]
LookOption = Annotated[float, typer.Option(help="Minutes between validation losses and samples in TensorBoard.")]
ResumeOption = Annotated[bool, typer.Option("--resume", help="Go on from the last checkpoint in --out.")]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON line a step on standard output.")]
DebugOption = Annotated[bool, typer.Option("--debug", help="Show tracebacks.")]
ListOption = Annotated[
    bool, typer.Option("--list", is_eager=True, callback=show_recipes, help="Show the recipes and leave.")
]
DownloadOption = Annotated[
    Optional[tuple[str, Path]],
    typer.Option(
        "--download", is_eager=True, callback=fetch, metavar="NAME DIR",
        help="Fetch a data set (fsdd, speech-commands, cifar10, fashion) to a new folder and leave.",
    ),
]  # fmt: skip


@app.command(epilog=EXAMPLE)
def train(
    recipe: RecipeArgument, out: OutOption, data: DataOption = None, codec: CodecOption = None,
    teacher: TeacherOption = None, from_: FromOption = None, new_axes: NewAxesOption = False,
    text: TextOption = None, size: SizeOption = "auto",
    pixels: PixelsOption = None, steps: StepsOption = None, max_minutes: MinutesOption = None,
    batch: BatchOption = None,
    learning_rate: RateOption = None, seed: SeedOption = None, precision: PrecisionOption = None,
    compile_: CompileOption = None,
    device: DeviceOption = "auto", threads: ThreadsOption = None, save_minutes: SaveOption = 5.0,
    look_minutes: LookOption = 5.0, resume: ResumeOption = False, json_: JsonOption = False,
    debug: DebugOption = False, list_: ListOption = False, download_: DownloadOption = None,
) -> None:  # fmt: skip
    """Train a model by a recipe. Ctrl-C and SIGTERM save and leave; --resume goes on."""
    with empty_handed():
        from adr_train.chain import run_chain
        from adr_train.recipes.chain import read_chain
        from adr_train.recipes.recipe import SIZES, read_recipe, with_pixels
        from adr_train.session import Options, run_training
        from adr_train.tasks.start import went_on

    check_options(size, steps, max_minutes, precision, device, SIZES)
    if size == "auto":
        import torch

        size = "gpu" if device != "cpu" and torch.cuda.is_available() else "cpu"
    overrides: dict[str, Any] = {
        "steps": steps, "batch": batch, "learning_rate": learning_rate, "seed": seed,
        "precision": precision, "compile": compile_,
    }  # fmt: skip
    options = Options(
        out, data, codec, teacher, from_, new_axes, text, device, threads, save_minutes, look_minutes, resume, json_
    )
    chain = read_chain(recipe, size)
    if chain:
        if pixels is not None:
            raise TrainError(f"--pixels is for recipes of pictures; {chain.name} is a chain")
        chain = chain if max_minutes is None else chain.within(max_minutes)
        parts = tuple(overridden(part, overrides, None) for part in chain.parts)
        run_chain(replace(chain, parts=parts), options, console)
        return
    chosen = read_recipe(recipe, size, begun=went_on(out) if resume else from_ is not None)
    if pixels is not None:
        chosen = with_pixels(chosen, pixels)
    run_training(overridden(chosen, overrides, max_minutes), options, console)


def overridden(recipe: "Recipe", overrides: dict[str, Any], minutes: Optional[float]) -> "Recipe":
    """A recipe trained as the command line says, where it says something."""
    config = replace(recipe.train, **{k: v for k, v in overrides.items() if v is not None})
    if minutes is not None:
        config = replace(config, minutes=minutes, steps=None)
    return replace(recipe, train=replace(config, shards=min(config.shards, config.batch)))


def check_options(
    size: str, steps: Optional[int], max_minutes: Optional[float], precision: Optional[str], device: str,
    sizes: tuple[str, ...],
) -> None:  # fmt: skip
    if steps and max_minutes:
        raise TrainError("give --steps or --max-minutes, not both")
    if max_minutes is not None and not max_minutes > 0:
        raise TrainError("--max-minutes must be more than 0")
    if precision not in (None, "auto", "float32", "bfloat16"):
        raise TrainError(f"unknown --precision {precision!r}; there are auto, float32, bfloat16")
    if size not in (*sizes, "auto"):
        raise TrainError(f"unknown --size {size!r}; there are auto, {', '.join(sizes)}")
    if device not in ("auto", "cpu", "cuda"):
        raise TrainError(f"unknown --device {device!r}; there are auto, cpu, cuda")
