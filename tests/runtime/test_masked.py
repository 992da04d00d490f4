"""Masked models at work: the loop against PyTorch, rows that do not depend on each other, what is known comes back."""

import json
import math
import re
import shutil

import adr_runtime
import numpy as np
import pytest
import torch
from adr_export.onnx_writer import round_weights
from adr_models.masked.generate import fill
from adr_runtime.causal.samplers import coefficients
from adr_runtime.errors import BundleError, InputError
from adr_runtime.masked.order import reveal_counts, token_orders
from adr_runtime.philox import normal, normal_at, philox4x32
from PIL import Image
from random_models import MASKED, random_masked

# The largest difference that rounding in ONNX Runtime may make of a pixel, by the batch.
PIXEL = 1


@pytest.fixture(scope="module", params=["masked", "portable-masked", "masked-plain"])
def model(request, masked):
    return adr_runtime.load(masked[request.param], "cpu")


def difference(a, b):
    return int(np.abs(a.astype(int) - b.astype(int)).max())


def picture_of(model, seed=0, scale=1):
    height, width, channels = model.size
    random = np.random.default_rng(seed)
    return random.integers(256, size=(height * scale, width * scale, channels), dtype=np.uint8)


@pytest.mark.parametrize(("groups", "size"), [(1, 1), (1, 18), (3, 6), (3, 16), (8, 4)])
def test_calls_are_dealt_out_to_the_end_of_every_level(groups, size):
    for calls in range(groups, groups * size + 1):
        counts = reveal_counts(calls, groups, size)
        assert len(counts) == calls and sum(counts) == groups * size and min(counts) >= 1
        assert set(np.arange(1, groups + 1) * size) <= set(np.cumsum(counts).tolist())
    assert reveal_counts(999, groups, size) == [1] * (groups * size)
    assert reveal_counts(1, groups, size) == [size] * groups


def test_more_tokens_a_call_towards_the_end():
    """One level: the cosine of MaskGIT as printed, gamma(k / K) = cos(pi k / 2 K) of all tokens masked after call k."""
    counts = reveal_counts(8, 1, 256)
    left = [256 - sum(counts[:k]) for k in range(9)]
    assert all(abs(left[k] - 256 * math.cos(math.pi * k / 16)) <= 0.5 for k in range(9))
    # Half of the calls for a third of the tokens, the thumbnail.
    assert np.cumsum(reveal_counts(12, 3, 16))[[5, 8, 11]].tolist() == [16, 32, 48]


