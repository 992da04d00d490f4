"""A codec alone, on the real test split: python bench/codec.py speech-digits --data FOLDER

Mel distance (mean absolute difference of log mel bands), PESQ (ITU-T P.862, narrow band; needs `pip install pesq`) of
clips of at least half a second, and whether encoding and decoding twice gives the same bits.
"""

import argparse
import json
from pathlib import Path

import adr_runtime
import numpy as np
from adr_runtime.media.spectrogram import mel_spectrogram
from adr_train.data.datasets import load_dataset
from adr_train.data.types import AudioClips, level


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--dataset", default="fsdd")
    given = parser.parse_args()
    model = adr_runtime.AudioModel.load(given.bundle, "cpu", 1)
    data = load_dataset(given.dataset, given.data, "test")
    assert isinstance(data, AudioClips)
    rate, mel, scores, repeats = data.sample_rate, [], [], True
    for clip in level(data, 0.07).clips:
        made = model.reconstruct(clip)
        repeats &= np.array_equal(made, model.reconstruct(clip))
        a, b = (np.maximum(mel_spectrogram(x, rate, max(len(clip) * 100 // rate, 1), 40), -60) for x in (clip, made))
        mel.append(float(np.abs(a - b).mean()))
        if len(clip) >= rate // 2:
            try:
                from pesq import PesqError, pesq
            except ImportError:
                continue
            # -1 where it finds no utterance in a clip this short.
            scores.append(pesq(rate, clip, made, "nb", on_error=PesqError.RETURN_VALUES))
    report = {"clips": len(mel), "mel_distance_db": round(float(np.mean(mel)), 2), "bit_exact_repeat": bool(repeats)}
    scores = [score for score in scores if score > 0]
    if scores:
        report |= {"pesq_clips": len(scores), "pesq_mean": round(float(np.mean(scores)), 3)}
    print(json.dumps(report))


main()
