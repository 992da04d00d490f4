"""Folders of tones that fade, as one-shot sounds are."""

import numpy as np
import soundfile

RATE = 8000


def tone(seconds=0.3, rate=RATE, pitch=440.0, peak=0.5):
    return peak * np.sin(2 * np.pi * pitch * np.arange(int(seconds * rate)) / rate)


def fill(folder, count=6, pitch=440.0, **options):
    """Tones that fade, each a little higher than the one before."""
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(count):
        sound = tone(pitch=pitch * (1 + i / 20), **options)
        soundfile.write(folder / f"{i:02d}.wav", sound * np.linspace(1, 0, len(sound)) ** 2, RATE)
    return folder
