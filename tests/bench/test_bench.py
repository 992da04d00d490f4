"""The parts of bench/ that decide what is compared with what."""

import http.server
import io
import json
import subprocess
import sys
import tarfile
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


def clouds(count, seed=0):
    """Smooth random pictures with a little noise, uint8 (40, 48, 3)."""
    random = np.random.default_rng(seed)
    for _ in range(count):
        coarse = Image.fromarray(random.integers(0, 256, (7, 7, 3), dtype=np.uint8)).resize(
            (48, 40), Image.Resampling.BICUBIC
        )
        yield np.clip(np.asarray(coarse) + random.normal(0, 4, (40, 48, 3)), 0, 255).astype(np.uint8)


def jpeg(pixels, quality=60):
    memory = io.BytesIO()
    Image.fromarray(pixels).save(memory, "JPEG", quality=quality, subsampling=0)
    return memory.getvalue()


def decoded(data):
    return np.asarray(Image.open(io.BytesIO(data)))


def test_the_grid_of_jpeg_is_seen_where_it_lies(bench):
    from sources import cut, grid

    plain = list(clouds(12))
    coded = [decoded(jpeg(p)) for p in plain]
    assert grid(coded) > 1.3 > 1.1 > grid(plain) > 0.9
    assert grid(cut(coded, None, (4, 4))) < 1.2
    assert grid(cut(coded, None, (8, 8))) > 1.3


def test_cuts(bench):
    from sources import cut

    picture = np.arange(40 * 48 * 3, dtype=np.int64).reshape(40, 48, 3)
    (made,) = cut([picture], 24, (4, 5))
    assert made.shape == (24, 24, 3) and np.array_equal(made, picture[4:28, 5:29])
    with pytest.raises(AssertionError, match="leaves nothing"):
        cut([picture], 24, (40, 0))


def test_jpeg_files_are_found_by_their_pixels(bench, tmp_path):
    from sources import jpeg_sizes

    files = [jpeg(p, 75) for p in clouds(6)]
    with tarfile.open(tmp_path / "all.tar.xz", "w:xz") as tar:
        for i, data in enumerate(files):
            member = tarfile.TarInfo(f"{'train' if i == 5 else 'test'}/cloud/{i}.jpg")
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    wanted = [decoded(files[i]) for i in (3, 0, 4)]
    assert jpeg_sizes(tmp_path / "all.tar.xz", wanted, "test") == [len(files[i]) for i in (3, 0, 4)]
    with pytest.raises(AssertionError, match="1 of 2 pictures are of none"):
        jpeg_sizes(tmp_path / "all.tar.xz", [decoded(files[5]), decoded(files[0])], "test")


def test_ones_own_pictures_are_made_smaller(bench, tmp_path):
    from sources import grid, read_pictures

    for i, pixels in enumerate(clouds(3)):
        (tmp_path / f"{i}.jpg").write_bytes(jpeg(np.tile(pixels, (4, 4, 1)), 40))
    (tmp_path / "note.txt").write_text("no picture")
    whole, small = read_pictures(tmp_path, 1, 3), read_pictures(tmp_path, 4, 3)
    assert [p.shape for p in small] == [(40, 48, 3)] * 3 and grid(whole) > 1.2 > 1.1 > grid(small)
    assert read_pictures(tmp_path, 8, 1)[0].shape == (20, 24, 1)


def test_coders_of_text_are_primed_by_the_training_text(bench):
    pytest.importorskip("zstandard")
    pytest.importorskip("pyppmd")
    from formats import text_formats

    words = np.random.default_rng(0).integers(97, 123, (60, 6), dtype=np.uint8)
    draw = np.random.default_rng(1)
    train, validation, test = (words[draw.integers(60, size=n)].tobytes() for n in (3000, 150, 150))
    alone, primed = text_formats(test), text_formats(test, train, validation)
    assert {"xz -9e", "zstd -19", "gzip -9", "bz2 -9"} == set(alone) and set(alone) < set(primed)
    for name in ("xz -9e", "zstd -19"):
        assert primed[f"{name}, primed"]["bits"] < 0.85 * primed[name]["bits"]
    ppmd = sorted((name, row["bits"]) for name, row in primed.items() if name.startswith("PPMd"))
    assert len(ppmd) == 2 and min(ppmd)[0].startswith("PPMd, order")
    # A word is one of 60: log2(60) / 6 bits a letter at best.
    bits = dict(ppmd)
    assert np.log2(60) / 6 < next(v for k, v in bits.items() if k.endswith("primed")) < 1.3


def loaded(*options):
    """The rows of bench/serve.py."""
    pytest.importorskip("locust", reason="locust is not installed: pip install locust")
    command = [sys.executable, Path(__file__).parents[2] / "bench" / "serve.py", "speech-digits", "--words", "1"]
    done = subprocess.run([*command, *options], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_server_under_load():
    (row,) = loaded("--streams", "3")
    assert (row["streams"], row["answers"], row["wrong"]) == (3, 6, 0)
    assert row["one_more"]["status"] == 503 and "all 3 places are taken" in row["one_more"]["error"]["message"]


class Silent(http.server.BaseHTTPRequestHandler):
    """Answers with silence, whatever was asked for, and never says that a place is taken."""

    def do_GET(self):
        self.answer(b'{"serving": 2}')

    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.answer(bytes(512))

    def answer(self, body):
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def test_wrong_samples_are_counted():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Silent) as server:
        threading.Thread(target=server.serve_forever).start()
        try:
            (row,) = loaded("--streams", "2", "--rounds", "1", "--url", f"http://127.0.0.1:{server.server_port}")
        finally:
            server.shutdown()
    assert (row["answers"], row["wrong"], row["one_more"]["status"]) == (2, 2, 200)
