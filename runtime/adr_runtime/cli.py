"""adr-run: pictures, sound and text from the command line."""

import sys
from pathlib import Path
from typing import Annotated, Any, NoReturn, Optional

import typer

from adr_runtime.errors import ADRError

app = typer.Typer(
    add_completion=True, rich_markup_mode=None, pretty_exceptions_enable=False,
    help="Generate images, sound and text, and compress them, with ONNX Runtime alone.",
)  # fmt: skip

LabelOption = Annotated[
    Optional[str], typer.Option(help="What to make; without it each is drawn by the seed, 'none' is unconditional.")
]
StepsOption = Annotated[Optional[int], typer.Option(help="Denoising steps a token; fewer are faster.")]
SamplerOption = Annotated[Optional[str], typer.Option(help="ddpm, ddim or dpm++.")]
GuidanceOption = Annotated[Optional[float], typer.Option(help="Classifier-free guidance; 1 is none.")]
TemperatureOption = Annotated[Optional[float], typer.Option(help="Scale of the noise; 1 is the model's own.")]
SeedOption = Annotated[Optional[int], typer.Option(help="Equal seeds give equal results; drawn when left out.")]
ModelOption = Annotated[Optional[str], typer.Option(help="A shipped model (see list) or a bundle's folder.")]
ProviderOption = Annotated[str, typer.Option(help="auto, cuda or cpu; only auto falls back.")]
ThreadsOption = Annotated[Optional[int], typer.Option(help="Threads of ONNX Runtime; 1 suits small models.")]
CountOption = Annotated[Optional[int], typer.Option("-n", "--count", help="How many.")]
PromptOption = Annotated[Optional[Path], typer.Option(help="A file to continue.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Describe the result as JSON on standard output.")]
DebugOption = Annotated[bool, typer.Option("--debug", help="Show tracebacks.")]


def show_version(wanted: bool) -> None:
    if wanted:
        import adr_runtime

        print(adr_runtime.__version__)
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=show_version, help="Show the version and leave.")
    ] = False,
) -> None:
    pass


