"""The pictures of README.md, from the shipped models: python docs/figures.py (needs matplotlib)."""

from pathlib import Path

import adr_runtime
import numpy as np
from matplotlib import pyplot

HERE = Path(__file__).parent


def pictures() -> None:
    model = adr_runtime.ImageModel.load("cifar10")
    columns = 12
    labels = [name for name in model.labels for _ in range(columns)]
    model.generate(label=labels, seed=1).save(HERE / "cifar10.png", scale=2, columns=columns)


def speech() -> None:
    model = adr_runtime.AudioModel.load("speech-digits")
    made = model.generate(label=list(model.labels), seconds=1.0, seed=1)
    figure, axes = pyplot.subplots(2, len(model.labels), figsize=(16, 3.6), height_ratios=(1, 2), layout="constrained")
    for samples, label, (wave, spectrum) in zip(made.samples, model.labels, axes.T, strict=True):
        wave.plot(np.arange(len(samples)) / made.sample_rate, samples, linewidth=0.4)
        wave.set(title=label, xlim=(0, 1), ylim=(-0.6, 0.6), xticks=[], yticks=[])
        spectrum.specgram(
            samples + 1e-5, NFFT=512, Fs=made.sample_rate, noverlap=384, cmap="magma", vmin=-110, vmax=-35
        )
        spectrum.set(xlim=(0, 1), ylim=(0, 4000), xticks=[0, 1], yticks=[])
    axes[1, 0].set(yticks=[0, 2000, 4000], yticklabels=["0", "2", "4 kHz"], xlabel="s")
    figure.savefig(HERE / "speech.png", dpi=100)


def voice() -> None:
    model = adr_runtime.AudioModel.load("voice")
    said = model.generate(text="Turn left in two hundred metres, then keep right.", speaker="slt", seed=1)
    samples, rate = said.samples[0], said.sample_rate
    figure, axis = pyplot.subplots(figsize=(14, 2.8), layout="constrained")
    axis.specgram(samples + 1e-5, NFFT=512, Fs=rate, noverlap=448, cmap="magma", vmin=-115, vmax=-35)
    for word in said.words:
        axis.axvline(word.start, color="white", linewidth=0.6)
        axis.text((word.start + word.end) / 2, 7400, word.word, color="white", ha="center")
    axis.set(ylim=(0, 8000), yticks=[0, 4000, 8000], yticklabels=["0", "4", "8 kHz"], xlabel="s")
    figure.savefig(HERE / "voice.png", dpi=75)


pictures()
speech()
voice()
