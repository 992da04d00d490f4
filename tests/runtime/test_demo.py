"""The page that `adr-run demo` serves: what is on the list and nothing else, and where its ONNX Runtime comes from."""

import base64
import hashlib
import http.client
import http.server
import io
import json
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import threading
from pathlib import Path

import adr_runtime
import numpy as np
import pytest
from adr_runtime.bundles.bundle import shipped
from adr_runtime.errors import ADRError
from adr_runtime.serving import onnxruntime_web
from adr_runtime.serving.onnxruntime_web import FILES, INTEGRITY, VERSION, kept_runtime

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "runtime" / "js"
TYPES = {
    "html": "text/html; charset=utf-8", "js": "text/javascript; charset=utf-8", "mjs": "text/javascript; charset=utf-8",
    "json": "application/json", "wasm": "application/wasm", "onnx": "application/octet-stream",
    "xz": "application/octet-stream",
}  # fmt: skip
PROGRAM = Path(sys.executable).with_name("adr-run")


def start(*arguments):
    """The installed command with any free port, and the address that it tells."""
    process = subprocess.Popen(
        [PROGRAM, "demo", "--port", "0", "--no-browser", *map(str, arguments)], stderr=subprocess.PIPE, text=True
    )
    line = process.stderr.readline()
    told = re.fullmatch(r"http://127\.0\.0\.1:(\d+)/ has the page; Ctrl-C ends it\n", line)
    assert told, line + process.stderr.read()
    return process, int(told[1])


@pytest.fixture(scope="module")
def runtime(tmp_path_factory):
    """A folder that stands for onnxruntime-web's."""
    folder = tmp_path_factory.mktemp("onnxruntime-web") / "dist"
    folder.mkdir()
    for name in FILES:
        (folder / name).write_bytes(f"this is {name}".encode())
    return folder


@pytest.fixture(scope="module")
def port(runtime):
    process, port = start("--ort", runtime.parent)
    yield port
    process.send_signal(signal.SIGINT)
    assert (process.wait(), process.stderr.read()) == (130, "adr-run: interrupted\n")
    with socket.socket() as free:
        assert free.connect_ex(("127.0.0.1", port))


