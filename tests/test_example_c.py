"""The example in C: built as its Makefile says, with warnings as errors, and compared with the Python runtime. `nox -s
native` says that all it needs is there."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import adr_runtime
import numpy as np
import onnxruntime
import pytest
import soundfile
from adr_runtime.bundles.bundle import shipped
from PIL import Image

SOURCE = Path(__file__).parents[1] / "examples" / "c"
INCLUDE = os.environ.get("ONNXRUNTIME_INCLUDE", "/usr/include/onnxruntime")
HEADERS = "#include <cjson/cJSON.h>\n#include <openssl/sha.h>\n#include <onnxruntime_c_api.h>\n"
WARNINGS = "-O1 -g -Wall -Wextra -Werror"
LARGEST = 1e-4
SOUND = [
    ("speech-digits", {"label": "seven", "seed": 1}),
    ("speech-digits", {"label": "two", "seed": 2**63 + 5, "steps": 2, "sampler": "dpm++"}),
    ("speech-digits", {"label": "zero", "seed": 3, "sampler": "ddpm", "steps": 6, "temperature": 0.7, "seconds": 3}),
    ("speech-digits", {"label": "one", "speaker": "theo", "seed": 2**53 + 1, "guidance": 1.25, "steps": 3}),
    ("speech-digits", {"speaker": "theo", "seed": 4, "guidance": 2, "steps": 5, "sampler": "dpm++"}),
    ("speech-digits", {"seed": 5, "seconds": 0.2, "temperature": 0, "sampler": "ddpm"}),
    # A decoder that runs late, a growing cache, operators of the standard alone, an end that random weights place.
    ("sound", {"label": "mid", "seed": 6, "seconds": 1.5}),
    ("sound", {"label": "high", "seed": 7, "guidance": 1, "sampler": "ddpm"}),
    ("softmax-sound", {"label": "low", "seed": 8, "steps": 7, "sampler": "dpm++", "seconds": 0.8}),
    ("portable-sound", {"label": "low", "seed": 9, "seconds": 0.3}),
    ("latent", {"label": "mid", "speaker": "ben", "seed": 10}),
    ("sung", {"label": "mid", "speaker": "ben", "seed": 15}),
    ("latent", {"seed": 11, "steps": 50, "sampler": "ddpm", "seconds": 0.4}),
    # Controls, which are the null ones: with guidance two rows that are told the same, and without.
    ("told", {"seed": 12, "seconds": 0.3}),
    ("told", {"seed": 13, "guidance": 1, "sampler": "ddpm", "steps": 4}),
    ("voice", {"speaker": "ben", "seed": 14, "sampler": "dpm++"}),
]
PICTURES = [
    ("digits", {"label": "7", "seed": 1}),
    ("digits", {"seed": 2**64 - 1, "steps": 4, "sampler": "ddpm"}),
    ("digits", {"label": "0", "seed": 3, "guidance": 1, "steps": 5, "sampler": "dpm++", "temperature": 0.6}),
    ("cifar10", {"label": "horse", "seed": 1}),
    ("cifar10", {"label": "ship", "seed": 2, "guidance": 1, "steps": 3, "sampler": "ddim"}),
    # A learned variance and a head that predicts epsilon; a pyramid.
    ("picture", {"label": "bar", "seed": 4, "steps": 9, "sampler": "ddpm"}),
    ("pyramid", {"label": "dot", "seed": 5}),
    # Other numbers for the thumbnail than for the details.
    ("cifar10", {"label": "ship", "seed": 6, "steps": [6, 3, 2], "temperature": [1.1, 1, 0.9], "guidance": [1, 4, 2]}),
    ("digits", {"label": "8", "seed": 7, "steps": [5, 3], "guidance": [1, 1], "sampler": "ddpm"}),
]


def name(case):
    return " ".join([case[0], *(f"{key}={value}" for key, value in case[1].items())])


def library() -> Path | None:
    """The library that Python's ONNX Runtime has come with: some of its versions have all of it in one module."""
    return next((Path(onnxruntime.__file__).parent / "capi").glob("libonnxruntime.so*"), None)


