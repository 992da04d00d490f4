"""A folder of one's own pictures: whatever is in it is read as one would see it, or named and left out."""

from pathlib import Path

import numpy as np
import pytest
import yaml
from adr_runtime import InputError
from adr_train.data.class_folders import splits_of
from adr_train.data.datasets import load_dataset
from adr_train.data.folder import read, read_file
from adr_train.errors import TrainError
from adr_train.recipes.recipe import available
from PIL import Image

SHAPE = (16, 16, 3)
FEW = """
kind: distil
teacher: images
dataset: images
description: for tests
licence: CC0-1.0
source: none
train: {minutes: 1}
defaults: {steps: 2, sampler: ddim, guidance: 1.0, temperature: 1.0, seconds: 1.0, count: 1}
sizes: {cpu: {}}
"""
SMALL = {
    "backbone": {"layers": 1, "feedforward": 32, "retention": {"width": 32, "heads": 2}},
    "head": {"width": 24, "blocks": 1, "frequencies": 8, "shared": True},
}
RED, GREEN = (200, 30, 40), (20, 180, 60)


def fill(folder, count=12, colour=RED, size=(20, 24)):
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(count):
        Image.new("RGB", size, colour).save(folder / f"{i:02d}.png")
    return folder


def halves(size=(16, 16)):
    """Red on the left, green on the right."""
    image = Image.new("RGB", size, RED)
    image.paste(GREEN, (size[0] // 2, 0, *size))
    return image


def test_classes_are_the_folders_and_every_picture_is_in_one_split(tmp_path):
    fill(tmp_path / "reds", 20)
    fill(tmp_path / "greens" / "below", 23, GREEN)
    (tmp_path / "empty").mkdir()
    (tmp_path / "reds" / "notes.txt").write_text("no picture")
    parts = {split: load_dataset("images", tmp_path, split, SHAPE) for split in ("train", "validation", "test")}
    assert all(part.names == ("greens", "reds") for part in parts.values())
    counts = {split: np.bincount(part.labels).tolist() for split, part in parts.items()}
    assert counts == {"train": [20, 14], "validation": [2, 4], "test": [1, 2]}
    train = parts["train"]
    assert train.pixels.shape == (34, 16, 16, 3) and train.pixels.dtype == np.uint8
    assert (train.pixels[train.labels == 1] == RED).all() and (train.pixels[train.labels == 0] == GREEN).all()


def test_splits_are_alike_whatever_the_order_of_the_names_and_stay_what_they_are():
    """Of pictures named as they were taken, those that validate are of the whole time, and more move none."""
    names = [Path(f"reds/DSC{i:05d}.jpg") for i in range(3000)]
    splits = np.array(splits_of(names))
    for split, share in (("train", 0.8), ("validation", 0.1), ("test", 0.1)):
        places = np.flatnonzero(splits == split)
        # Four standard deviations of a binomial number, and of the mean of uniform ones.
        assert abs(len(places) - 3000 * share) < 4 * (3000 * share * (1 - share)) ** 0.5
        assert abs(places.mean() / 3000 - 0.5) < 4 / (12 * len(places)) ** 0.5
        assert len(np.unique(np.diff(places))) > 3
    assert splits_of(names[:500]) == splits[:500].tolist() and splits_of(names[::-1]) == splits[::-1].tolist()
    assert splits_of([Path(f"greens/DSC{i:05d}.jpg") for i in range(3000)]) != splits.tolist()
    for count in range(3, 40):
        assert set(splits_of([Path(f"few/{count}-{i}.png") for i in range(count)])) == {"train", "validation", "test"}


def test_pictures_without_folders_are_one_class_and_few_pictures_are_in_every_split(tmp_path):
    folder = fill(tmp_path / "mine", 4)
    counts = [len(read(folder, split, SHAPE).labels) for split in ("train", "validation", "test")]
    assert counts == [1, 2, 1] and read(folder, "train", SHAPE).names == ("mine",)


def test_every_format_is_seen_as_one_would_see_it(tmp_path):
    picture = halves()
    expected = np.asarray(picture).astype(int)
    for name, options in {
        "x.png": {}, "x.bmp": {}, "x.tif": {}, "x.ppm": {}, "x.webp": {"lossless": True}, "x.jpg": {"quality": 98},
    }.items():  # fmt: skip
        picture.save(tmp_path / name, **options)
        found = read_file(tmp_path / name, SHAPE).astype(int)
        assert np.abs(found - expected).max() <= (60 if name == "x.jpg" else 0), name
    picture.quantize(4).save(tmp_path / "x.gif", save_all=True, append_images=[Image.new("P", (16, 16))])
    assert np.abs(read_file(tmp_path / "x.gif", SHAPE).astype(int) - expected).max() < 8
    picture.convert("L").save(tmp_path / "grey.png")
    grey = read_file(tmp_path / "grey.png", SHAPE)
    assert (grey[..., 0] == grey[..., 2]).all() and len(np.unique(grey)) == 2
    assert read_file(tmp_path / "x.png", (16, 16, 1)).shape == (16, 16, 1)


def test_turned_as_exif_says_and_transparency_is_white(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # To be turned by 90 degrees to the right.
    halves().save(tmp_path / "turned.png", exif=exif)
    found = read_file(tmp_path / "turned.png", SHAPE)
    assert (found[:8] == RED).all() and (found[8:] == GREEN).all()
    clear = halves().convert("RGBA")
    clear.putalpha(Image.new("L", (16, 16), 0))
    clear.save(tmp_path / "clear.png")
    assert (read_file(tmp_path / "clear.png", SHAPE) == 255).all()


def test_sixteen_bits_and_large_photos(tmp_path):
    deep = np.full((16, 16), 40_000, np.uint16)
    Image.fromarray(deep).save(tmp_path / "deep.png")
    assert (read_file(tmp_path / "deep.png", SHAPE) == 40_000 >> 8).all()
    halves((6000, 4000)).save(tmp_path / "photo.jpg", quality=60)
    found = read_file(tmp_path / "photo.jpg", SHAPE).astype(int)
    assert np.abs(found - np.asarray(halves())).max() < 40
    Image.fromarray(np.zeros((16, 16), np.float32)).save(tmp_path / "values.tif")
    with pytest.raises(InputError, match="values of any size"):
        read_file(tmp_path / "values.tif", SHAPE)


def test_what_systems_hide_is_not_seen(tmp_path):
    fill(tmp_path / "reds", 4)
    for hidden in ("reds/.ipynb_checkpoints", "__MACOSX", ".thumbnails", "reds/below/.x"):
        fill(tmp_path / hidden, 3)
    (tmp_path / "reds" / "._00.png").write_bytes(b"notes")
    data = read(tmp_path, "train", SHAPE)
    assert data.names == ("reds",) and len(data.labels) == 2


def test_other_shapes_are_cut_at_the_middle(tmp_path):
    wide = Image.new("RGB", (64, 16), (0, 0, 255))
    wide.paste(halves(), (24, 0))
    wide.save(tmp_path / "wide.png")
    np.testing.assert_array_equal(read_file(tmp_path / "wide.png", SHAPE), np.asarray(halves()))


def test_what_is_no_picture_is_named_and_left_out(tmp_path, capsys):
    fill(tmp_path / "reds", 12)
    whole = (tmp_path / "reds" / "00.png").read_bytes()
    (tmp_path / "reds" / "cut.png").write_bytes(whole[:60])
    (tmp_path / "reds" / "vacant.jpg").write_bytes(b"")
    (tmp_path / "reds" / "aaa.gif").write_text("no picture")
    counts, told = [], ""
    for split in ("train", "validation", "test"):
        counts.append(len(read(tmp_path, split, SHAPE).labels))
        line = capsys.readouterr().err
        assert line.count("\n") == (1 if line else 0)
        told += line
    assert counts == [9, 1, 2]
    assert told == (
        "left out of train, as they cannot be read: reds/aaa.gif, reds/cut.png\n"
        "left out of validation, as they cannot be read: reds/vacant.jpg\n"
    )


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda root: None, "no pictures here"),
        (lambda root: fill(root / "a", 2), "fewer than 3 pictures"),
        (lambda root: fill(root / "none"), "'none' cannot be a label"),
        (lambda root: fill(root / "a\x1b"), "cannot be a label"),
        (lambda root: fill(fill(root / "a").parent), "lies beside folders of classes"),
        (lambda root: [path.write_bytes(b"") for path in fill(root / "a").iterdir()], "no picture to train on"),
    ],
)
def test_folders_that_cannot_be_trained_on(tmp_path, make, says):
    make(tmp_path)
    with pytest.raises(TrainError, match=says) as caught:
        load_dataset("images", tmp_path, "train", SHAPE)
    assert "\n" not in str(caught.value)


