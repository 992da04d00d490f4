"""Text from files, bundles and arguments reaches the terminal as what it is, and can do nothing there."""

import io
import json
import struct
import zlib
from importlib import import_module

import pytest
import soundfile
from adr_runtime import InputError
from adr_runtime.media.naming import default_name, file_stem
from adr_runtime.media.provenance import read_provenance
from adr_runtime.terminal.display import PlainConsole
from adr_runtime.terminal.plain_text import escaped
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from rich.table import Table

NASTY = "[red]x[/] [/] :smile: \x1b[31mé\n\x9b2J\u202e\udcff"
SHOWN = "[red]x[/] [/] :smile: \\x1b[31mé\\n\\x9b2J\\u202e\\udcff"


def picture_that_carries(path, text):
    info = PngInfo()
    info.add_text("adr", text)
    Image.new("L", (8, 8)).save(path, pnginfo=info)


def test_control_characters_are_escaped():
    assert escaped(NASTY) == SHOWN
    assert escaped("plain text, é, 語") == "plain text, é, 語"


def test_a_console_shows_markup_as_it_is():
    file = io.StringIO()
    console = PlainConsole(file=file, width=200, force_terminal=True, color_system=None)
    console.print(NASTY, soft_wrap=True)
    table = Table(NASTY, title=NASTY, box=None)
    table.add_row(NASTY)
    console.print(table)
    assert file.getvalue().count(SHOWN) == 4 and "\x1b[31m" not in file.getvalue() and "😄" not in file.getvalue()


def test_the_name_of_a_file_is_told_as_it_is(command, tmp_path):
    made = command("adr-run", "image", "-n", "1", "--steps", "1", "--out", "[red]x\x1b[31m.png")
    assert made.returncode == 0 and made.stderr.startswith("[red]x\\x1b[31m.png: 1 x "), made.stderr
    assert (tmp_path / "[red]x\x1b[31m.png").is_file()


def test_names_in_a_line_of_failure_are_escaped(refused):
    line = refused("adr-run", "audio", "--prompt", "x\x1b[31m\u202e.wav", says=("x\\x1b[31m\\u202e.wav: no such file",))
    assert line.isprintable()


def test_every_command_has_this_console():
    for module in (
        "adr_runtime.cli.output",
        "adr_runtime.cli.audio",
        "adr_runtime.cli.compress",
        "adr_train.cli",
        "adr_train.evaluation.cli",
        "adr_export.cli",
    ):
        assert isinstance(import_module(module).console, PlainConsole)


def test_info_shows_untrusted_text(command, tmp_path):
    hostile = {"[/]": NASTY, "labels": ["[/]", "[bold]"]}
    picture_that_carries(tmp_path / "x.png", json.dumps({"adr": hostile}))
    made = command("adr-run", "info", "x.png")
    assert made.returncode == 0, made.stderr
    assert SHOWN in made.stdout and "\x1b" not in made.stdout and "['[/]', '[bold]']" in made.stdout


def test_info_shows_an_untrusted_bundle(command, bundle_copy):
    folder = bundle_copy("picture")
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest |= {"description": NASTY.replace("\udcff", ""), "licence": "[/]", "labels": ["[/]", "[bold]"]}
    manifest |= {"training": {"[/]": "[/]"}, "quality": {"[/]: [/]": 0.5}}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    made = command("adr-run", "info", folder)
    assert made.returncode == 0, made.stderr
    assert SHOWN.removesuffix("\\udcff") in made.stdout and "\x1b" not in made.stdout
    assert "[/], [bold]" in made.stdout


def test_a_label_is_no_path():
    """A bundle's author chooses the labels, not where files go."""
    assert file_stem("../../etc/x") == "..-..-etc-x" and "/" not in file_stem("/tmp/x")
    assert file_stem("a b\x1b") == "a-b-" and len(file_stem("é" * 300).encode()) <= 200
    assert str(default_name("m", ["seven"], 3, ".wav")) == "seven-3.wav"
    assert str(default_name("m", ["/tmp/seven"], 3, ".wav")) == "-tmp-seven-3.wav"
    assert str(default_name("/tmp/m", [None, None], 3, ".png")) == "-tmp-m-3.png"


@pytest.mark.parametrize(
    "text",
    [
        '{"adr":' + '{"a":' * 20_000 + "1" + "}" * 20_001,
        '{"adr":{"a":[[1]]}}',
        '{"adr":{"a":{"b":1}}}',
        '{"adr":{"a":"' + "x" * (1 << 20) + '"}}',
        '{"adr":7}',
        "[" * 100_000,
    ],
    ids=["deep", "list", "nested", "long", "number", "brackets"],
)
def test_provenance_that_is_not_ours_is_one_line(tmp_path, text):
    picture_that_carries(tmp_path / "x.png", text)
    soundfile.write(tmp_path / "x.wav", [0.0] * 10, 8000)
    with soundfile.SoundFile(tmp_path / "x.wav", "w", 8000, 1) as file:
        file.comment = text
    for name in ("x.png", "x.wav"):
        with pytest.raises(InputError, match="carries no provenance of adr-run"):
            read_provenance(tmp_path / name)


def test_pictures_are_not_decoded_to_be_asked_where_they_are_from(tmp_path, monkeypatch):
    picture_that_carries(tmp_path / "x.png", '{"adr":{"seed":1}}')
    monkeypatch.setattr(Image.Image, "load", lambda _: pytest.fail("nothing may be decoded"))
    assert read_provenance(tmp_path / "x.png") == {"seed": 1}


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def test_bombs_and_names_in_info_are_one_line(refused, tmp_path):
    head = struct.pack(">IIBBBBB", 20_000, 20_000, 8, 0, 0, 0, 0)
    signature, end = b"\x89PNG\r\n\x1a\n", chunk(b"IDAT", zlib.compress(bytes(9))) + chunk(b"IEND", b"")
    (tmp_path / "large.png").write_bytes(signature + chunk(b"IHDR", head) + end)
    text = chunk(b"zTXt", b"adr\0\0" + zlib.compress(bytes(8 << 20), 9))
    head = struct.pack(">IIBBBBB", 8, 1, 8, 0, 0, 0, 0)
    (tmp_path / "text.png").write_bytes(signature + chunk(b"IHDR", head) + text + end)
    for what, says in (
        ("large.png", "large.png: cannot read: Image size (400000000 pixels) exceeds limit"),
        ("text.png", "text.png: cannot read: Decompressed data too large"),
        ("x" * 300, "unknown model 'xxx"),
    ):
        refused("adr-run", "info", what, says=(says,))
