"""Any-order models at work: sampling, filling in, scoring; against PyTorch and against exact probabilities."""

import itertools
import json
import math
import re

import adr_runtime
import numpy as np
import pytest
import torch
from adr_export.onnx_writer import round_weights
from adr_runtime.any_order.config import AnyOrderConfig
from adr_runtime.any_order.network import random_orders
from adr_runtime.errors import BundleError, InputError
from PIL import Image
from random_models import ANY_ORDER, random_any_order


@pytest.mark.parametrize("name", ANY_ORDER)
def test_bits_are_those_of_pytorch(any_order, name):
    model, reference = adr_runtime.load(any_order[name]), random_any_order(ANY_ORDER[name])
    round_weights(reference)
    spec = model.variables
    random = np.random.default_rng(0)
    values = random.integers(spec.levels, size=(2, spec.dimensions))
    order = random_orders(5, np.arange(2), np.arange(spec.dimensions))
    found, calls = model.bits(values, np.zeros(values.shape, bool), order, model.policy(2 * spec.stages))
    expected = np.zeros(2)
    for stage, counts in enumerate(model.policy(2 * spec.stages)):
        known = torch.zeros(2, spec.dimensions, dtype=torch.bool)
        at = 0
        for count in counts:
            index = torch.from_numpy(order[:, at : at + count])
            wide, narrow = spec.width(stage), spec.width(stage + 1)
            every = torch.from_numpy(values)
            low = torch.where(known, every // narrow * narrow, every // wide * wide)
            with torch.no_grad():
                log_p = reference(low, known, torch.full((2,), stage), index)
            digits = torch.gather(every, 1, index) % wide // narrow
            charged = torch.gather(log_p, 2, digits[..., None])[..., 0]
            expected -= (charged.double().sum(1) / math.log(2)).numpy()
            known.scatter_(1, index, True)
            at += count
    assert calls == 2 * spec.stages
    assert found == pytest.approx(expected, rel=1e-4)


def test_samples_follow_the_models_own_probabilities(any_order):
    """Two unknown variables of a small model: frequencies of 4,000 answers against the exact mixture over orders."""
    model = adr_runtime.load(any_order["greys"])
    spec, count = model.variables, 4000
    rest = np.random.default_rng(1).integers(spec.levels, size=spec.dimensions)
    target = np.zeros(spec.dimensions, bool)
    target[[3, 11]] = True
    settings = AnyOrderConfig(steps=spec.dimensions * 3).resolve(model.manifest)
    made = model.sample(np.broadcast_to(rest, (count, spec.dimensions)), ~target, target, settings, seed=1)
    assert (made[:, ~target] == rest[~target]).all()
    seen = np.zeros((6, 6))
    np.add.at(seen, (made[:, 3], made[:, 11]), 1 / count)
    exact = np.zeros((6, 6))
    for a, b in itertools.product(range(6), repeat=2):
        values = rest.copy()
        values[[3, 11]] = a, b
        for order in ((3, 11), (11, 3)):
            bits, _ = model.bits(values[None], ~target[None], np.array([order]), settings.policy)
            exact[a, b] += 2 ** -bits[0] / 2
    assert exact.sum() == pytest.approx(1, abs=1e-4)
    assert np.abs(seen - exact).max() < 4 * math.sqrt(exact.max() / count)
    # Chi-square over the cells that are expected to be hit, with a limit of five standard deviations.
    cells = exact * count > 5
    statistic = ((seen - exact)[cells] ** 2 / exact[cells]).sum() * count
    assert statistic < cells.sum() + 5 * math.sqrt(2 * cells.sum())


def test_known_pixels_stay_in_a_thousand_cases(any_order):
    models = [adr_runtime.load(any_order[name]) for name in ("greys", "colours")]
    random = np.random.default_rng(0)
    for case in range(1000):
        model = models[case % 2]
        shape = model.variables.shape
        picture = random.integers(256, size=shape, dtype=np.uint8)
        mask = random.random(shape[:2]) < random.random()
        made = model.generate(count=1, steps=6, seed=case, picture=picture, mask=mask).pixels
        assert (made[0][~mask] == picture[~mask]).all()
    with pytest.raises(InputError, match="fills in pictures"):
        models[0].generate(picture=np.zeros((4, 6, 3), np.uint8), mask=np.zeros((4, 6), bool))
    with pytest.raises(InputError, match="fills in pictures"):
        models[0].generate(picture=np.zeros((4, 6, 1), np.uint8), mask=np.zeros((6, 4), bool))


def test_rows_depend_on_seed_and_number_alone(any_order):
    model = adr_runtime.load(any_order["greys"])
    many, one = model.generate(count=20, seed=3).pixels, model.generate(count=1, seed=3).pixels
    assert (many[0] == one[0]).all()
    assert (many == model.generate(count=20, seed=3).pixels).all()
    assert (many[1:] != many[:-1]).any((1, 2, 3)).all()
    assert (model.generate(count=20, seed=4).pixels != many).any()
    threads = adr_runtime.load(any_order["greys"], threads=2).generate(count=20, seed=3).pixels
    assert (threads == many).mean() > 0.99


@pytest.mark.parametrize("template", ["to be ??? not", "???", "no hole", "?" * 24])
def test_templates_keep_what_is_no_hole(any_order, template):
    model = adr_runtime.load(any_order["symbols"])
    made = model.fill_text(template, count=5, steps=4, seed=1)
    assert len(made) == len(made.texts) == 5 and made.seed == 1
    for text in made.texts:
        # What fills a hole may be any byte, and several bytes may make one character.
        assert re.fullmatch(re.escape(template).replace(r"\?", ".{0,1}"), text, re.DOTALL), text
    if "?" in template:
        assert len(set(made.texts)) > 1


def test_budgets_out_of_range_are_refused(any_order):
    model = adr_runtime.load(any_order["greys"])
    with pytest.raises(InputError, match="steps must be from 3"):
        model.policy(2)
    assert sum(map(len, model.policy(3 * 24))) == 3 * 24
    for more in (3 * 24 + 1, 10**9):
        with pytest.raises(InputError, match=f"steps must be from 3 .* to 72, not {more}"):
            model.policy(more)
    assert sum(map(len, model.policy(17))) == 17
    assert model.predicted_bits(72) <= model.predicted_bits(6)


def test_the_manifest_is_checked(any_order, tmp_path):
    import shutil

    text = (any_order["greys"] / "manifest.json").read_text()
    for old, new, says in (
        ('"stages":3', '"stages":4', "stages"), ('"levels":6', '"levels":1', "variables.levels"),
        ('"colour":"none"', '"colour":"hsv"', "variables.colour"), ('"kind":"image"', '"kind":"smell"', "kind"),
        ('"colour":"none"', '"colour":"subtract_green"', "variables.colour: expected none of one channel"),
        ('"shape":[4,6,1]', '"shape":[4,6]', "variables.shape"), ('"shape":[4,6,1]', '"shape":[4,7,1]', "step_loss"),
        ('"family":"ardm"', '"family":"ardm","beans":1', "beans"), ('"4":[[', '"5":[[', "policies"),
    ):  # fmt: skip
        folder = tmp_path / "bad"
        shutil.copytree(any_order["greys"], folder)
        assert old in text
        (folder / "manifest.json").write_text(text.replace(old, new, 1))
        with pytest.raises(BundleError, match=says.replace(".", r"\.")):
            adr_runtime.load(folder)
        shutil.rmtree(folder)


def test_pictures_and_text_from_the_command_line(any_order, command, refused, tmp_path):
    greys, symbols = any_order["greys"], any_order["symbols"]
    done = command("adr-run", "image", "--model", greys, "-n", 3, "--seed", 1, "--steps", 7, "--out", "a.png", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["steps"] == 7
    picture = np.random.default_rng(0).integers(256, size=(4, 6), dtype=np.uint8)
    mask = np.zeros((4, 6), np.uint8)
    mask[2:] = 255
    Image.fromarray(picture).save(tmp_path / "p.png")
    Image.fromarray(mask).save(tmp_path / "m.png")
    given = ("--fill", "p.png", "--mask", "m.png", "--model", greys)
    done = command("adr-run", "image", *given, "-n", 2, "--seed", 1, "--separate", "--scale", 1, "--out", "f.png")
    assert done.returncode == 0, done.stderr
    for i in range(2):
        assert (np.asarray(Image.open(tmp_path / f"f-00{i}.png"))[:2] == picture[:2]).all()
    done = command("adr-run", "text", "--model", symbols, "--template", "a??z", "-n", 2, "--seed", 1, "--json")
    assert [t[0] + t[-1] for t in json.loads(done.stdout)["texts"]] == ["az", "az"]
    assert command("adr-run", "info", greys).stdout.count("░") > 10
    Image.fromarray(picture[:3]).save(tmp_path / "small.png")
    for arguments, says in (
        (("image", "--fill", "p.png"), "belong together"),
        (("image", *given, "--label", "3"), "takes no --label"),
        (("image", *given[:4], "--model", "digits"), "any-order model"),
        (("image", "--fill", "small.png", *given[2:]), "of one size"),
        (("image", "--model", symbols), "makes text"),
        (("audio", "--model", symbols), "in any order"),
        (("text", "--model", greys), "makes image"),
        (("text", "--model", symbols, "--hole", "??"), "one ASCII character"),
        (("text", "--model", symbols, "--template", ""), "1 to 1048576 bytes"),
        (("text", "--model", symbols, "--length", "0"), "1 to 1048576"),
        (("image", "--model", greys, "--steps", "1"), "steps must be"),
    ):  # fmt: skip
        refused("adr-run", *arguments, says=(says,))


def test_arrays_that_cannot_be_filled_are_refused_in_one_line(models):
    model, rows = models["colours"], np.zeros((8, 8, 3), np.int64)
    few = AnyOrderConfig(steps=2, seed=0).resolve(model.manifest)
    for values, target in (
        (rows[0], rows[0]), (rows, rows[:, :, :1]), (rows[..., :1], rows[..., :1]), (rows[:0], rows[:0]),
        (rows.astype(float), rows), (np.int64(3), np.int64(1)),
    ):  # fmt: skip
        with pytest.raises(InputError, match="fills in integers of shape"):
            model.fill(values, target, 1, few)
    for picture, mask in (
        (rows, rows[..., 0]), (rows.astype(np.uint8), rows), (np.uint8(3), np.uint8(1)),
        (rows[..., 0].astype(np.uint8), rows[..., 0]), (rows.astype(np.uint8), None),
    ):  # fmt: skip
        with pytest.raises(InputError, match="fills in pictures uint8"):
            model.generate(picture=picture, mask=mask, steps=2)
    with pytest.raises(InputError, match=r"shape \(1, columns, 1\)"):
        models["symbols"].fill(np.zeros((2, 4, 1), np.int64), np.ones((2, 4, 1), bool), 1, few)