def test_images_need_a_folder_and_a_model_of_pictures(tmp_path):
    for folder, shape, says in ((None, SHAPE, "give --data"), (tmp_path / "x", SHAPE, "give --data"),
                                (tmp_path, None, "models of pictures")):  # fmt: skip
        with pytest.raises(TrainError, match=says):
            load_dataset("images", folder, "train", shape)


def test_from_a_folder_to_a_picture(command, tmp_path):
    fill(tmp_path / "mine" / "reds")
    fill(tmp_path / "mine" / "greens", 13, GREEN)
    (tmp_path / "mine" / "greens" / "13.png").write_bytes(b"no picture")
    # The recipe of this name with a model that is exported in seconds.
    small = yaml.safe_load(available()["images"].read_text())
    small["sizes"]["cpu"]["model"] = SMALL
    (tmp_path / "images.yaml").write_text(yaml.safe_dump(small))
    (tmp_path / "few.yaml").write_text(FEW)
    common = "--data mine --batch 8 --size cpu --device cpu"
    for arguments, told in (
        (f"adr-train images --out shipped --pixels 16 --steps 1 {common}", "greens/13.png"),
        (f"adr-train images.yaml --out run --pixels 16 --steps 2 {common}", "greens/13.png"),
        ("adr-export run bundle --name mine", "bundle: "),
        ("adr-run image --model bundle --label reds -n 2 --steps 2 --scale 1 --out reds.png", "reds"),
        # A head is taught on the same pictures, at the size that its teacher makes.
        (f"adr-train few.yaml --teacher run --out few --steps 1 {common}", "greens/13.png"),
    ):
        done = command(*arguments.split())
        assert done.returncode == 0 and told in done.stderr, done.stderr
    with Image.open(tmp_path / "reds.png") as sheet:
        assert sheet.size == (2 * 18 + 2, 18 + 2) and sheet.mode == "RGB"


def test_sizes_are_for_pyramids(refused):
    common = ("--out", "run", "--device", "cpu")
    refused("adr-train", "digits", "--pixels", "64", *common, says=("--pixels is for recipes of pyramids",))
    for wrong in ("60", "72", "512", "0"):
        refused("adr-train", "images", "--pixels", wrong, *common, says=("--pixels must be a multiple of", wrong))
