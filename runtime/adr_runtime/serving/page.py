"""The page of runtime/js/page over HTTP, to this machine's browsers alone: a list of files, and nothing but those."""

import hashlib
import json
import sys
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from adr_runtime.bundles.bundle import shipped
from adr_runtime.errors import ADRError
from adr_runtime.serving.onnxruntime_web import FILES

HOST = "127.0.0.1"
TYPES = {
    ".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8", ".json": "application/json", ".wasm": "application/wasm",
    ".onnx": "application/octet-stream", ".xz": "application/octet-stream",
}  # fmt: skip


def source_folder() -> Path:
    """Where `page` and `src` lie: inside the package in a wheel, beside it in the repository. Raises ADRError."""
    package = Path(str(resources.files("adr_runtime")))
    for folder in (package / "js", package.parent / "js"):
        if (folder / "page" / "index.html").is_file():
            return folder
    raise ADRError(f"{package}: the page is missing; install the package again")


def page_files(runtime: Path) -> dict[str, Path]:
    """The file of each path that can be asked for: the page, the runtime in JavaScript, ONNX Runtime out of the folder
    `runtime`, and the shipped bundles where they lie."""
    folder = source_folder()
    page = [file for file in (folder / "page").iterdir() if file.suffix in (".html", ".js") and file.stem != "build"]
    files = {f"/{file.name}": file for file in page}
    files |= {f"/{file.relative_to(folder).as_posix()}": file for file in (folder / "src").rglob("*.js")}
    files |= {f"/ort/{name}": runtime / name for name in FILES}
    for name, bundle in shipped().items():
        parts = [file for file in bundle.rglob("*") if file.suffix in (".json", ".onnx", ".xz")]
        files |= {f"/models/{name}/{file.relative_to(bundle).as_posix()}": file for file in parts}
    return files


class PageServer(ThreadingHTTPServer):
    """A server of `files` by path, and of files.json, which tells the page what to keep for when there is no network.
    `port` 0 is any that is free. Raises OSError."""

    daemon_threads = True

    def __init__(self, files: dict[str, Path], port: int):
        self.files = files
        # The runtime in JavaScript keeps graphs and dictionaries itself; test vectors are for developers.
        left = (".onnx", ".xz", "vectors.json")
        kept = ["./", *(path.lstrip("/") for path in sorted(files) if not path.endswith(left))]
        self.listing = json.dumps(kept).encode()
        super().__init__((HOST, port), PageHandler)

    def read(self, path: str) -> tuple[bytes, str] | None:
        """What lies at a path, and its media type; None where nothing does."""
        if path == "/files.json":
            return self.listing, TYPES[".json"]
        file = self.files.get("/index.html" if path == "/" else path)
        try:
            return (file.read_bytes(), TYPES[file.suffix]) if file else None
        except OSError:
            return None

    def handle_error(self, request: Any, client_address: Any) -> None:
        # Browsers hang up on what they do not need any more.
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


class PageHandler(BaseHTTPRequestHandler):
    """GET and HEAD. Browsers may keep what they got, and ask each time whether it is still the same."""

    protocol_version = "HTTP/1.1"
    timeout = 60
    server: PageServer

    def do_GET(self) -> None:
        try:
            found = self.server.read(unquote(urlsplit(self.path).path))
        except ValueError:
            found = None
        if found is None:
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        data, kind = found
        tag = f'"{hashlib.sha256(data).hexdigest()}"'
        known = self.headers.get("if-none-match") == tag
        self.send_response(HTTPStatus.NOT_MODIFIED if known else HTTPStatus.OK)
        self.send_header("ETag", tag)
        self.send_header("Cache-Control", "no-cache")
        if not known:
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(data)))
            self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        if not known and self.command == "GET":
            self.wfile.write(data)

    do_HEAD = do_GET

    def log_message(self, *_: Any) -> None:
        pass
