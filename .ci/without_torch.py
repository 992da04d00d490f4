"""Run by the Python of an environment that holds the runtime alone: both commands work, and nothing heavy is loaded."""

import importlib.metadata
import importlib.util
import json
import signal
import subprocess
import sys
import urllib.parse
import urllib.request
from pathlib import Path

for package in ("torch", "scipy", "onnx", "sklearn"):
    assert importlib.util.find_spec(package) is None, f"{package} is installed"

import adr_runtime  # noqa: E402

assert not {"torch", "scipy", "onnx"} & set(sys.modules)
print(f"onnxruntime {importlib.metadata.version('onnxruntime')}")
assert "site-packages" in adr_runtime.__file__, adr_runtime.__file__
size = sum(path.stat().st_size for path in Path(adr_runtime.__file__).parent.rglob("*.onnx"))
assert 0 < size < 60 << 20, f"{size} bytes of bundles"
program = Path(sys.executable).with_name("adr-run")
for kind, *asked in (("audio", "--label", "seven"), ("audio", "--text", "Turn left."), ("image", "--label", "horse")):
    done = subprocess.run([program, kind, *asked, "--seed", "1", "--json"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout)
    assert Path(made["files"][0]).stat().st_size > 1000
    print(f"adr-run {kind}: {made['files'][0]} in {made['seconds']} s, {size / 2**20:.1f} MiB of bundles, no PyTorch")

text = Path("bell.txt")
text.write_text("Hear, hear! What say you to the bell, my lord?")
for command in (["compress", text, "bell.ardm"], ["decompress", "bell.ardm", "bell-again.txt"], ["score", text]):
    done = subprocess.run([program, *command], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
assert Path("bell-again.txt").read_bytes() == text.read_bytes()
print(f"adr-run compress: {text.stat().st_size} bytes in {Path('bell.ardm').stat().st_size}, and back")

# The page is in the wheel; ONNX Runtime for browsers is not, and is not fetched here.
runtime = Path("onnxruntime-web")
runtime.mkdir(exist_ok=True)
for name in ("ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm"):
    (runtime / name).write_bytes(b"")
page = [program, "demo", "--port", "0", "--no-browser", "--ort", runtime]
with subprocess.Popen(page, stderr=subprocess.PIPE, text=True) as process:
    try:
        address = process.stderr.readline().split()[0]
        with urllib.request.urlopen(f"{address}files.json") as answer:
            files = json.load(answer)
        total = 0
        for name in files:
            with urllib.request.urlopen(urllib.parse.urljoin(address, name)) as answer:
                total += len(answer.read())
    finally:
        process.send_signal(signal.SIGINT)
assert process.returncode == 130 and len(files) > 30, files
assert not list(Path(adr_runtime.__file__).parent.rglob("*.wasm"))
print(f"adr-run demo: {len(files)} files, {total} bytes")