def obstacle() -> str | None:
    if not shutil.which("cc") or not shutil.which("make"):
        return "there is no C compiler, or no make"
    command = ["cc", "-I", INCLUDE, "-E", "-x", "c", "-o", os.devnull, "-"]
    done = subprocess.run(command, input=HEADERS, capture_output=True, text=True)
    if done.returncode:
        return f"see examples/c/README.md: {done.stderr.splitlines()[0]}"
    return None if library() else "the installed onnxruntime has no libonnxruntime.so"


def build(folder: Path, flags: str) -> Path:
    made = subprocess.run(
        ["make", f"BUILD={folder}", f"CFLAGS={flags}", f"ONNXRUNTIME_LIBRARY={library()}",
         f"ONNXRUNTIME_INCLUDE={INCLUDE}"], cwd=SOURCE, capture_output=True, text=True,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    return folder / "adr-generate"


@pytest.fixture(scope="module")
def program(tmp_path_factory) -> Path:
    missing = obstacle()
    if missing and os.environ.get("ADR_NATIVE"):
        pytest.fail(missing)
    if missing:
        pytest.skip(missing)
    return build(tmp_path_factory.mktemp("native"), WARNINGS)


@pytest.fixture
def generate(program, tmp_path):
    """generate(bundle, "--label", "seven") runs the program in an empty folder -> CompletedProcess of text."""

    def run(*arguments: object, program: Path = program):
        return subprocess.run([program, *map(str, arguments)], cwd=tmp_path, capture_output=True, text=True)

    return run


def options(arguments):
    for key, value in arguments.items():
        yield from (f"--{key}", ":".join(map(str, value)) if isinstance(value, list) else value)


def agree(case, made, expected):
    assert made.shape == expected.shape
    difference = np.abs(made.astype(np.float64) - expected).max()
    print(f"{name(case)}: {difference:.3g}")
    assert difference <= LARGEST


@pytest.fixture
def folder_of(request):
    """The folder of a bundle with random weights by its name, or of a shipped one."""
    exported = request.getfixturevalue("exported")
    return lambda bundle: exported[bundle] if bundle in exported else shipped()[bundle]


@pytest.mark.parametrize("case", SOUND, ids=name)
def test_sound_is_that_of_python(case, generate, folder_of, tmp_path):
    bundle, arguments = case
    done = generate(folder_of(bundle), *options(arguments), "--out", "made.wav")
    assert done.returncode == 0 and done.stdout.endswith(f", seed {arguments['seed']}\n"), done.stderr
    made, rate = soundfile.read(tmp_path / "made.wav", dtype="float32")
    expected = adr_runtime.AudioModel.load(folder_of(bundle), "cpu").generate(**arguments)
    assert rate == expected.sample_rate and [path.name for path in tmp_path.iterdir()] == ["made.wav"]
    agree(case, made, expected.clips[0])


@pytest.mark.parametrize("case", PICTURES, ids=name)
def test_pictures_are_those_of_python(case, generate, folder_of, tmp_path):
    bundle, arguments = case
    done = generate(folder_of(bundle), *options(arguments), "--out", "made.ppm")
    assert done.returncode == 0, done.stderr
    expected = adr_runtime.ImageModel.load(folder_of(bundle), "cpu").generate(count=1, **arguments).pixels[0]
    agree(case, np.asarray(Image.open(tmp_path / "made.ppm")).reshape(expected.shape), expected)


def test_defaults_by_parts(generate, damaged, tmp_path):
    folder = damaged("digits")
    rewrite(folder / "manifest.json", '"steps": 25', '"steps": [4, 2]')
    done = generate(folder, "--seed", 8, "--out", "made.pgm")
    assert done.returncode == 0, done.stderr
    expected = adr_runtime.ImageModel.load(folder, "cpu").generate(count=1, seed=8).pixels[0, ..., 0]
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "made.pgm")), expected)


