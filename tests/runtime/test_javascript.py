"""States of streams that go from Python to JavaScript and back, what tokens are told, any-order models: in both.

`nox -s javascript` installs what this needs.
"""

import base64
import json
import os
import shutil
import subprocess
from pathlib import Path

import adr_runtime
import numpy as np
import pytest
from adr_runtime.bundles.bundle import shipped

PACKAGE = Path(__file__).parents[2] / "runtime" / "js"
installed = shutil.which("node") and (PACKAGE / "node_modules" / "onnxruntime-node").is_dir()
pytestmark = pytest.mark.skipif(
    not installed and not os.environ.get("ADR_JAVASCRIPT"), reason="needs Node.js and npm ci in runtime/js"
)
STREAMS = [
    {"playlist": ["three", "one"], "cycle": True, "seed": 2**63 + 9, "chunk_tokens": 2},
    {"label": "seven", "seed": 5, "steps": 3, "sampler": "ddpm", "temperature": 0.8, "speaker": "theo"},
    {"label": ["two", None, "nine"], "guidance": 1.5, "seed": 6, "steps": 2},
]


def javascript(options, state=b""):
    """Four chunks (rows, samples), a state, and the four chunks after it, as the JavaScript runtime makes them."""
    renamed = {("chunkTokens" if k == "chunk_tokens" else k): v for k, v in options.items()} | {
        "seed": str(options["seed"])
    }
    done = subprocess.run(
        ["node", "test/stream_state.js", str(shipped()["speech-digits"]), json.dumps(renamed)], cwd=PACKAGE,
        input=base64.b64encode(state).decode(), capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    return np.array(found["before"]), base64.b64decode(found["state"]), np.array(found["after"])


def take(stream):
    return np.concatenate([next(stream) for _ in range(4)], 1)


@pytest.mark.parametrize("options", STREAMS, ids=["playlist", "speaker", "rows"])
def test_a_stream_goes_on_in_the_other_language(options):
    model = adr_runtime.AudioModel.load("speech-digits", "cpu")
    stream = model.stream(**options)
    expected = [take(stream) for _ in range(3)]
    before, state, after = javascript(options)
    for found, mine in zip((before, after), expected, strict=False):
        np.testing.assert_allclose(found, mine, rtol=0, atol=1e-4)
    # What JavaScript saved goes on here, and what is saved here goes on there.
    resumed = model.resume(state)
    assert resumed.seed == options["seed"]
    np.testing.assert_allclose(take(resumed), expected[1], rtol=0, atol=1e-4)
    again, _, _ = javascript(options, resumed.state())
    np.testing.assert_allclose(again, expected[2], rtol=0, atol=1e-4)


def run_told(folder, sent):
    return subprocess.run(
        ["node", "test/told_stream.js", str(folder)], cwd=PACKAGE, input=json.dumps(sent), capture_output=True,
        text=True,
    )  # fmt: skip


def told(folder, **sent):
    """What the JavaScript runtime makes of controls: whether its self test passes, clips (rows, samples), the same by
    pieces, and the states behind the first chunk of each piece."""
    done = run_told(folder, sent)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    states = [base64.b64decode(state) for state in found["states"]]
    return found["passed"], np.array(found["clips"]), np.array(found["streamed"]), states


@pytest.mark.parametrize(
    ("name", "options", "names"),
    [
        ("told", {"seed": 4, "steps": 3, "sampler": "ddim", "guidance": 2.5}, ["phone", "place"]),
        ("told", {"seed": 1, "steps": 3, "guidance": 1.5, "prompt": [0.25, -0.5] * 13}, ["place", "phone"]),
        ("told", {"seed": 2**63 + 9, "steps": 4, "sampler": "ddpm", "guidance": 1, "count": 3}, ["place"]),
        ("voice", {"seed": 5, "steps": 2, "speaker": "ben", "guidance": 1.5}, ["phone", "after", "since", "left"]),
    ],
    ids=["told", "prompt", "rows", "voice"],
)
def test_controls(exported, name, options, names):
    """A control that is not given has its null class; so have some tokens of those that are."""
    model, rng = adr_runtime.AudioModel.load(exported[name], "cpu"), np.random.default_rng(0)
    classes = {control.name: control.classes for control in model.manifest.controls}
    shape = (options["count"], 9) if "count" in options else (9,)
    whole = {control: rng.integers(0, classes[control] + 1, shape) for control in names}
    pieces = [{control: values[..., part] for control, values in whole.items()} for part in (slice(4), slice(4, 9))]
    whole_listed, *pieces_listed = ({k: v.tolist() for k, v in piece.items()} for piece in (whole, *pieces))
    sent = {**options, "seed": str(options["seed"]), "controls": whole_listed, "pieces": pieces_listed}
    passed, clips, streamed, states = told(exported[name], **sent)
    expected = model.generate(controls=whole, **options).samples
    assert passed
    np.testing.assert_array_equal(clips, expected)
    # Of a stream, what comes before the first chunk is no part.
    made = expected[:, -streamed.shape[1] :]
    assert expected.shape[1] - made.shape[1] == len(options.get("prompt", [])) // 8 * 8
    np.testing.assert_array_equal(streamed, made)
    # What JavaScript saved in the middle of a piece goes on here, and what is saved here goes on there.
    stream = model.resume(states[0])
    rest = np.concatenate([*stream, *stream.extend(pieces[1])], 1)
    np.testing.assert_array_equal(rest, expected[:, -rest.shape[1] :])
    stream = model.stream(controls=pieces[0], **options)
    before = next(stream)
    sent |= {"pieces": pieces_listed[1:], "state": base64.b64encode(stream.state()).decode()}
    _, _, streamed, _ = told(exported[name], **sent)
    np.testing.assert_array_equal(np.concatenate([before, streamed], 1), made)


def test_a_state_with_controls_that_the_model_has_not_is_refused(exported):
    controls = {"phone": [5, 1], "place": [3, 0]}
    stream = adr_runtime.AudioModel.load(exported["told"], "cpu").stream(controls=controls, seed=1, steps=2)
    stream.progress.controls = stream.progress.controls + [1, 0]
    state = base64.b64encode(stream.state()).decode()
    sent = {"seed": "1", "steps": 2, "controls": controls, "pieces": [controls], "state": state}
    done = run_told(exported["told"], sent)
    says = "[DamagedFileError]: the stream's state: controls: expected classes that the model has"
    assert done.returncode and says in done.stderr, done.stderr


@pytest.mark.parametrize(
    ("prompt", "says"),
    [([0.5] * 3, "the prompt has 3 samples; told needs at least 8"), (["NaN"] * 9, "finite samples")],
)
def test_recordings_to_go_on_from_are_checked(exported, prompt, says):
    controls = {"phone": [5, 1], "place": [3, 0]}
    sent = {"seed": "1", "steps": 2, "controls": controls, "pieces": [controls], "prompt": prompt}
    done = run_told(exported["told"], sent)
    assert done.returncode and says in done.stderr, done.stderr


def in_any_order(folder, call, **options):
    """What the JavaScript runtime makes with these options, arrays among them as Python takes them."""

    def spelled(value):
        return base64.b64encode(np.ascontiguousarray(value).tobytes()).decode()

    sent = {"picture": lambda p: {"pixels": spelled(p), "height": len(p), "width": p.shape[1]}, "mask": spelled}
    sent |= {"prompt": lambda p: spelled(np.float32(p / 32768)), "seed": str}
    done = subprocess.run(
        ["node", "test/any_order_call.js", str(folder), call], cwd=PACKAGE, capture_output=True, text=True,
        input=json.dumps({key: sent.get(key, lambda v: v)(value) for key, value in options.items()}),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("name", ["greys", "colours"])
def test_pictures_in_any_order(any_order, name):
    """Networks of several stages and of both kinds, whole pictures and one of several windows."""
    model, options = adr_runtime.load(any_order[name], "cpu"), {"count": 3, "seed": 2**64 - 3, "steps": 9}
    assert in_any_order(any_order[name], "generate", **options) == model.generate(**options).pixels.ravel().tolist()
    rng, (rows, columns, channels) = np.random.default_rng(0), model.variables.shape
    picture = rng.integers(0, 256, (2 * rows + 1, columns + 1, channels)).astype(np.uint8)
    options |= {"picture": picture, "mask": rng.random(picture.shape[:2]) < 0.6}
    assert in_any_order(any_order[name], "fill", **options) == model.generate(**options).pixels.ravel().tolist()


def test_text_and_sound_in_any_order(any_order):
    options = {"template": "to be ??? not to be, that is the ?", "count": 2, "seed": 2**53 + 1}
    expected = adr_runtime.load(any_order["symbols"], "cpu").fill_text(**options)
    assert in_any_order(any_order["symbols"], "fill", **options) == list(expected.texts)
    sound = {"seconds": 0.005, "prompt": (np.sin(np.arange(9)) * 9999).astype(np.int16), "count": 2, "seed": 3}
    expected = adr_runtime.load(any_order["samples"], "cpu").generate_audio(**sound)
    assert in_any_order(any_order["samples"], "generate", **sound) == expected.samples.tolist()
