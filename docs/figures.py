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
            samples + 1e-5, NFFT=256, Fs=made.sample_rate, noverlap=192, cmap="magma", vmin=-110, vmax=-35
        )
        spectrum.set(xlim=(0, 1), ylim=(0, 4000), xticks=[0, 1], yticks=[])
    axes[1, 0].set(yticks=[0, 2000, 4000], yticklabels=["0", "2", "4 kHz"], xlabel="s")
    figure.savefig(HERE / "speech.png", dpi=100)


pictures()
speech()
