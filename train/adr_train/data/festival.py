"""Festival (Black and Taylor 1997) with a voice of hidden Markov models (HTS), as a maker of speech whose phones are
known: smoother than flite's. One process speaks one sentence after the other; nothing of it is part of this project.
"""

import subprocess
import tempfile
from pathlib import Path

import numpy as np
import soundfile
from adr_runtime.errors import ADRError
from adr_runtime.media.resampling import resample

from adr_train.data.synthesiser import Segment, Spoken
from adr_train.errors import TrainError

VOICES = {"slt-hts": "cmu_us_slt_arctic_hts"}
INSTALL = "festival and its voice are not installed; on Debian and Ubuntu: apt-get install festival festvox-us-slt-hts"
RATE = 16000
# Pauses stand at marks alone, as texts to be spoken have them: festival's own model of phrases adds others. For each
# segment: name, end, stress, the word's name, and whether nothing of the word comes before it.
SAY = """
(Parameter.set 'Phrase_Method 'cart_tree)
(set! phrase_cart_tree simple_phrase_cart_tree)
(define (say text wave)
  (let ((spoken (SynthText text)))
    (utt.save.wave spoken wave)
    (mapcar (lambda (s)
      (format t "%s %f %s %s %s %s\\n" (item.name s) (item.feat s "end") (item.feat s "R:SylStructure.parent.stress")
        (item.feat s "R:SylStructure.p.name") (item.feat s "R:SylStructure.parent.R:SylStructure.p.name")
        (item.feat s "R:SylStructure.parent.parent.name")))
      (utt.relation.items spoken 'Segment))
    (format t "over\\n")
    (fflush nil)))
"""


class FestivalVoice:
    """A woman's voice, made at 32 kHz and brought to 16 kHz."""

    def __init__(self, name: str):
        """Raises TrainError where festival or the voice is missing."""
        self.folder = tempfile.TemporaryDirectory()
        self.wave = Path(self.folder.name) / "spoken.wav"
        try:
            self.process = subprocess.Popen(
                ["festival", "--pipe"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                text=True, encoding="ascii", errors="replace",
            )  # fmt: skip
        except OSError as error:
            raise TrainError(INSTALL) from error
        self.send(f"(voice_{VOICES[name]}){SAY}")

    def send(self, command: str) -> None:
        assert self.process.stdin
        try:
            self.process.stdin.write(command + "\n")
            self.process.stdin.flush()
        except OSError as error:
            raise TrainError(INSTALL) from error

    def speak(self, text: str) -> Spoken:
        """One sentence. Raises ADRError where festival makes nothing of it, or has gone."""
        quoted = text.encode("ascii", "ignore").decode().replace("\\", " ").replace('"', " ")
        self.send(f'(say "{quoted}" "{self.wave}")')
        segments, words = list[Segment](), list[str]()
        assert self.process.stdout
        for line in self.process.stdout:
            if line == "over\n":
                return self.spoken(segments, words)
            fields = line.split()
            if len(fields) != 6:
                raise ADRError(f"festival said {line[:40]!r} of {text[:40]!r}")
            name, end, stress, before, syllable_before, word = fields
            if word != "0" and before == syllable_before == "0":
                words.append(word)
            segments.append(Segment(name, float(end), stress == "1", len(words) - 1 if word != "0" else None))
        raise ADRError(f"festival stopped at {text[:40]!r}; {INSTALL}")

    def spoken(self, segments: list[Segment], words: list[str]) -> Spoken:
        samples, rate = soundfile.read(str(self.wave), dtype="float32")
        resampled = resample(samples, rate, RATE)
        whole = (resampled * 32768).round().clip(-32768, 32767).astype(np.int16)
        return Spoken(whole, RATE, tuple(segments), tuple(words))
