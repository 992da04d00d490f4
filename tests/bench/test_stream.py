"""What bench/stream.py hands to the judge of words."""

import json
import runpy
from itertools import count
from pathlib import Path
from types import SimpleNamespace

import adr_runtime
import numpy as np
import pytest
from adr_train.data.types import AudioClips
from adr_train.evaluation import evaluator

SCRIPT = Path(__file__).parents[2] / "bench" / "stream.py"
RATE, PITCHES = 8000, (440.0, 770.0)


def tone(label, rate, seconds=1.0):
    return 0.5 * np.sin(2 * np.pi * PITCHES[label] * np.arange(round(seconds * rate)) / rate)


class Tones:
    """Seven seconds of a tone, then seven of another, in chunks of a second."""

    def __init__(self):
        self.playlist, self.made = SimpleNamespace(label=0, word=0), count(1)

    def __next__(self):
        sound, made = tone(self.playlist.label, RATE), next(self.made)
        self.playlist.word = made // 7
        self.playlist.label = self.playlist.word % 2
        return sound.astype(np.float32)[None]


@pytest.mark.parametrize("judged", [RATE, 22050])
def test_words_are_judged_at_the_rate_of_the_judge(monkeypatch, capsys, judged):
    manifest = SimpleNamespace(training={"recipe": "fsdd-mulaw"}, defaults=SimpleNamespace(steps=2))
    model = SimpleNamespace(
        sample_rate=RATE, labels=("low", "high"), manifest=manifest, stream=lambda **options: Tones()
    )
    heard = []

    class Judge:
        def __init__(self, *given):
            self.real = AudioClips([], np.zeros(0, np.int64), model.labels, judged, ())

        def measure(self, clips, labels):
            heard.append((clips, labels.tolist()))
            return {"accuracy": 1.0}

    monkeypatch.setattr(adr_runtime.AudioModel, "load", staticmethod(lambda *given: model))
    monkeypatch.setattr(evaluator, "Evaluator", Judge)
    monkeypatch.setattr("sys.argv", ["stream.py", "some-model", "--minutes", "1", "--data", "digits"])
    runpy.run_path(str(SCRIPT), run_name="__main__")
    # Eight words are over in a minute, and the first one is left out.
    ((clips, labels),) = heard
    assert labels == [1, 0, 1, 0, 1, 0, 1]
    for clip, label in zip(clips, labels, strict=True):
        expected = np.tile(tone(label, judged), 7)
        assert len(clip) == len(expected)
        # Away from the edges, where a filter rings.
        np.testing.assert_allclose(clip[500:-500], expected[500:-500], atol=0.01)
    assert json.loads(capsys.readouterr().out.splitlines()[-1]) == {"minute": 1, "words": 7, "right": 1.0}
