"""The manifest is untrusted: anything but exactly what the schema says is refused, with the field's name."""

import copy
import json

import pytest
from adr_runtime import BundleError
from adr_runtime.bundles.manifest import parse_manifest
from adr_runtime.loading import FAMILIES
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st


@pytest.fixture(scope="module")
def values(exported):
    return json.loads((exported["sound"] / "manifest.json").read_text())


def refuse(values, *says):
    with pytest.raises(BundleError) as caught:
        parse_manifest(values if isinstance(values, str) else json.dumps(values), FAMILIES)
    line = str(caught.value)
    assert "\n" not in line
    for part in says:
        assert part in line, line


def changed(values, path, value):
    values = copy.deepcopy(values)
    at = values
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = value
    return values


def test_round_trip(exported):
    text = (exported["sound"] / "manifest.json").read_text()
    assert parse_manifest(text, FAMILIES).to_json() == text


@pytest.mark.parametrize(
    "path, value, says",
    [
        (["schema_version"], 2, ("schema_version is 2", "reads up to 1", "pip install --upgrade adr-runtime")),
        (["schema_version"], True, ("schema_version", "expected int", "true")),
        (["schema_version"], 0, ("schema_version", "expected 1", "found 0")),
        (["surprise"], 1, ("surprise", "no such key")),
        (["graphs", "step", "file"], "../x", ("graphs.step.file", "inside the bundle", "../x")),
        (["graphs", "step", "file"], "a/b.onnx", ("graphs.step.file",)),
        (["graphs", "step", "file"], "C:\\x", ("graphs.step.file",)),
        (["graphs", "step", "file"], "", ("graphs.step.file",)),
        (["graphs", "step", "file"], "..", ("graphs.step.file",)),
        (["graphs", "step", "bytes"], -1, ("graphs.step.bytes",)),
        (["graphs", "step", "bytes"], 1 << 40, ("graphs.step.bytes",)),
        (["graphs", "other"], {}, ("graphs.other.bytes", "to be there")),
        (["kind"], "video", ("kind", '"audio" or "image"', "video")),
        (["kind"], "image", ("audio", "for sound")),
        (["labels"], "abc", ("labels", "a list")),
        (["labels"], ["a", "a"], ("labels", "no label twice")),
        (["labels", 0], 3, ("labels[0]", "expected str", "3")),
        (["schedule", "betas"], [], ("schedule.betas",)),
        (["schedule", "betas"], [0.1] * 10_001, ("schedule.betas", "1 to 10000")),
        (["schedule", "betas", 3], -0.5, ("schedule.betas",)),
        (["schedule", "clip"], 0, ("schedule.clip",)),
        (["schedule", "prediction"], "score", ("schedule.prediction", "epsilon or velocity")),
        (["audio", "hop"], 1 << 20, ("audio.hop",)),
        (["defaults", "steps"], 51, ("defaults.steps",)),
        (["defaults", "seconds"], "1", ("defaults.seconds", "expected float")),
        (["states", 0, "shape"], ["rows", 1 << 40], ("states: ", "bytes a row")),
        (["states", 0, "shape"], [1, 2], ("states[0].shape", "rows")),
        (["states", 0, "dtype"], "float16", ("states[0]", "a dtype of")),
        (["states", 0, "past"], "past.nothing", ("states[0].past", "an input of step")),
        (["onnxruntime"], ">=1.25.1", ("onnxruntime", "1.25.1")),
        (["onnxruntime"], "1" * 5000, ("onnxruntime", "a version")),
        (["onnxruntime"], None, ("onnxruntime", "expected str")),
        (["states", 0, "shape"], ["rows"] * 7, ("states[0]", "at most 6 dimensions")),
    ],
)
def test_refusals(values, path, value, says):
    refuse(changed(values, path, value), *says)


def test_missing_keys(values):
    for key in sorted(set(values) - {"onnxruntime"}):
        refuse({k: v for k, v in values.items() if k != key}, key)


def test_sound_has_both_graphs_that_take_in_prompts_or_neither(values):
    for missing in ("encode", "parallel"):
        without = {name: graph for name, graph in values["graphs"].items() if name != missing}
        refuse(changed(values, ["graphs"], without), "graphs: expected both encode and parallel, or neither, found")
    neither = {name: graph for name, graph in values["graphs"].items() if name not in ("encode", "parallel")}
    manifest = parse_manifest(json.dumps(changed(values, ["graphs"], neither)), FAMILIES)
    assert set(manifest.graphs) == {"step", "timestep", "head", "decode"}