def test_orders_follow_from_seed_and_row_level_by_level():
    tokens = np.array([1, 2, 3, 5, 7, 9, 10, 11])
    rows = np.arange(40)
    orders = token_orders(3, rows, tokens, "levels", 4)
    assert (orders[7] == token_orders(3, np.array([7]), tokens, "levels", 4)[0]).all()
    assert (orders // 4 == tokens // 4).all() and (np.sort(orders, 1) == tokens).all()
    assert len(np.unique(orders, axis=0)) > 30
    free = token_orders(3, rows, tokens, "random", 4)
    assert (np.sort(free, 1) == tokens).all() and (free // 4 != tokens // 4).any()
    word = [int(philox4x32((0, 5, t, 0xFFFFFFFF), (3, 0))[0]) for t in tokens]
    assert free[5].tolist() == [int(t) for _, t in sorted(zip(word, tokens, strict=True))]


def test_noise_side_by_side_is_that_of_the_block():
    block = normal(5, np.arange(3), np.arange(4), np.arange(2), 7)
    row, token = np.array([2, 0, 1]), np.array([3, 3, 0])
    assert (normal_at(5, row, token, np.arange(2)[:, None], 7) == block[token, :, row].transpose(1, 0, 2)).all()


@pytest.mark.parametrize("order", ["levels", "random"])
def test_pictures_are_those_of_pytorch(masked, order):
    model, reference = adr_runtime.load(masked["masked"], "cpu"), random_masked(MASKED)
    round_weights(reference)
    settings = {"calls": 7, "order": order, "steps": 5, "sampler": "dpm++", "guidance": 2.5, "temperature": 0.8}
    images = model.generate(label=["dot", "bar", None], seed=9, **settings)
    rows, tokens = np.arange(3), np.arange(18)
    timestep, table = coefficients(reference.schedule.betas.numpy(), "velocity", False, "dpm++", 5, 0.8)
    initial = torch.from_numpy(normal(9, rows, tokens, np.zeros(1, np.int64), 12)[:, 0].transpose(1, 0, 2).copy())
    groups = 3 if order == "levels" else 1
    made = fill(
        reference, torch.zeros(3, 18, 12), torch.zeros(3, 18, dtype=torch.bool), torch.tensor([0, 1, 2]),
        torch.from_numpy(token_orders(9, rows, tokens, order, 6)), reveal_counts(7, groups, 18 // groups),
        torch.from_numpy(timestep), torch.from_numpy(table), 2.5, 4.0, 0.8 * initial,
    )  # fmt: skip
    pixels = reference.tokens.decode(made, {})[0].clamp(0, 1).mul(255).round().numpy()
    assert images.pixels.shape == (3, 8, 12, 3) and difference(images.pixels, pixels) <= PIXEL


@pytest.mark.parametrize("sampler", ["ddpm", "ddim", "dpm++"])
def test_one_row_or_many(model, sampler):
    """A row is itself whatever is beside it: alone, among 70, which are more than one block of rows, and filled in."""
    options = {"calls": 5, "steps": 3, "sampler": sampler, "guidance": 1.5, "seed": 4}
    many = model.generate(count=70, **options).pixels
    assert difference(model.generate(count=1, **options).pixels[0], many[0]) <= PIXEL
    assert difference(model.generate(count=67, **options).pixels[66], many[66]) <= PIXEL
    assert difference(many[0], many[66]) > PIXEL
    picture = picture_of(model)
    mask = np.arange(picture.shape[1]) < picture.shape[1] // 2
    mask = np.broadcast_to(mask, picture.shape[:2])
    filled = model.fill(picture, mask, count=3, **options).pixels
    assert difference(model.fill(picture, mask, count=1, **options).pixels[0], filled[0]) <= PIXEL
    assert difference(filled[0], filled[2]) > PIXEL


def test_parts_have_their_own_settings(masked):
    """Values by levels, of which those of one level are what a single number would be; so are different noise and steps
    of the last level no change of the tokens before it."""
    model = adr_runtime.load(masked["masked"], "cpu")
    options = {"label": "dot", "count": 2, "calls": 9, "seed": 2, "sampler": "ddim"}
    alike = model.generate(steps=(4, 4, 4), guidance=(2.0, 2.0, 2.0), **options).pixels
    assert (alike == model.generate(steps=4, guidance=2.0, **options).pixels).all()
    one, other = (model.generate(steps=steps, **options).pixels.astype(float) for steps in ((4, 4, 4), (4, 4, 1)))
    assert (one != other).any()
    # Squares of 2 x 2 pixels keep their sums where nothing but the finest luma is another; clipping moves some.
    sums = [x.reshape(2, 4, 2, 6, 2, 3).sum((2, 4)) for x in (one, other)]
    inside = np.ones((2, 4, 6), bool)
    for x in (one, other):
        inside &= ((x > 0) & (x < 255)).reshape(2, 4, 2, 6, 2, 3).all((2, 4, 5))
    assert inside.any() and np.abs(sums[0] - sums[1])[inside].max() <= 4


def test_known_pixels_come_back_and_the_rest_does_not(model):
    height, width, _ = model.size
    random = np.random.default_rng(3)
    for scale, mask in (
        (1, np.arange(height)[:, None].repeat(width, 1) >= height // 2),
        (1, random.random((height, width)) < 0.3), (1, np.ones((height, width))), (1, np.zeros((height, width))),
        (3, random.random((3 * height, 3 * width)) < 0.1),
    ):  # fmt: skip
        picture = picture_of(model, scale=scale)
        made = model.fill(picture, mask, count=2, calls=4, steps=2, seed=1).pixels
        kept = np.asarray(mask) == 0
        assert made.shape == (2, *picture.shape) and (made[:, kept] == picture[kept]).all()
        assert kept.all() or (made[:, ~kept] != picture[~kept]).mean() > 0.8
    ragged = picture_of(model)[: height - 1, : width - 3]
    mask = np.arange(height - 1)[:, None].repeat(width - 3, 1) < 2
    made = model.fill(ragged, mask, calls=4, steps=2, seed=1).pixels
    assert made.shape == (1, *ragged.shape) and (made[0][~mask] == ragged[~mask]).all()


def test_what_is_filled_in_depends_on_whole_known_regions_alone(masked):
    """Regions of 4 x 4: a changed pixel in a known one changes the answer, one in a region with a hole does not."""
    model = adr_runtime.load(masked["masked"], "cpu")
    picture, mask = picture_of(model), np.zeros((8, 12), bool)
    mask[1, 1] = mask[4:, 8:] = True
    options = {"calls": 4, "steps": 3, "seed": 5}
    made = model.fill(picture, mask, **options).pixels[0]
    beside, within = picture.copy(), picture.copy()
    beside[3, 3], within[6, 2] = 255 - beside[3, 3], 255 - within[6, 2]
    assert (model.fill(beside, mask, **options).pixels[0][mask] == made[mask]).all()
    assert (model.fill(within, mask, **options).pixels[0][mask] != made[mask]).any()
    known = model.known_tokens(np.broadcast_to(~mask[..., None], (8, 12, 3))).reshape(3, 6)
    assert known.tolist() == [[False, True, True, True, True, False]] * 3


def test_calls_and_steps_are_two_dials(model):
    """Both change what is made, and no more calls are counted than asked for."""
    seen, original = [], model.sessions["network"].run

    def run(feed):
        seen.append(len(feed["tokens"]))
        return original(feed)

    model.sessions["network"].run = run
    try:
        made = {}
        for calls in (3, 7):
            made[calls] = model.generate(count=2, calls=calls, steps=3, guidance=1, seed=1).pixels
            assert seen == [2] * calls
            seen.clear()
        model.fill(picture_of(model), np.ones(model.size[:2]), calls=5, steps=3, guidance=1, seed=1)
        assert seen == [1] * 5
    finally:
        model.sessions["network"].run = original
    assert difference(made[3], made[7]) > PIXEL
    assert difference(made[3], model.generate(count=2, calls=3, steps=4, guidance=1, seed=1).pixels) > PIXEL


def test_arguments_that_cannot_be_are_refused_in_one_line(masked):
    model, plain = (adr_runtime.MaskedModel.load(masked[name], "cpu") for name in ("masked", "masked-plain"))
    picture, mask = picture_of(model), np.ones((8, 12), bool)
    for call, says in (
        (lambda: model.generate(calls=2), r"calls must be from 3 \(one a level\) to 18, not 2"),
        (lambda: model.generate(calls=0, order="random"), "calls must be from 1 to 18, not 0"),
        (lambda: model.generate(calls=19), "calls must be from 3"),
        (lambda: model.generate(calls=4.5), "calls must be a whole number"),
        (lambda: model.generate(order="rows"), "order must be levels or random for masked, not 'rows'"),
        (lambda: plain.generate(order="random"), "order must be levels for masked-plain"),
        (lambda: model.generate(steps=51), "steps must be from 1 to 50"),
        (lambda: model.generate(steps=(1, 2, 3, 4)), "steps has 4 values"),
        (lambda: model.generate(label="cat"), "unknown label 'cat'"),
        (lambda: model.generate(speaker="ann"), "leave the speaker out"),
        (lambda: plain.generate(label=0), "has no labels"),
        (lambda: model.generate(count=0), "count must be"),
        (lambda: model.generate(seed=-1), "seed must be"),
        (lambda: model.fill(picture.astype(float), mask), "fills in pictures uint8"),
        (lambda: model.fill(picture[..., :1], mask), "fills in pictures uint8"),
        (lambda: model.fill(picture, mask[:4]), "fills in pictures uint8"),
        (lambda: model.fill(picture[:0], mask[:0]), "fills in pictures uint8"),
        (lambda: model.fill(picture, None), "fills in pictures uint8"),
        (lambda: model.fill(np.zeros((9000, 9000, 3), np.uint8), np.ones((9000, 9000)), count=2), "GiB of memory"),
    ):
        with pytest.raises(InputError, match=says):
            call()


def test_a_bundle_that_is_not_one_is_refused(masked, tmp_path):
    text = (masked["masked"] / "manifest.json").read_text()
    values = json.loads(text)
    assert values["orders"] == ["levels", "random"] and "states" not in values and "seconds" not in values["defaults"]
    for change, says in (
        (lambda v: v.update(orders=[]), "orders: expected one or more of levels, random"),
        (lambda v: v.update(orders=["levels", "levels"]), "none twice"),
        (lambda v: v.update(orders=["rows"]), "orders"),
        (lambda v: v["defaults"].update(calls=2), "defaults.calls: expected 3 to 18"),
        (lambda v: v["defaults"].update(calls=19), "defaults.calls"),
        (lambda v: v["defaults"].update(seconds=1.0), "defaults.seconds: expected no such key"),
        (lambda v: v.update(states=[]), "states: expected no such key"),
        (lambda v: v.update(speakers=["ann"]), "speakers: expected no such key"),
        (lambda v: (v["image"].update(levels=1), v["tokens"].update(length=6)), "image.levels"),
        (lambda v: v["tokens"].update(length=None), "tokens.length"),
        (lambda v: v.update(kind="audio"), "kind"),
        (lambda v: v.update(image=None), "image"),
        (lambda v: v["graphs"].pop("network"), "graphs"),
        (lambda v: v["graphs"]["network"]["inputs"].pop(), "graphs.network.inputs"),
        (lambda v: v["graphs"]["network"]["outputs"][0].update(shape=["rows", 18, 7]), "graphs.network.outputs"),
        (lambda v: v["graphs"]["timestep"]["inputs"].append({"name": "arrival", "dtype": "int64", "shape": ["steps"]}),
         "timestep alone"),
        (lambda v: v.update(family="adr"), "audio: expected to be there"),
    ):  # fmt: skip
        folder = shutil.copytree(masked["masked"], tmp_path / "bad")
        changed = json.loads(text)
        change(changed)
        (folder / "manifest.json").write_text(json.dumps(changed))
        with pytest.raises(BundleError, match=re.escape(says)):
            adr_runtime.load(folder)
        shutil.rmtree(folder)
    with pytest.raises(BundleError, match=r'expected "adr" \(load it as a MaskedModel\), found "masked"'):
        adr_runtime.ImageModel.load(masked["masked"])


def test_pictures_from_the_command_line(masked, command, refused, tmp_path):
    bundle = masked["masked"]
    given = ("--model", bundle, "--calls", 5, "--steps", "3:2:2", "--seed", 1, "--json")
    done = command("adr-run", "image", *given, "--label", "bar", "-n", 3, "--order", "random", "--out", "a.png")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["calls"], told["order"], told["steps"], told["labels"]) == (5, "random", [3, 2, 2], ["bar"] * 3)
    assert "order" in command("adr-run", "info", "a.png").stdout
    picture, mask = picture_of(adr_runtime.load(bundle), scale=2), np.zeros((16, 24), np.uint8)
    mask[5:, 7:] = 255
    Image.fromarray(picture).save(tmp_path / "p.png")
    Image.fromarray(mask).save(tmp_path / "m.png")
    filled = ("--fill", "p.png", "--mask", "m.png")
    done = command("adr-run", "image", *filled, *given, "-n", 2, "--separate", "--out", "f.png")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["filled"] == "p.png" and told["labels"] == [None, None]
    for i in range(2):
        made = np.asarray(Image.open(tmp_path / f"f-00{i}.png"))
        assert (made[mask == 0] == picture[mask == 0]).all() and (made[mask > 0] != picture[mask > 0]).mean() > 0.8
    done = command("adr-run", "image", "--model", bundle, "--sheet", "-n", 2, "--seed", 1, "--out", "s.png")
    assert done.returncode == 0 and "4 x dot, bar, 6 network calls, seed 1" in done.stderr
    for arguments, says in (
        (("--calls", "2"), "calls must be from 3 (one a level) to 18, not 2"),
        (("--order", "rows"), "order must be levels or random"),
        (("--prompt", "p.png"), "masked is a masked model, which takes no --prompt"),
        (("--animate", "x.webp"), "takes no --animate"),
        (("--label", "cat"), "unknown label 'cat'"),
        (("--fill", "p.png"), "belong together"),
        (("--fill", "p.png", "--mask", "a.png"), "make them of one size"),
    ):
        refused("adr-run", "image", "--model", bundle, *arguments, says=(says,))
    refused("adr-run", "image", "--model", "digits", "--calls", "4", says=("digits is no masked model",))
    refused("adr-run", "image", "--model", "digits-any", "--order", "levels", says=("is no masked model",))
    refused("adr-run", "image", "--model", masked["masked-plain"], "--sheet", says=("has no labels",))
    refused("adr-run", "audio", "--model", bundle, says=("makes pictures",))
    refused("adr-run", "text", "--model", bundle, says=("no any-order model",))
    refused("adr-run", "score", "p.png", "--model", bundle, says=("no any-order model",))
    refused("adr-run", "serve", "--model", bundle, says=("is not served",))


def test_info_and_doctor(masked, command):
    shown = command("adr-run", "info", masked["masked"]).stdout
    assert "18 tokens in any order" in shown and "calls 6" in shown
    done = command("adr-run", "doctor", masked["masked"], "--json")
    report = json.loads(done.stdout)
    assert done.returncode == 0 and report["passed"]
    assert {c["difference"] for c in report["checks"]} == {0.0} and len(report["checks"]) == 8
    card = (masked["masked"] / "README.md").read_text()
    assert "tags: [autoregressive-diffusion, any-order, onnx, image]" in card and "--label bar" in card
