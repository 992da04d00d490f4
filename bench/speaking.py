"""What speaking costs on one core of a CPU: the real-time factor, the first sound, a whole process, and memory.

Sentences are spoken token by token, as a stream gives them, and whole; a first round is not counted. Then the installed
command says a short sentence, process and all, and reads a long text into a pipe while its memory is looked at. With
two voices, or more, they take turns, so that their ratio stands beside other work too.

    python bench/speaking.py voice --text book.txt --seconds 3600
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import adr_runtime
import numpy as np
import soundfile

TEXT = "Turn left in two hundred metres. The meeting begins at half past nine, and nobody knows how long it is to take."
SHORT = "Turn left in two hundred metres."
LOOKS = 8


def token_by_token(model: adr_runtime.AudioModel, steps: int) -> tuple[float, float, float]:
    """Seconds that were taken, seconds of speech, and seconds to the first sound."""
    began, first, samples = time.perf_counter(), 0.0, 0
    for chunk in model.speak(TEXT, speaker=model.speakers[0], steps=steps, seed=1):
        first = first or time.perf_counter() - began
        samples += chunk.shape[1]
    return time.perf_counter() - began, samples / model.sample_rate, first


def whole(model: adr_runtime.AudioModel, steps: int) -> tuple[float, float, float]:
    began = time.perf_counter()
    audio = model.generate(text=TEXT, speaker=model.speakers[0], steps=steps, seed=1)
    taken = time.perf_counter() - began
    return taken, audio.samples.shape[1] / model.sample_rate, taken


def in_memory(names: list[str], all_steps: list[int], rounds: int) -> None:
    models = [adr_runtime.AudioModel.load(name, "cpu", 1) for name in names]
    ways: list[Callable[[adr_runtime.AudioModel, int], tuple[float, float, float]]] = [token_by_token, whole]
    for steps in all_steps:
        taken = np.array([
            [[way(model, steps) for way in ways] for model in models] for _ in range(rounds + 1)
        ])[1:]  # fmt: skip
        factors, first = np.median(taken[..., 0] / taken[..., 1], 0), np.median(taken[..., 0, 2], 0)
        for name, (streamed, collected), sound in zip(names, factors, first, strict=True):
            print(
                f"{name}, {steps} steps: real-time factor {streamed:.3f} token by token, {collected:.3f} whole; first "
                f"sound after {1000 * sound:.0f} ms",
                flush=True,
            )


def whole_process(names: list[str], rounds: int) -> None:
    out = Path("spoken.wav")
    for name in names:
        taken = []
        for _ in range(rounds):
            began = time.perf_counter()
            subprocess.run(
                ["adr-run", "audio", "--model", name, "--text", SHORT, "--threads", "1",
                 "--out", str(out)],
                check=True, capture_output=True,
            )  # fmt: skip
            taken.append(time.perf_counter() - began)
        print(f"{name}: {np.median(taken):.2f} s for a process that says {soundfile.info(str(out)).duration:.2f} s")
        out.unlink()


def read_aloud(name: str, text: Path, seconds: float, rate: int) -> None:
    """Memory at so many points of a long reading, of the process's own (`/proc`, so on Linux alone)."""
    command = ["adr-run", "audio", "--model", name, "--text-file", "-", "--threads", "1"]
    process = subprocess.Popen([*command, "--out", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin and process.stdout
    os.set_blocking(process.stdin.fileno(), False)
    began, samples, looks, words = time.perf_counter(), 0, list[str](), again(text)
    pending = b""
    while samples < seconds * rate:
        pending = pending or next(words)
        try:
            pending = pending[os.write(process.stdin.fileno(), pending) :]
        except BlockingIOError:
            samples += len(os.read(process.stdout.fileno(), 1 << 16)) // 2
        if samples >= seconds * rate * (len(looks) + 1) / LOOKS:
            looks.append(f"{memory(process.pid):.1f}")
    process.kill()
    process.wait()
    taken = time.perf_counter() - began
    print(
        f"{name}: {samples / rate:.0f} s read in {taken:.0f} s ({taken / samples * rate:.3f}); MB on the way: ", end=""
    )
    print(", ".join(looks), flush=True)


def again(text: Path) -> Iterator[bytes]:
    """The lines of a text, from its beginning again where it is over. Lines that nobody can say are left out."""
    lines = [line for line in text.read_text(encoding="utf-8").splitlines() if line.strip() and line.isascii()]
    assert lines, f"{text}: no line of plain English"
    while True:
        for line in lines:
            yield line.encode() + b"\n"


def memory(process: int) -> float:
    """Resident megabytes."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    (line,) = (line for line in lines if line.startswith("VmRSS:"))
    return int(line.split()[1]) * 1024 / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("voices", nargs="+", help="bundles")
    parser.add_argument("--steps", type=int, nargs="+", default=[1, 4, 25])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--text", type=Path, help="what is read aloud; nothing unless given")
    parser.add_argument("--seconds", type=float, default=3600.0, help="of speech that is read aloud")
    options = parser.parse_args()
    in_memory(options.voices, options.steps, options.rounds)
    whole_process(options.voices, options.rounds)
    if options.text:
        if sys.platform != "linux":
            parser.error("--text needs /proc, which only Linux has")
        for name in options.voices:
            rate = adr_runtime.AudioModel.load(name, "cpu", 1).sample_rate
            read_aloud(name, options.text, options.seconds, rate)


if __name__ == "__main__":
    main()