def test_pictures_may_have_one_and_no_other(exported):
    picture = json.loads((exported["picture"] / "manifest.json").read_text())
    expected = "graphs: expected decode, encode, head, step, timestep, and perhaps parallel, found"
    step = picture["graphs"]["step"]
    refuse(changed(picture, ["graphs", "other"], step), expected)
    refuse(changed(picture, ["graphs", "parallel"], step), "graphs.parallel.inputs: expected")
    del picture["graphs"]["encode"]
    refuse(picture, expected)


def test_a_manifest_that_names_no_onnxruntime_still_loads(values, any_order):
    old = {k: v for k, v in values.items() if k != "onnxruntime"}
    assert parse_manifest(json.dumps(old), FAMILIES).onnxruntime == ""
    other = json.loads((any_order["symbols"] / "manifest.json").read_text())
    assert other.pop("onnxruntime") == "1.23.0" and parse_manifest(json.dumps(other), FAMILIES).onnxruntime == ""


def test_text_that_is_no_manifest(values):
    refuse("", "not JSON")
    refuse("[]", "an object")
    refuse("[" * 100_000, "not JSON")
    refuse(json.dumps(values)[:-1] + ', "kind": "audio"}', "'kind' appears twice")
    refuse(json.dumps(changed(values, ["schedule", "clip"], float("nan"))), "schedule.clip")
    refuse(json.dumps(changed(values, ["schedule", "clip"], float("inf"))), "schedule.clip")


@pytest.mark.parametrize(
    "change, says",
    [
        (lambda m: m["graphs"]["step"].update(bytes=10**400), "not JSON: an integer of 401 digits"),
        (lambda m: m["graphs"]["step"].update(bytes=1 << 64), "graphs.step.bytes: expected int, found 1844674"),
        (lambda m: m["training"].update(minutes=-(10**19)), None),
        (lambda m: m.update(description="\ud800"), "description: expected str"),
        (lambda m: m["training"].update({"\udfff": 1}), "training: expected names that are short text"),
        (lambda m: m.update({"\ud800\n": 1}), "no such key"),
        (lambda m: m.update(description="x" * 70_000), "description: expected up to 65536 characters"),
        (lambda m: m.update({"k" * 70_000: 1}), "no such key"),
        (lambda m: m.update(labels=["a"] * 70_000), "labels: expected a list of up to 65536 values"),
        (lambda m: m.update(states=m["states"] * 1000), "states: expected at most 512"),
        (lambda m: m["graphs"]["step"].update(inputs=m["graphs"]["step"]["inputs"] * 1000), "at most 1024 inputs and"),
        (lambda m: m.update(name=[[[1]]]), "name: expected str, found a list of 1 values"),
    ],
)  # fmt: skip
def test_numbers_texts_and_lists_that_are_too_large(values, change, says):
    values = copy.deepcopy(values)
    change(values)
    if says:
        refuse(values, says)
    else:
        parse_manifest(json.dumps(values), FAMILIES)


def test_duplicates_are_found_in_one_pass():
    """Counting each key again took 5 s for 20,000 keys, and hours for these."""
    pairs = ", ".join(f'"k{i}": 0' for i in range(200_000))
    refuse(f'{{{pairs}, "k77": 1, "k9": 2}}', "key 'k77' appears twice")


def test_deep_values(values):
    deep = "[" * 500 + "]" * 500
    refuse(json.dumps(values)[:-1] + f', "deep": {deep}}}', "deep: expected no such key, found a list of 1 values")


def leaves(value, path=()):
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found = [path] if path else []
    for key, item in items:
        found += leaves(item, (*path, key))
    return found


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(st.data())
def test_no_value_anywhere_crashes_the_parser(values, data):
    """Whatever stands in a place, the answer is a manifest or one BundleError."""
    path = data.draw(st.sampled_from([p for p in leaves(values) if "betas" not in p or p[-1] == "betas"]))
    value = data.draw(
        st.sampled_from(
            [None, True, -1, 0, 1 << 70, 1 << 63, "\ud800", 0.5, "", "x", "../x", [], [1], {}, {"a": 1}, [[]], "rows"]
        )
    )
    try:
        parse_manifest(json.dumps(changed(values, path, value)), FAMILIES)
    except BundleError as error:
        assert "\n" not in str(error)
