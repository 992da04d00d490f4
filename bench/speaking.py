"""What speaking costs on one core of a CPU: the real-time factor, the first sound, a whole process, and memory.

Sentences are spoken token by token, as a stream gives them, and whole; a first round is not counted. Then the installed
command says a short sentence, process and all, and reads a long text into a pipe while its memory is looked at. With
two voices, or more, they take turns in all but the reading, so that their ratio stands beside other work too.

    python bench/speaking.py voice --text book.txt --seconds 3600
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from itertools import cycle
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread

import adr_runtime
import numpy as np
import soundfile
from stream import resident

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
    taken: dict[str, list[float]] = {name: [] for name in names}
    with TemporaryDirectory() as folder:
        out = Path(folder) / "spoken.wav"
        for name in names * rounds:
            command = ["adr-run", "audio", "--model", name, "--text", SHORT, "--threads", "1", "--out", str(out)]
            began = time.perf_counter()
            subprocess.run(command, check=True, capture_output=True)
            taken[name].append(time.perf_counter() - began)
        said = soundfile.info(str(out)).duration
    for name, seconds in taken.items():
        print(f"{name}: {np.median(seconds):.2f} s for a process that says {said:.2f} s", flush=True)


def read_aloud(name: str, lines: list[str], seconds: float, rate: int) -> None:
    """Memory at so many points of a long reading, of the process's own (`/proc`, so on Linux alone). The lines are
    written by a thread, and again from the first one where they are over."""
    command = ["adr-run", "audio", "--model", name, "--text-file", "-", "--threads", "1", "--out", "-"]
    began, samples, looks = time.perf_counter(), 0, list[str]()
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0) as process:
        Thread(target=write, args=(process, lines), daemon=True).start()
        assert process.stdout
        while samples < seconds * rate:
            piece = process.stdout.read(1 << 12)
            if not piece:
                raise SystemExit(f"{name}: ended with status {process.wait()} after {samples / rate:.0f} s")
            samples += len(piece) // 2
            if samples >= seconds * rate * (len(looks) + 1) / LOOKS:
                looks.append(f"{resident(process.pid):.1f}")
        taken = time.perf_counter() - began
        process.kill()
    ratio = taken / samples * rate
    print(f"{name}: {samples / rate:.0f} s read in {taken:.0f} s ({ratio:.3f}); MiB on the way: {', '.join(looks)}")


def write(process: subprocess.Popen[bytes], lines: list[str]) -> None:
    assert process.stdin
    with suppress(BrokenPipeError):
        for line in cycle(lines):
            process.stdin.write(line.encode() + b"\n")


def plain_lines(text: Path) -> list[str]:
    """Those that a voice can say: with a letter, and nothing beyond ASCII."""
    lines = text.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line.isascii() and any(map(str.isalpha, line))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("voices", nargs="+", help="bundles")
    parser.add_argument("--steps", type=int, nargs="+", default=[1, 4, 25])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--text", type=Path, help="what is read aloud; nothing unless given")
    parser.add_argument("--seconds", type=float, default=3600.0, help="of speech that is read aloud")
    options = parser.parse_args()
    if options.text and (sys.platform != "linux" or not options.text.is_file()):
        parser.error("--text is a file, and needs Linux, whose /proc tells a process's memory")
    lines = plain_lines(options.text) if options.text else []
    if options.text and not lines:
        parser.error(f"--text {options.text}: no line of plain English")
    in_memory(options.voices, options.steps, options.rounds)
    whole_process(options.voices, options.rounds)
    if lines:
        for name in options.voices:
            rate = adr_runtime.AudioModel.load(name, "cpu", 1).sample_rate
            read_aloud(name, lines, options.seconds, rate)


if __name__ == "__main__":
    main()
