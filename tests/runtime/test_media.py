"""Files in and out: round trips, provenance, resampling against closed forms, and broken input."""

import numpy as np
import pytest
import soundfile
from adr_runtime import ADRError, InputError
from adr_runtime.media.atomic import check_target, write_atomic
from adr_runtime.media.audio import to_pcm, write_audio
from adr_runtime.media.images import grid, write_picture
from adr_runtime.media.provenance import read_provenance
from adr_runtime.media.reading import read_audio, read_picture
from adr_runtime.media.resampling import resample
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

# A name that is not UTF-8, as arguments bring it, is among them.
FACTS = {"model": "m", "seed": 7, "labels": ["é", None], "filled": "\udcff.png"}


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".ogg"])
def test_sound_and_its_provenance_come_back(tmp_path, suffix):
    path, time = tmp_path / f"x{suffix}", np.arange(8000) / 8000
    samples = (0.5 * np.sin(2 * np.pi * 440 * time)).astype(np.float32)
    write_audio(path, samples, 8000, FACTS)
    assert read_provenance(path) == FACTS
    found = read_audio(path, 8000)
    assert len(found) == 8000
    assert np.abs(found - samples).max() < (0.05 if suffix == ".ogg" else 1 / 32767)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_picture_and_its_provenance_come_back(tmp_path):
    random = np.random.default_rng(0)
    for channels in (1, 3):
        pixels = random.integers(0, 256, (5, 6, channels), dtype=np.uint8)
        write_picture(tmp_path / "x.png", pixels, FACTS)
        np.testing.assert_array_equal(read_picture(tmp_path / "x.png", 6, channels), pixels)
        assert read_provenance(tmp_path / "x.png") == FACTS


def test_pcm_clips_and_survives_nan():
    assert to_pcm(np.array([-2, -1, 0, 0.5, 1, 3, np.nan])).tolist() == [-32767, -32767, 0, 16384, 32767, 32767, 0]


@pytest.mark.parametrize("rate, wanted", [(44100, 8000), (8000, 16000), (16000, 8000), (11025, 8000), (48000, 44100)])
def test_resampling_keeps_a_tone_and_removes_what_would_alias(rate, wanted):
    frequency = 0.2 * min(rate, wanted)
    time = np.arange(rate // 2) / rate
    found = resample(np.sin(2 * np.pi * frequency * time).astype(np.float32), rate, wanted)
    expected = np.sin(2 * np.pi * frequency * np.arange(len(found)) / wanted)
    assert len(found) == round(len(time) * wanted / rate)
    middle = slice(len(found) // 4, -len(found) // 4)
    np.testing.assert_allclose(found[middle], expected[middle], atol=2e-3)
    if 1.3 * wanted < rate:
        above = np.sin(2 * np.pi * (0.5 * wanted * 1.2) * time).astype(np.float32)
        assert np.abs(resample(above, rate, wanted)[middle]).max() < 5e-3


def test_stereo_is_mixed_and_another_rate_resampled(tmp_path):
    time = np.arange(4410) / 44100
    left = 0.4 * np.sin(2 * np.pi * 300 * time)
    soundfile.write(tmp_path / "x.wav", np.stack([left, 0 * left], 1), 44100)
    found = read_audio(tmp_path / "x.wav", 8000)
    assert found.shape == (800,) and found.dtype == np.float32
    expected = 0.2 * np.sin(2 * np.pi * 300 * np.arange(800) / 8000)
    np.testing.assert_allclose(found[100:-100], expected[100:-100], atol=2e-3)


def test_broken_prompts(tmp_path):
    (tmp_path / "x.wav").write_bytes(b"RIFF nothing")
    with pytest.raises(InputError, match=r"x.wav: not a readable sound file"):
        read_audio(tmp_path / "x.wav", 8000)
    with pytest.raises(InputError, match=r"y.wav: no such file"):
        read_audio(tmp_path / "y.wav", 8000)
    soundfile.write(tmp_path / "nan.wav", np.array([0.0, np.nan]), 8000, subtype="FLOAT")
    with pytest.raises(InputError, match="not finite"):
        read_audio(tmp_path / "nan.wav", 8000)
    soundfile.write(tmp_path / "empty.wav", np.zeros(0), 8000)
    with pytest.raises(InputError, match="no samples"):
        read_audio(tmp_path / "empty.wav", 8000)
    (tmp_path / "x.png").write_bytes(b"\x89PNG nothing")
    with pytest.raises(InputError, match=r"x.png: not a readable picture"):
        read_picture(tmp_path / "x.png", 8, 1)
    Image.new("L", (9, 9)).save(tmp_path / "wide.png")
    with pytest.raises(InputError, match="9 pixels wide; the model's pictures are 8"):
        read_picture(tmp_path / "wide.png", 8, 1)
    with pytest.raises(InputError, match="carries no provenance"):
        read_provenance(tmp_path / "wide.png")


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "x.wav"
    path.write_bytes(b"old")

    def fail(temporary):
        temporary.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    with pytest.raises(ADRError, match="No space left on device") as caught:
        write_atomic(path, fail)
    assert type(caught.value) is ADRError
    assert path.read_bytes() == b"old" and len(list(tmp_path.iterdir())) == 1


def test_targets_are_checked_before_the_work(tmp_path):
    for path, says in (
        (tmp_path / "x.mp3", "unknown file type '.mp3'; there are .wav"),
        (tmp_path / "none" / "x.wav", "no folder"),
    ):
        with pytest.raises(InputError, match=says):
            check_target(path, (".wav",))
    (tmp_path / "d.wav").mkdir()
    with pytest.raises(InputError, match="is a folder"):
        check_target(tmp_path / "d.wav", (".wav",))


@given(st.integers(1, 40), st.integers(1, 4))
def test_a_grid_holds_every_picture(count, scale):
    pixels = np.random.default_rng(count).integers(0, 255, (count, 3, 2, 1), dtype=np.uint8)
    sheet = grid(pixels, scale)
    columns = -(-(sheet.shape[1] - 2) // (2 * scale + 2))
    for i in range(count):
        y, x = 2 + i // columns * (3 * scale + 2), 2 + i % columns * (2 * scale + 2)
        np.testing.assert_array_equal(sheet[y : y + 3 * scale : scale, x : x + 2 * scale : scale], pixels[i])
