"""Model or codec, file by file, and how long the models may take."""

import numpy as np
import pytest
from adr_runtime.any_order.config import AnyOrderConfig
from adr_runtime.cli import compress as cli_compress
from adr_runtime.coding import archive, choice, container
from adr_runtime.coding.archive import File


@pytest.fixture(scope="module")
def liked(models):
    """Text that the model of symbols likes in the orders of seed 1, bytes uint8 (2400,)."""
    model = models["symbols"]
    nothing, everything = np.zeros(24, bool), np.ones(24, bool)
    settings = AnyOrderConfig(steps=24, temperature=0.5, seed=1).resolve(model.manifest)
    made = model.sample(np.zeros((100, 24), np.int64), nothing, everything, settings, seed=1)
    return made.astype(np.uint8).reshape(-1)


def size(model, *data):
    files = [File(str(i), "text", d) for i, d in enumerate(data)]
    made = archive.encode_files([(model, files)], True, 24, 1)
    packed = container.pack(made)
    back = archive.decode_files(container.unpack(packed, "x"), lambda section: model, "x")
    assert all(np.array_equal(a.data, b.data) for a, b in zip(back, files, strict=True))
    return len(packed), made


def noise(length):
    return np.frombuffer(np.random.default_rng(0).bytes(length), np.uint8)


def test_noise_beside_a_text_costs_what_both_cost_alone(models, liked):
    model = models["symbols"]
    alone, made = size(model, liked)
    assert made.entries[0].codec == 0 and alone < len(choice.pack_plain(liked.tobytes())[1])
    for other in (noise(30), noise(512), noise(5000)):
        together, made = size(model, liked, other)
        assert [entry.codec for entry in made.entries] == [0, 1]
        assert together < alone + len(other) + 24
        assert made.costs[1] == len(other)


def test_each_file_has_the_smallest_coder(models, liked):
    regular = np.frombuffer(b"to be or not to be, " * 300, np.uint8)
    _, made = size(models["symbols"], liked, regular, noise(600))
    assert made.entries[0].codec == 0 and made.entries[1].codec > 1 and made.entries[2].codec == 1
    assert made.costs == tuple(
        len(e.stored) if e.codec else cost for e, cost in zip(made.entries, made.costs, strict=True)
    )
    assert made.costs[1] == len(choice.pack_plain(regular.tobytes())[1]) < 60


def test_what_clearly_loses_never_goes_through_the_model(models, monkeypatch):
    """A JPEG, and a text that is one line again and again: by what codecs make of them, and by a few blocks."""
    monkeypatch.setattr(archive, "encode", lambda *_: pytest.fail("encoded"))
    files = [File("a", "text", noise(100_000)), File("b", "text", np.frombuffer(b"to be or not " * 4000, np.uint8))]
    made = archive.encode_files([(models["symbols"], files)], True, 24, 1)
    assert [entry.codec > 0 for entry in made.entries] == [True, True] and not made.sections
    assert sum(made.costs) < 100_200


def test_samples_are_few_and_spread_over_files_and_group(models):
    from adr_runtime.any_order.blocks import Blocks

    spec = models["symbols"].variables
    blocks = Blocks([("text", (24 * n,)) for n in (100, 2, 9)], spec)
    found = choice.sampled(blocks, [0, 1, 2])
    assert list(found) == [0, 2] and found[0][1].tolist() == [12, 37, 62, 87] and len(found[2][1]) == 3
    many = choice.sampled(Blocks([("text", (2400,))] * 1000, spec), list(range(1000)))
    assert len(many) == choice.ALL and all(len(rows) == 1 for _, rows in many.values())
    assert min(many) == 0 and max(many) == 999


def test_long_work_is_asked_for_or_left_to_codecs(models, liked, monkeypatch):
    told = []
    monkeypatch.setattr(archive, "seconds", lambda *_: 7200.0)
    monkeypatch.setattr(archive, "encode", lambda *_: pytest.fail("encoded"))
    files = [File("", "text", liked)]
    made = archive.encode_files([(models["symbols"], files)], False, 24, 1, agree=lambda seconds: told.append(seconds))
    assert told == [7200.0] and not made.sections and made.entries[0].codec


@pytest.mark.parametrize(
    "seconds, named, terminal, answer, agreed, says",
    [
        (5, False, False, None, True, ""), (30, False, False, None, True, "about 30 s"),
        (7200, False, False, None, False, "about 120 min: ordinary codecs"), (7200, True, False, None, True, "120 min"),
        (7200, False, True, True, True, ""), (7200, False, True, False, False, ""),
    ],
)  # fmt: skip
def test_who_settles_how_long(seconds, named, terminal, answer, agreed, says, monkeypatch, capsys):
    asked = []
    monkeypatch.setattr("sys.stdin.isatty", lambda: terminal, raising=False)
    monkeypatch.setattr(type(cli_compress.console), "is_terminal", property(lambda self: terminal))
    monkeypatch.setattr(cli_compress.typer, "confirm", lambda text, err: asked.append(text) or answer)
    assert cli_compress.settle(seconds, named) == agreed
    assert says in capsys.readouterr().err and len(asked) == (answer is not None)
    assert all("120 min" in text for text in asked)


def test_values_that_a_model_cannot_say_are_kept_byte_for_byte(models, tmp_path):
    from adr_runtime.coding.sources import read_source
    from PIL import Image

    Image.fromarray(np.full((4, 6), 7, np.uint8)).save(tmp_path / "a.png")
    found = read_source("", tmp_path / "a.png", {"image": models["greys"], "text": models["symbols"]})
    assert found.file.kind == "text" and found.model is models["symbols"] and "cannot say" in found.reason
    alone = read_source("", tmp_path / "a.png", {"image": models["greys"]})
    assert alone.file.kind == "text" and alone.model is None
