"""Festival Lite (Black and Lenzo 2001), the speech synthesiser, as a maker of speech whose phones are known.

Its library is loaded where it is installed (Debian's package libflite1); nothing of it is part of this project. A voice
takes seconds of processor time for a minute of speech, and says the same samples for the same text every time.
"""

import ctypes
import ctypes.util
from functools import cache

import numpy as np
from adr_runtime.errors import ADRError

from adr_train.data.synthesiser import Segment, Spoken
from adr_train.errors import TrainError

VOICES = ("slt", "rms", "awb")
INSTALL = "flite's library is not installed; on Debian and Ubuntu: apt-get install libflite1"


class Wave(ctypes.Structure):
    """flite's cst_wave."""

    _fields_ = (
        ("type", ctypes.c_char_p), ("sample_rate", ctypes.c_int), ("num_samples", ctypes.c_int),
        ("num_channels", ctypes.c_int), ("samples", ctypes.POINTER(ctypes.c_short)),
    )  # fmt: skip


@cache
def load(name: str) -> ctypes.CDLL:
    try:
        return ctypes.CDLL(f"lib{name}.so.1", mode=ctypes.RTLD_GLOBAL)
    except OSError as error:
        raise TrainError(INSTALL) from error


@cache
def library() -> ctypes.CDLL:
    flite = load("flite")
    for name in ("flite_usenglish", "flite_cmulex"):
        load(name)
    pointers = (
        "flite_synth_text", "utt_wave", "utt_relation", "relation_head", "item_next", "item_as", "item_parent",
    )  # fmt: skip
    for function in pointers:
        getattr(flite, function).restype = ctypes.c_void_p
    flite.item_feat_string.restype = ctypes.c_char_p
    flite.item_feat_float.restype = ctypes.c_float
    flite.flite_init()
    return flite


class FliteVoice:
    """One voice at 16 kHz: slt (a woman), rms or awb (men), each by statistics of frames of 5 ms."""

    def __init__(self, name: str):
        """Raises TrainError where flite is missing."""
        self.flite = library()
        file = "cmu_us_" + name
        register = getattr(load(f"flite_{file}"), f"register_{file}")
        register.restype = ctypes.c_void_p
        self.voice = ctypes.c_void_p(register(None))

    def speak(self, text: str) -> Spoken:
        """One sentence. Raises ADRError where flite makes nothing of it."""
        flite = self.flite
        # Its noise comes from C's generator, which goes on from sentence to sentence.
        ctypes.CDLL(None).srand(1)
        utterance = flite.flite_synth_text(text.encode("ascii", "ignore"), self.voice)
        if not utterance:
            raise ADRError(f"flite makes nothing of {text[:40]!r}")
        handle = ctypes.c_void_p(utterance)
        try:
            wave = ctypes.cast(flite.utt_wave(handle), ctypes.POINTER(Wave)).contents
            samples = np.ctypeslib.as_array(wave.samples, (wave.num_samples,)).astype(np.int16)
            segments, words = self.segments(handle)
            return Spoken(samples, wave.sample_rate, segments, words)
        finally:
            flite.delete_utterance(handle)

    def segments(self, utterance: ctypes.c_void_p) -> tuple[tuple[Segment, ...], tuple[str, ...]]:
        flite, found, words = self.flite, [], dict[int, str]()
        item = flite.relation_head(ctypes.c_void_p(flite.utt_relation(utterance, b"Segment")))
        while item:
            here = ctypes.c_void_p(item)
            name, end = flite.item_feat_string(here, b"name").decode(), flite.item_feat_float(here, b"end")
            stressed, word = False, None
            inside = flite.item_as(here, b"SylStructure")
            if inside:
                syllable = ctypes.c_void_p(flite.item_parent(ctypes.c_void_p(inside)))
                stressed = flite.item_feat_string(syllable, b"stress") == b"1"
                address = flite.item_parent(syllable)
                words.setdefault(address, flite.item_feat_string(ctypes.c_void_p(address), b"name").decode())
                word = list(words).index(address)
            found.append(Segment(name, end, stressed, word))
            item = flite.item_next(here)
        return tuple(found), tuple(words.values())