@pytest.mark.parametrize(
    "bundle", ["speech-digits", "digits", "cifar10", "sound", "latent", "told", "voice", "picture", "softmax-sound"]
)
def test_self_test(bundle, generate, folder_of):
    done = generate(folder_of(bundle), "--self-test")
    assert done.returncode == 0 and done.stdout.endswith("\nok\n"), done.stdout + done.stderr
    differences = [float(line.split()[3]) for line in done.stdout.splitlines()[:-1]]
    assert len(differences) == 6 and max(differences) <= LARGEST


def first(values):
    """The innermost list that holds the first number."""
    return first(values[0]) if isinstance(values[0], list) else values


@pytest.mark.parametrize(
    ("part", "key"),
    [("noise", "values"), ("samplers", "coefficients"), ("samplers", "timesteps"), ("results", "first_tokens"),
     ("results", "samples")],
)  # fmt: skip
def test_self_test_fails(part, key, generate, damaged):
    folder = damaged("speech-digits")
    vectors = json.loads((folder / "vectors.json").read_text())
    first(vectors[part][0][key])[0] += 1
    (folder / "vectors.json").write_text(json.dumps(vectors))
    done = generate(folder, "--self-test")
    assert done.returncode == 1 and done.stdout.endswith("\nFAILED\n") and done.stdout.count("too much") == 1


@pytest.fixture
def damaged(tmp_path):
    """damaged(name) -> a copy of a shipped bundle to damage."""
    return lambda bundle: Path(shutil.copytree(shipped()[bundle], tmp_path / "copy"))


