"""adr-run: pictures, sound and text from the command line."""

from pathlib import Path
from typing import Annotated, Optional

import typer

from adr_runtime import cli_any_order as cli_any_order
from adr_runtime.cli_options import (
    CountOption,
    DebugOption,
    GuidanceOption,
    JsonOption,
    LabelOption,
    ModelOption,
    PromptOption,
    ProviderOption,
    SamplerOption,
    SeedOption,
    StepsOption,
    TemperatureOption,
    ThreadsOption,
    app,
)


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
