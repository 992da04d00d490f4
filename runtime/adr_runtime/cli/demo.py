"""adr-run demo: the page that computes in a browser, served to this machine."""

import threading
import webbrowser
from pathlib import Path
from typing import Annotated, Optional

import typer

from adr_runtime.cli.options import DebugOption, app
from adr_runtime.cli.output import bar, console
from adr_runtime.errors import ADRError
from adr_runtime.serving.onnxruntime_web import given_runtime, kept_runtime
from adr_runtime.serving.page import HOST, PageServer, page_files

PortOption = Annotated[int, typer.Option(min=0, max=65535, help="0 for any that is free.")]
BrowserOption = Annotated[bool, typer.Option("--browser/--no-browser", help="Open the page in the browser.")]
OrtOption = Annotated[
    Optional[Path],
    typer.Option(help="A folder of onnxruntime-web; without it, it is fetched from npm's registry once and kept."),
]


@app.command(epilog="Example: adr-run demo")
def demo(
    port: PortOption = 8000, browser: BrowserOption = True, ort: OrtOption = None, debug: DebugOption = False
) -> None:  # fmt: skip
    """Show a page that says words and draws, computed in the browser; it is served to this machine alone."""
    if ort is not None:
        runtime = given_runtime(ort)
    else:
        with bar("fetching onnxruntime-web") as show:
            runtime = kept_runtime(show)
    try:
        server = PageServer(page_files(runtime), port)
    except OSError as error:
        raise ADRError(f"cannot listen at {HOST}:{port}: {error.strerror or error}; choose another --port") from error
    with server:
        address = f"http://{HOST}:{server.server_port}/"
        console.print(f"{address} has the page; Ctrl-C ends it", soft_wrap=True)
        if browser:
            # One that runs in this terminal returns when it is left.
            threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()
        server.serve_forever()