def ask(port, path, method="GET", **headers):
    """Status, headers and body; the path goes out as it is."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    try:
        connection.putrequest(method, path)
        for name, value in headers.items():
            connection.putheader(name.replace("_", "-"), value)
        connection.endheaders()
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


def test_every_file_of_the_page_is_served_as_what_it_is(port, runtime):
    status, headers, listing = ask(port, "/files.json")
    assert (status, headers["content-type"]) == (200, "application/json")
    names = json.loads(listing)
    assert names[0] == "./" and ask(port, "/")[2] == (PACKAGE / "page" / "index.html").read_bytes()
    sources = {path.relative_to(PACKAGE).as_posix(): path for path in (PACKAGE / "src").rglob("*.js")}
    page = {path.name: path for path in (PACKAGE / "page").iterdir() if path.name != "build.js"}
    models = {f"models/{name}/manifest.json": folder / "manifest.json" for name, folder in shipped().items()}
    models["models/voice/text/manifest.json"] = shipped()["voice"] / "text" / "manifest.json"
    expected = {**sources, **page, **models, **{f"ort/{name}": runtime / name for name in FILES}}
    assert set(names[1:]) == set(expected)
    graphs = {f"models/digits/{path.name}": path for path in shipped()["digits"].glob("*.onnx")}
    graphs["models/voice/text/lexicon.xz"] = shipped()["voice"] / "text" / "lexicon.xz"
    for name, path in (expected | graphs).items():
        status, headers, data = ask(port, f"/{name}")
        assert status == 200 and data == path.read_bytes(), name
        assert headers["content-type"] == TYPES[name.rpartition(".")[2]]
        assert headers["cache-control"] == "no-cache" and headers["x-content-type-options"] == "nosniff"


def test_what_a_browser_has_already_is_not_sent_again(port):
    status, headers, data = ask(port, "/src/index.js", "HEAD")
    assert (status, data) == (200, b"")
    assert int(headers["content-length"]) == (PACKAGE / "src" / "index.js").stat().st_size
    assert ask(port, "/src/index.js", if_none_match=headers["etag"])[::2] == (304, b"")
    assert ask(port, "/src/index.js", if_none_match='"other"')[0] == 200


@pytest.mark.parametrize(
    "path",
    [
        "/../js/package.json", "/src/../../package.json", "/%2e%2e/package.json", "/src/..%2f..%2fpackage.json",
        "/src/..\\..\\package.json", "//etc/passwd", "/etc/passwd", "/build.js", "/src", "/src/", "/page/index.html",
        "/models/digits/README.md", "/models/digits/../digits/manifest.json", "/nothing.js", "/files.json/", "*", "/\0",
    ],
)  # fmt: skip
def test_nothing_else_is_served(port, path):
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        answer = connection.makefile("rb").read()
    assert re.match(rb"HTTP/1\.1 40[04] ", answer), answer[:100]
    assert b"root:" not in answer and b"onnxruntime" not in answer


def test_other_methods_are_refused_and_the_page_stays(port):
    assert ask(port, "/", "POST")[0] == ask(port, "/index.html", "DELETE")[0] == 501
    assert ask(port, "/")[0] == 200


def test_bad_options_get_one_line(port, runtime, refused, tmp_path):
    taken = ("demo", "--no-browser", "--ort", runtime, "--port", port)
    refused("adr-run", *taken, says=(f"cannot listen at 127.0.0.1:{port}", "another --port"), status=1)
    says = ("has not all of ort.wasm.min.mjs", f"give the folder of onnxruntime-web {VERSION}")
    refused("adr-run", "demo", "--ort", tmp_path, says=says)
    refused("adr-run", "demo", "--port", 65536, says=("--port",))


@pytest.fixture
def registry():
    """An npm registry on this machine: `answers` has status, body and whether all of it is sent, by path."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.server.asked.append(self.path)
            status, body, whole = self.server.answers.get(self.path, (404, b"", True))
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body if whole else body[:-9])

        def log_message(self, *arguments):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.asked, server.answers = [], {}
        server.address = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def archive():
    """An archive as npm's, with other files beside those that are wanted."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as members:
        for name in (*FILES, "ort.all.mjs"):
            data = f"this is {name}".encode()
            member = tarfile.TarInfo(f"package/dist/{name}")
            member.size = len(data)
            members.addfile(member, io.BytesIO(data))
    return packed.getvalue()


PATH = f"/npm/onnxruntime-web/-/onnxruntime-web-{VERSION}.tgz"


def test_an_archive_that_cannot_be_had_leaves_nothing(registry, archive, command, tmp_path):
    for answer, says in (
        ((200, archive, True), (f"{PATH}: damaged: expected sha512-q0y+", f"found sha512-{digest(archive)[:8]}")),
        ((200, archive, False), (f"{PATH}: ", f"in {len(archive) - 9} bytes; nothing was kept")),
        ((404, b"", True), (f"{PATH}: cannot fetch: Not Found", "--ort", "npm_config_registry")),
        ((500, b"", True), (f"{PATH}: cannot fetch: Internal Server Error",)),
    ):
        registry.answers[PATH] = answer
        for name in ("npm_config_registry", "NPM_CONFIG_REGISTRY"):
            settings = {name: f"{registry.address}/npm/", "XDG_CACHE_HOME": str(tmp_path)}
            line = one_line(command("adr-run", "demo", "--no-browser", **settings))
            assert all(part in line for part in says), line
            assert not list(tmp_path.rglob("*onnxruntime*"))
    assert registry.asked == [PATH] * 8
    for address, why in (("http://127.0.0.1:9", "refused"), ("nonsense", "unknown url type")):
        settings = {"npm_config_registry": address, "XDG_CACHE_HOME": str(tmp_path)}
        line = one_line(command("adr-run", "demo", "--no-browser", **settings))
        assert why in line and "give its folder with --ort" in line, line


def one_line(done):
    lines = done.stderr.splitlines()
    assert (done.returncode, done.stdout, len(lines)) == (1, "", 1), done.stderr
    return lines[0]


def digest(data):
    return base64.b64encode(hashlib.sha512(data).digest()).decode()


def test_the_archive_is_fetched_once_and_three_files_are_kept(registry, archive, monkeypatch, tmp_path):
    registry.answers[PATH] = (200, archive, True)
    monkeypatch.setattr(onnxruntime_web, "INTEGRITY", f"sha512-{digest(archive)}")
    monkeypatch.setenv("npm_config_registry", f"{registry.address}/npm")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    seen = []
    folder = kept_runtime(lambda done, total: seen.append((done, total)))
    assert folder == kept_runtime(print) == tmp_path / "adr" / f"onnxruntime-web-{VERSION}"
    assert registry.asked == [PATH] and seen == [(len(archive), len(archive))]
    assert {path.name: path.read_text() for path in folder.iterdir()} == {name: f"this is {name}" for name in FILES}
    assert os.listdir(tmp_path / "adr") == [folder.name]
    # One that lost a file is fetched anew, and an interrupt leaves nothing.
    (folder / FILES[0]).unlink()
    monkeypatch.setattr(onnxruntime_web.shutil, "copyfileobj", interrupt)
    with pytest.raises(KeyboardInterrupt):
        kept_runtime(print)
    monkeypatch.undo()
    assert os.listdir(tmp_path / "adr") == [folder.name]


def interrupt(*_):
    raise KeyboardInterrupt


def test_more_than_an_archive_can_have_is_not_written(registry, monkeypatch, tmp_path):
    registry.answers[PATH] = (200, b"x" * 3_000_000, True)
    monkeypatch.setattr(onnxruntime_web, "MAX_ARCHIVE_BYTES", 2_000_000)
    monkeypatch.setenv("npm_config_registry", f"{registry.address}/npm")
    with pytest.raises(ADRError, match="more than 2000000 bytes came"):
        onnxruntime_web.fetch_runtime(tmp_path / "kept", print)
    assert not list(tmp_path.iterdir())


def test_a_full_disk_is_no_fault_of_the_registry(registry, monkeypatch, tmp_path):
    """No file may grow beyond a megabyte, as none may on a disk that is full."""
    registry.answers[PATH] = (200, b"x" * 3_000_000, True)
    monkeypatch.setenv("npm_config_registry", f"{registry.address}/npm")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, limits[1]))
    try:
        with pytest.raises(ADRError, match=f"^{re.escape(str(tmp_path / 'kept'))}: cannot write: File too large$"):
            onnxruntime_web.fetch_runtime(tmp_path / "kept", print)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not list(tmp_path.iterdir())


def test_the_version_is_that_of_the_javascript_package():
    locked = json.loads((PACKAGE / "package-lock.json").read_text())["packages"]["node_modules/onnxruntime-web"]
    assert (locked["version"], locked["integrity"]) == (VERSION, INTEGRITY)
    assert all(f'"{name}"' in (PACKAGE / "page" / "build.js").read_text() for name in FILES)


MODULES = PACKAGE / "node_modules"
PROGRAMS = {"chromium": "chromium", "firefox": "firefox-esr"}


def here(browser):
    """Whether the page can be tested in it, as runtime/js/test/browsers.js finds it."""
    program = os.environ.get(f"ADR_{browser.upper()}", f"/usr/bin/{PROGRAMS[browser]}")
    return shutil.which("node") and (MODULES / "playwright-core").is_dir() and shutil.which(program)


@pytest.mark.parametrize("browser", PROGRAMS)
def test_the_page_says_a_word_in_a_browser(browser):
    """The word that Python makes, out of the installed command's page, in WebAssembly."""
    if not here(browser) and not os.environ.get("ADR_JAVASCRIPT"):
        pytest.skip("needs what runtime/js/README.md names for its tests")
    process, port = start("--ort", MODULES / "onnxruntime-web")
    try:
        command = ["node", "--experimental-websocket", "test/demo_page.js", f"http://127.0.0.1:{port}/", browser]
        done = subprocess.run(command, cwd=PACKAGE, capture_output=True, text=True)
    finally:
        process.send_signal(signal.SIGTERM)
    assert done.returncode == 0, done.stderr
    assert (process.wait(), process.stderr.read()) == (143, "adr-run: terminated\n")
    model = adr_runtime.AudioModel.load("speech-digits", "cpu")
    expected = model.stream(playlist=["seven"], pause=0.1, steps=4, seed=5).collect().samples[0]
    heard = np.array(json.loads(done.stdout), np.float32)
    assert 0 < len(heard) <= len(expected)
    np.testing.assert_allclose(heard, expected[: len(heard)], rtol=0, atol=1e-4)
