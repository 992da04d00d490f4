"""Command lines of adr-run: right ones, of which some words are replaced by what nobody should have typed.

Right values are small, so that whatever is accepted ends soon; wrong ones are beyond all that can be meant. What is
written goes below the working directory: devices to write to are made there.
"""

import os
import signal
import stat
from pathlib import Path
from random import Random

from .cases import Case, WrongResult
from .mutate import STRINGS
from .shell import check, interrupted, run, run_program

INTEGERS = (
    "0", "-1", "-0", "4097", "1e3", "1.5", "", "x", "2147483648", "4294967296", "18446744073709551616", "9" * 20,
    "-" + "9" * 30, "9" * 5000, "0x10", "１", "nan", "None",
)  # fmt: skip
FLOATS = (
    "nan", "inf", "-inf", "-1", "1e-320", "-0.0", "1e308", "1e999", "", "x", "0", "1_0", "9" * 400, "0.5.5", "1e-9",
)  # fmt: skip
WORDS = (
    *(s for s in STRINGS if "\0" not in s and "\ud800" not in s), os.fsdecode(b"\xff\xfe"), "--", "-n", "'", "$(x)",
)  # fmt: skip
SOURCES = (
    "/dev/null", "/dev/zero", "/dev/full", "/proc/self/mem", "/proc/self/environ", "/etc/passwd", "pipe", "loop",
    "empty", ".", "/root/none", "rgb.png/x", "locked.png", "folder.png",
)  # fmt: skip
TARGETS = (
    "pipe", "device", "loop.png", "folder", "folder.png", "none/x.png", "../x.png", "x", ".", "..", "", "[red]x.wav",
    "\x1b[31m.png", "two\nlines.png", "n" * 255 + ".png", "n" * 300, os.fsdecode(b"\xff.png"), ".png", "-x.png",
    "x.jpg", "rgb.png/x.png", "full/x.png", "pipe.wav", "device.wav", "device.png",
)  # fmt: skip
# Options by their kind of value: right ones, wrong ones.
VALUES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "count": (("1", "2"), INTEGERS), "steps": (("1", "2", "6"), INTEGERS), "seed": (("0", "7"), INTEGERS),
    "scale": (("1", "3"), (*INTEGERS, "100000", "2147483647")), "threads": (("1", "2"), (*INTEGERS, "2048", "100000")),
    "seconds": (("0.05", "0.1"), FLOATS), "temperature": (("1", "0.5", "0"), FLOATS), "guidance": (("1", "2"), FLOATS),
    "realtime": (("2",), FLOATS), "length": (("5", "40"), INTEGERS), "sampler": (("ddim", "ddpm", "dpm++"), WORDS),
    "provider": (("cpu", "auto"), WORDS), "label": (("low", "dot", "none"), WORDS), "labels": (("low high",), WORDS),
    "speaker": (("ann",), WORDS), "template": (("to be ??? not", "?"), WORDS), "hole": (("?", "_"), WORDS),
    "prompt": (("rgb.png", "mono.wav"), SOURCES), "fill": (("rgb.png", "grey.png"), SOURCES),
    "mask": (("mask.png",), SOURCES), "source": (("rgb.png", "likely.txt", "tree"), SOURCES),
    "packed": (("likely.txt.ardm", "tree.ardm", "rgb.png.ardm"), SOURCES),
    "out": (("out.png", "out.wav", "out.flac", "out.ardm", "new"), (*TARGETS, "-")),
    "plot": (("plot.png",), (*TARGETS, "-")), "what": (("rgb.png", "profile.png", "mono.wav"), (*SOURCES, *WORDS)),
}  # fmt: skip
SHARED = ("count", "out", "steps", "temperature", "seed", "provider", "threads")
COMMANDS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "image": ((), (*SHARED, "label", "scale", "sampler", "guidance", "prompt", "fill", "mask", "--separate")),
    "audio": ((), (*SHARED, "label", "labels", "speaker", "seconds", "plot", "--stream", "realtime", "sampler",
                   "guidance", "prompt")),
    "text": ((), ("template", "hole", "length", "count", "steps", "seed", "temperature", "provider", "threads")),
    "compress": (("source", "out"), ("steps", "seed", "provider", "threads", "--no-verify")),
    "decompress": (("packed", "out"), ()),
    "score": (("source",), ("steps", "seed", "provider", "threads")),
    "info": (("what",), ()),
}  # fmt: skip