def refuse(done, *says):
    lines = done.stderr.splitlines()
    assert done.returncode == 2 and len(lines) == 1 and lines[0].startswith("adr-generate: "), done.stderr
    assert all(part in lines[0] for part in says), lines[0]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--label", "eleven"], "unknown label 'eleven'; speech-digits knows zero, one, two"),
        (["--speaker", "nobody"], "unknown speaker 'nobody'; speech-digits knows"),
        (["--sampler", "euler"], "unknown sampler 'euler'; there are ddpm, ddim, dpm++"),
        (["--steps", "0"], "steps must be a number from 1 to 1000"),
        (["--steps", "2.5"], "steps must be a whole number"),
        (["--guidance", "1x"], "guidance must be a number from 0 to 100"),
        (["--temperature", "nan"], "temperature must be a number from 0 to 10"),
        (["--seed", "-1"], "seed must be a whole number from 0 to 2^64 - 1, not '-1'"),
        (["--seed", str(2**64)], "seed must be a whole number from 0 to 2^64 - 1"),
        (["--steps", "3:2"], "steps is one number for sound"),
        (["--steps", "3::3"], "steps must be a number from 1 to 1000"),
        (["--seconds", "inf"], "seconds must be a number from 0 to"),
        (["--colour", "red"], "unknown option --colour"),
        (["--label"], "--label needs a value"),
        (["--out", "nowhere/made.wav"], "nowhere/made.wav.part: No such file or directory"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_wrong_arguments(arguments, says, generate, tmp_path):
    refuse(generate(shipped()["speech-digits"], "--out", "made.wav", *arguments), says)
    assert not list(tmp_path.iterdir())


def test_other_refusals(generate, tmp_path):
    bundles = shipped()
    refuse(generate(bundles["digits"], "--label", "7"), "give --out FILE, or --self-test alone")
    refuse(generate(bundles["digits"], "--seconds", "1", "--out", "made.pgm"), "digits makes pictures")
    refuse(generate(bundles["digits"], "--steps", "3:2:1", "--out", "made.pgm"), "3 values, which 16 tokens cannot")
    refuse(generate(bundles["digits-any"], "--out", "made.pgm"), "family adr")
    refuse(generate(tmp_path / "nothing", "--out", "made.pgm"), "manifest.json: missing")
    refuse(generate(), "give a bundle's folder")
    assert not list(tmp_path.iterdir())


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def rewrite(path: Path, before: str, after: str) -> None:
    assert before in path.read_text()
    path.write_text(path.read_text().replace(before, after, 1))


@pytest.mark.parametrize(
    ("file", "harm", "says"),
    [
        ("head.onnx", Path.unlink, "head.onnx: missing; fetch or export the bundle again"),
        ("step.onnx", flip, "step.onnx: damaged: SHA-256 expected"),
        ("decode.onnx", lambda path: path.write_bytes(path.read_bytes()[:-1]), "decode.onnx: damaged"),
        ("decode.onnx", lambda path: path.write_bytes(path.read_bytes() + b"0"), "decode.onnx: too long"),
        ("manifest.json", lambda path: path.write_text("{"), "manifest.json: not JSON"),
        ("manifest.json", lambda path: rewrite(path, '"1.25.1"', '"99.0.0"'), "needs ONNX Runtime 99.0.0 or newer"),
        ("manifest.json", lambda path: rewrite(path, "step.onnx", "../step.onnx"), "no plain file name"),
        ("manifest.json", lambda path: rewrite(path, '"schema_version": 1', '"schema_version": 2'), "schema_version"),
        ("manifest.json", lambda path: rewrite(path, '"hop": 512', '"hop": 511'), "decode.onnx: samples has not the"),
        ("manifest.json", lambda path: rewrite(path, '"present.position"', '"present.nothing"'), "step.onnx: "),
        ("manifest.json", lambda path: rewrite(path, '"channels": 64', '"channels": 65'), "has not the 65 values"),
    ],
)  # fmt: skip
def test_damaged_bundles(file, harm, says, generate, damaged, tmp_path):
    folder = damaged("speech-digits")
    harm(folder / file)
    refuse(generate(folder, "--label", "seven", "--seed", 1, "--out", "made.wav"), says)
    assert [path.name for path in tmp_path.iterdir()] == ["copy"]


def test_vectors_of_another_bundle(generate, damaged):
    folder = damaged("digits")
    shutil.copy(shipped()["cifar10"] / "vectors.json", folder)
    refuse(generate(folder, "--self-test"), "vectors.json: belongs to another bundle")
    (folder / "vectors.json").unlink()
    refuse(generate(folder, "--self-test"), "vectors.json: missing")


def test_memory_is_used_rightly_and_given_back(program, generate, folder_of, tmp_path):
    """Under AddressSanitizer, which also finds leaks, and UndefinedBehaviorSanitizer; nothing is left in the home."""
    flags = f"{WARNINGS} -fsanitize=address,undefined -fno-sanitize-recover=all"
    sanitized = build(tmp_path / "sanitized", flags)
    home = tmp_path / "home"
    home.mkdir()
    runs = [
        [shipped()["speech-digits"], "--label", "six", "--speaker", "theo", "--guidance", 1.5, "--out", "made.wav"],
        [folder_of("sound"), "--label", "mid", "--seconds", 3, "--sampler", "ddpm", "--out", "made.wav"],
        [shipped()["digits"], "--label", "7", "--sampler", "dpm++", "--steps", 3, "--out", "made.pgm"],
        [shipped()["speech-digits"], "--self-test"],
        [folder_of("softmax-sound"), "--self-test"],
    ]
    for arguments in runs:
        done = subprocess.run(
            [sanitized, *map(str, arguments)], cwd=tmp_path, capture_output=True, text=True,
            env={**os.environ, "HOME": str(home), "XDG_CACHE_HOME": str(home), "TMPDIR": str(home)},
        )  # fmt: skip
        assert done.returncode == 0 and not done.stderr, done.stderr
    assert not list(home.iterdir())