@app.command(epilog="Example: adr-run image -n 16 --label 7 --seed 1 --out sevens.png")
def image(
    label: LabelOption = None,
    count: CountOption = None,
    out: Annotated[Optional[Path], typer.Option(help="A .png file; named after the label unless given.")] = None,
    separate: Annotated[bool, typer.Option("--separate", help="One file a picture instead of a grid.")] = False,
    scale: Annotated[Optional[int], typer.Option(min=1, help="Enlarge pixels this many times.")] = None,
    steps: StepsOption = None,
    sampler: SamplerOption = None,
    guidance: GuidanceOption = None,
    temperature: TemperatureOption = None,
    seed: SeedOption = None,
    prompt: PromptOption = None,
    fill: Annotated[Optional[Path], typer.Option(help="A picture to fill in where --mask is white.")] = None,
    mask: Annotated[
        Optional[Path], typer.Option(help="Of the size of --fill: black is kept exactly, white is made anew.")
    ] = None,
    model: ModelOption = None,
    provider: ProviderOption = "auto",
    threads: ThreadsOption = None,
    json_: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Make pictures; --prompt continues the top of a given one, --fill with --mask completes any part of it."""
    from adr_runtime import cli_make

    cli_make.image(
        model, label, count, cli_make.Target(out, separate, scale), cli_make.Given(prompt, fill, mask),
        provider, threads, json_,
        {"steps": steps, "sampler": sampler, "guidance": guidance, "temperature": temperature, "seed": seed},
    )  # fmt: skip


@app.command(epilog="Example: adr-run audio --label seven --out seven.wav")
def audio(
    label: LabelOption = None,
    labels: Annotated[
        Optional[str], typer.Option(help='Several words in one sound, as "three one four"; repeated with --seconds.')
    ] = None,
    speaker: Annotated[Optional[str], typer.Option(help="Whose voice; drawn by the seed unless given.")] = None,
    seconds: Annotated[
        Optional[float],
        typer.Option(help="Length; until the word is over unless given; inf with --out - goes on for ever."),
    ] = None,
    count: CountOption = None,
    out: Annotated[
        Optional[Path], typer.Option(help="A .wav, .flac or .ogg file, or - for raw 16-bit PCM on standard output.")
    ] = None,
    plot: Annotated[Optional[Path], typer.Option(help="A .png file: waveform and mel spectrogram.")] = None,
    stream: Annotated[
        bool, typer.Option("--stream", help="Make one token at a time and report first sound and under-runs.")
    ] = False,
    realtime: Annotated[
        Optional[float], typer.Option(help="Take as many steps as stay this many times ahead of playback.")
    ] = None,
    steps: StepsOption = None,
    sampler: SamplerOption = None,
    guidance: GuidanceOption = None,
    temperature: TemperatureOption = None,
    seed: SeedOption = None,
    prompt: PromptOption = None,
    model: ModelOption = None,
    provider: ProviderOption = "auto",
    threads: ThreadsOption = None,
    json_: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Make sound; --prompt continues a recording, and --seconds counts what is added to it."""
    from adr_runtime import cli_sound

    cli_sound.audio(
        model, cli_sound.Request(label, labels, seconds, count, out, plot, prompt, stream, realtime, json_),
        provider, threads,
        {
            "steps": steps, "sampler": sampler, "guidance": guidance, "temperature": temperature, "seed": seed,
            "speaker": speaker,
        },
    )  # fmt: skip


@app.command(epilog='Example: adr-run text --template "to be ??? not to be" -n 3 --seed 1')
def text(
    template: Annotated[
        Optional[str], typer.Option(help="Text with holes; what is no hole comes back exactly.")
    ] = None,
    hole: Annotated[str, typer.Option(help="The character that marks a hole in the template.")] = "?",
    length: Annotated[Optional[int], typer.Option(help="Symbols to make without a template.")] = None,
    count: Annotated[int, typer.Option("-n", "--count", help="How many.")] = 1,
    steps: Annotated[Optional[int], typer.Option(help="Network calls; fewer are faster.")] = None,
    seed: SeedOption = None,
    temperature: Annotated[float, typer.Option(help="Below 1 plays safe; 0 takes the likeliest.")] = 1.0,
    model: ModelOption = None,
    provider: ProviderOption = "auto",
    threads: ThreadsOption = None,
    json_: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Make text, or fill the holes of a given one, in any order."""
    from adr_runtime import cli_text

    cli_text.text(model, template, hole, length, count, steps, seed, temperature, provider, threads, json_)


ModelsOption = Annotated[
    Optional[list[str]],
    typer.Option("--model", help="An any-order model or its folder, for its kind of file; may be given several times."),
]
BudgetOption = Annotated[
    Optional[int],
    typer.Option(help="Network calls a block; more are slower and smaller. The model's default unless given."),
]


@app.command(epilog="Example: adr-run compress photo.png photo.ardm")
def compress(
    source: Annotated[Path, typer.Argument(help="A picture, a text, any other file, or a folder of them.")],
    out: Annotated[Path, typer.Argument(help="The compressed file.")],
    model: ModelsOption = None,
    steps: BudgetOption = None,
    seed: Annotated[int, typer.Option(help="Seed of the orders.")] = 0,
    verify: Annotated[
        bool, typer.Option("--verify/--no-verify", help="Decode once to make sure; half of the time.")
    ] = True,
    provider: ProviderOption = "cpu",
    threads: ThreadsOption = None,
    json_: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Compress without loss: pictures by their pixels, all other files by their bytes."""
    from adr_runtime import cli_code

    cli_code.compress_path(source, out, model or [], steps, seed, verify, provider, threads, json_)


@app.command(epilog="Example: adr-run decompress photo.ardm photo.png")
def decompress(
    source: Annotated[Path, typer.Argument(help="A file of adr-run compress.")],
    out: Annotated[Path, typer.Argument(help="The file to write, or the folder to make.")],
    model: ModelsOption = None,
    json_: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Bring back exactly what was compressed, or refuse in one line."""
    from adr_runtime import cli_code

    cli_code.decompress_path(source, out, model or [], json_)


@app.command(epilog="Example: adr-run score photo.png --steps 50")
def score(
    source: Annotated[Path, typer.Argument(help="A picture, a text, any other file, or a folder of them.")],
    model: ModelsOption = None,
    steps: BudgetOption = None,
    seed: Annotated[int, typer.Option(help="Seed of the orders.")] = 0,
    provider: ProviderOption = "auto",
    threads: ThreadsOption = None,
    json_: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """How likely a model finds a file, in bits per dimension."""
    from adr_runtime import cli_code

    cli_code.score_path(source, model or [], steps, seed, provider, threads, json_)


@app.command("list", epilog="Example: adr-run list")
def list_(json_: JsonOption = False, debug: DebugOption = False) -> None:
    """The models that come with the package."""
    from adr_runtime import cli_info

    cli_info.list_models(json_)


@app.command(epilog="Example: adr-run info speech-digits")
def info(
    what: Annotated[str, typer.Argument(help="A model, a bundle's folder, or a file that adr-run made.")],
    json_: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """What a model is and how good; or where a picture or sound came from."""
    from adr_runtime import cli_info

    cli_info.info(what, json_)


@app.command(epilog="Example: adr-run doctor")
def doctor(json_: JsonOption = False, debug: DebugOption = False) -> None:
    """What ONNX Runtime finds on this machine, which provider will be used, and why not another."""
    from adr_runtime import cli_info

    cli_info.doctor(json_)


@app.command(epilog="Example: adr-run pull someone/my-digits bundles/my-digits")
def pull(
    repository: Annotated[str, typer.Argument(help="owner/name of a bundle on the Hugging Face hub.")],
    out: Annotated[Path, typer.Argument(help="The bundle's folder, made new.")],
    debug: DebugOption = False,
) -> None:
    """Fetch a bundle from a hub and verify it; the only command that opens a network connection."""
    from adr_runtime.pull import pull_bundle

    pull_bundle(repository, out)
    print(out)


def main() -> None:
    """Run the command; every failure is one line on standard error (a traceback with --debug)."""
    try:
        app(standalone_mode=False)
        sys.stdout.flush()
    except ADRError as error:
        fail(str(error), error.exit_status)
    except BrokenPipeError:
        # The reader of our output has had enough: that is no failure. Nothing may be flushed into the pipe any more.
        sys.stdout = None
        sys.exit(0)
    except (KeyboardInterrupt, typer.Abort):
        fail("interrupted", 130)
    except Exception as error:
        report(error)


def report(error: Any) -> NoReturn:
    if "--debug" in sys.argv:
        raise error
    if hasattr(error, "format_message"):
        line = " ".join(error.format_message().split())
        fail(f"{line} (see adr-run --help)" if line else "see adr-run --help", 2)
    line = " ".join(str(error).split())
    fail(f"{type(error).__name__}: {line} (run again with --debug for the traceback)", 1)


def fail(line: str, status: int) -> NoReturn:
    print(f"adr-run: {line}", file=sys.stderr)
    sys.exit(status)