def attack(case: Case) -> str:
    random = case.random
    prepare(case)
    words = command_line(case)
    before = [path for path in case.work.iterdir() if not stat.S_ISREG(path.lstat().st_mode)]
    chance = random.random()
    if chance < 0.02:
        done = interrupted(case, random.choice((signal.SIGINT, signal.SIGTERM)), random.choice((0.0, 0.1, 0.3)), *words)
    else:
        done = run_program(case, *words) if chance < 0.05 else run(case, *words)
    replaced = [p.name for p in before if not p.is_symlink() and (not p.exists() or stat.S_ISREG(p.lstat().st_mode))]
    if replaced:
        raise WrongResult(f"{replaced[0]}, which was no regular file, was replaced")
    check(done)
    return " ".join(words)[:200]


def prepare(case: Case) -> None:
    """The files that command lines speak of, and things that are no files."""
    media = case.seeds.media
    for name in ("rgb.png", "grey.png", "mask.png", "profile.png", "mono.wav", "likely.txt"):
        (case.work / name).write_bytes(media[name])
    for name in ("likely.txt", "rgb.png", "tree"):
        (case.work / f"{name}.ardm").write_bytes(case.seeds.containers[name])
    for name in ("folder", "folder.png", "tree"):
        (case.work / name).mkdir()
    (case.work / "tree" / "odd 12:30.txt").write_bytes(b"x")
    (case.work / "tree" / "rgb.png").write_bytes(media["rgb.png"])
    (case.work / "empty").write_bytes(b"")
    (case.work / "locked.png").touch(0)
    for name in ("loop", "loop.png"):
        (case.work / name).symlink_to(name)
    for name in ("pipe", "pipe.wav"):
        os.mkfifo(case.work / name)
    for name in ("device", "device.wav", "device.png"):
        make_device(case.work / name)


def make_device(path: Path) -> None:
    """A null device of our own, where we may; else a pipe."""
    try:
        os.mknod(path, 0o600 | stat.S_IFCHR, os.makedev(1, 3))
    except OSError:
        os.mkfifo(path)


def command_line(case: Case) -> list[str]:
    random = case.random
    name = random.choices(list(COMMANDS), (22, 24, 14, 12, 10, 10, 8))[0]
    positions, options = COMMANDS[name]
    # One or two things are wrong; the rest is right, so that it gets far enough to matter.
    chosen = random.sample(options, random.randrange(min(len(options), 6) + 1))
    wrong = set(random.sample((*positions, *chosen), min(random.choice((0, 1, 1, 2)), len(positions) + len(chosen))))
    words = [name, *(pick(random, option, option in wrong) for option in positions)]
    for option in chosen:
        if option.startswith("--"):
            words.append(option)
        else:
            words += [f"--{option}", pick(random, option, option in wrong)]
    words += model_words(case, name)
    if name == "audio" and "--seconds" not in words:
        # A second by the model of samples takes a thousand windows.
        words += ["--seconds", "0.02"]
    if random.random() < 0.3:
        words.append("--json")
    if random.random() < 0.05:
        words.insert(random.randrange(len(words) + 1), random.choice(WORDS))
    # Sound without end into a pipe is no mistake.
    endless = {"inf", "1e999", "9" * 400} & set(words) and "-" in words
    return [word for word in words if not endless or word != "-"]


def pick(random: Random, option: str, wrong: bool) -> str:
    return random.choice(VALUES[option][wrong])


def model_words(case: Case, name: str) -> list[str]:
    """A model that suits, mostly: shipped ones are large."""
    random, bundles = case.random, case.seeds.bundles
    suits = {
        "image": ("picture", "colours", "greys"), "audio": ("latent", "samples"), "text": ("symbols",),
    }.get(name, ("symbols", "colours"))  # fmt: skip
    if name == "info":
        return []
    if len(suits) == 2 and "symbols" in suits:
        return [part for one in suits for part in ("--model", str(bundles[one]))]
    model = random.choice(suits) if random.random() < 0.9 else random.choice(list(bundles))
    return ["--model", str(bundles[model])]
