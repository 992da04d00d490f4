"""The judges: small CNNs trained on real data, one for spoken words and one for pictures as small as digits; larger
pictures have one of their own (`adr_train.evaluation.picture_judge`).

They are trained on the spot, with a fixed seed, and kept as safetensors in a cache named by the data and the config.
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F
from torchaudio.transforms import MelSpectrogram

from adr_train.data.types import AudioClips, Images, LabelledData
from adr_train.evaluation.picture_judge import SMALLEST, PictureJudge
from adr_train.keeping import keep
from adr_train.waiting import counted

# What is kept of a judgement.
JUDGED = ("probabilities", "embeddings")


@dataclass(frozen=True)
class ClassifierConfig:
    """Four stages of convolution, batch norm and pooling. `version` changes with this file's behaviour."""

    channels: tuple[int, ...] = (32, 64, 96, 128)
    epochs: int = 24
    batch: int = 64
    learning_rate: float = 2e-3
    mels: int = 48
    seed: int = 0
    version: int = 1


class Classifier(nn.Module):
    """features (count, planes, height, width) -> embeddings (count, channels[-1]) -> logits (count, classes)."""

    def __init__(self, config: ClassifierConfig, planes: int, classes: int, pools: int):
        super().__init__()
        layers: list[nn.Module] = []
        for i, width in enumerate(config.channels):
            before = planes if i == 0 else config.channels[i - 1]
            layers += [nn.Conv2d(before, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU()]
            layers += [nn.MaxPool2d(2)] if i < pools else []
        self.body = nn.Sequential(*layers)
        self.dropout, self.output = nn.Dropout(0.3), nn.Linear(config.channels[-1], classes)

    def embed(self, features: Tensor) -> Tensor:
        activations: Tensor = self.body(features)
        return activations.mean((2, 3))

    def forward(self, features: Tensor) -> Tensor:
        logits: Tensor = self.output(self.dropout(self.embed(features)))
        return logits


class LogMelFeatures(nn.Module):
    """Clips of one second -> log-mel pictures (count, 1, mels, frames)."""

    def __init__(self, sample_rate: int, mels: int):
        super().__init__()
        window = sample_rate // 40
        self.mel = MelSpectrogram(sample_rate, n_fft=512, win_length=window, hop_length=sample_rate // 64, n_mels=mels)

    def forward(self, samples: Tensor) -> Tensor:
        return (torch.log(self.mel(samples) + 1e-4)[:, None] + 4) / 4


def pad_clips(clips: list[np.ndarray], sample_rate: int, offsets: np.ndarray | None = None) -> Tensor:
    """Clips cut or padded to one second, float32 (count, sample_rate); each begins at its offset, 0 by default."""
    padded = torch.zeros(len(clips), sample_rate)
    for i, clip in enumerate(clips):
        start = 0 if offsets is None else int(offsets[i] * max(sample_rate - len(clip), 0))
        part = torch.from_numpy(np.ascontiguousarray(clip[: sample_rate - start], np.float32))
        padded[i, start : start + len(part)] = part
    return padded


def augment_audio(clips: list[np.ndarray], sample_rate: int, random: np.random.Generator) -> Tensor:
    """Random position, loudness and noise floor: none of them should sway a judge of words."""
    samples = pad_clips(clips, sample_rate, random.random(len(clips)) * (random.random(len(clips)) < 0.7))
    gain = torch.from_numpy(10 ** random.uniform(-0.7, 0.7, (len(clips), 1))).float()
    floor = torch.from_numpy(10 ** random.uniform(-5, -2.3, (len(clips), 1))).float()
    noise = torch.from_numpy(random.standard_normal(samples.shape, np.float32))
    return samples * gain + noise * floor


def augment_images(pixels: np.ndarray, random: np.random.Generator) -> Tensor:
    """Shifts of up to a tenth of the size, and a little noise."""
    x = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255
    reach = max(x.shape[-1] // 10, 1)
    dy, dx = random.integers(-reach, reach + 1, 2)
    return torch.roll(x, (int(dy), int(dx)), (2, 3)) + 0.02 * torch.from_numpy(
        random.standard_normal(x.shape, np.float32)
    )


class Judge:
    """A trained classifier with its features: real or generated samples -> probabilities and embeddings."""

    def __init__(self, data: LabelledData, config: ClassifierConfig | None = None):
        self.config = config or ClassifierConfig()
        self.rate = data.sample_rate if isinstance(data, AudioClips) else None
        torch.manual_seed(self.config.seed)
        self.features = LogMelFeatures(self.rate, self.config.mels) if self.rate else nn.Identity()
        planes = 1 if isinstance(data, AudioClips) else data.pixels.shape[-1]
        pools = 4 if self.rate else {8: 2}.get(0 if isinstance(data, AudioClips) else data.pixels.shape[1], 3)
        self.model = Classifier(self.config, planes, len(data.names), pools)

    def fit(self, data: LabelledData) -> "Judge":
        """Train on a training split: AdamW, one-cycle learning rate, masking of bands and spans in sound."""
        config, random = self.config, np.random.default_rng(self.config.seed)
        labels = torch.from_numpy(data.labels)
        steps = max(len(labels) // config.batch, 1)
        optimizer = torch.optim.AdamW(self.model.parameters(), lr=config.learning_rate, weight_decay=0.05)
        rate = torch.optim.lr_scheduler.OneCycleLR(optimizer, config.learning_rate, total_steps=steps * config.epochs)
        self.model.train()
        for _ in counted(range(config.epochs), "training the judge"):
            order = random.permutation(len(labels))
            for index in np.array_split(order, steps):
                if isinstance(data, AudioClips):
                    clips = [data.clips[i] for i in index]
                    features = spec_augment(self.features(augment_audio(clips, data.sample_rate, random)), random)
                else:
                    features = augment_images(data.pixels[index], random)
                loss = F.cross_entropy(self.model(features), labels[index], label_smoothing=0.05)
                optimizer.zero_grad()
                torch.autograd.backward(loss)
                optimizer.step()
                rate.step()
        return self

    @torch.no_grad()
    def judge(self, samples: list[np.ndarray] | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Clips, or uint8 pictures (count, h, w, c) -> probabilities (count, classes), embeddings, both float64."""
        self.model.eval()
        parts = []
        for a in range(0, len(samples), 256):
            part = samples[a : a + 256]
            if self.rate:
                features = self.features(pad_clips(list(part), self.rate))
            else:
                features = torch.from_numpy(np.asarray(part)).permute(0, 3, 1, 2).float() / 255
            embedded = self.model.embed(features)
            parts.append((self.model.output(embedded).softmax(-1), embedded))
        probabilities, embeddings = (torch.cat(p).double().numpy() for p in zip(*parts, strict=True))
        return probabilities, embeddings


def spec_augment(features: Tensor, random: np.random.Generator) -> Tensor:
    """SpecAugment (Park et al. 2019): one band and one span at the floor."""
    bands, frames = features.shape[-2:]
    band, span = int(random.integers(bands - 6)), int(random.integers(frames - 8))
    features = features.clone()
    features[:, :, band : band + int(random.integers(7))] = features.min()
    features[:, :, :, span : span + int(random.integers(9))] = features.min()
    return features


def untrained_judge(data: LabelledData, config: ClassifierConfig | None = None) -> Judge | PictureJudge:
    """The judge that fits the data: larger pictures have their own, with its own config."""
    if isinstance(data, Images) and data.pixels.shape[1] >= SMALLEST:
        return PictureJudge(data)
    return Judge(data, config)


def cached_judge(data: LabelledData, cache: Path, config: ClassifierConfig | None = None) -> Judge | PictureJudge:
    """A judge from the cache, or trained and put there, under a temporary name first."""
    judge = untrained_judge(data, config)
    path = cache / f"judge-{fingerprint(json.dumps(asdict(judge.config)).encode(), data)}.safetensors"
    if path.is_file():
        judge.model.load_state_dict(load_file(path))
        return judge
    # Each judge's `fit` takes the kind of data that it was chosen for.
    judge.fit(data)  # type: ignore[arg-type]
    keep(path, judge.model.state_dict())
    return judge


def cached_judgement(judge: Judge | PictureJudge, data: LabelledData, cache: Path) -> tuple[np.ndarray, np.ndarray]:
    """What a judge says of all samples of a split, from the cache where it was said before: of the 45,000 pictures of
    CIFAR-10 it takes minutes on a CPU."""
    weights = b"".join(value.cpu().numpy().tobytes() for value in judge.model.state_dict().values())
    config = json.dumps(asdict(judge.config)).encode()
    path = cache / f"judged-{fingerprint(config + weights, data)}.safetensors"
    if not path.is_file():
        judged = judge.judge(samples_of(data))
        # Float32 is what the network computed in.
        keep(path, {name: torch.from_numpy(values).float() for name, values in zip(JUDGED, judged, strict=True)})
    kept = load_file(path)
    probabilities, embeddings = (kept[name].double().numpy() for name in JUDGED)
    return probabilities, embeddings


def samples_of(data: LabelledData) -> list[np.ndarray] | np.ndarray:
    return data.clips if isinstance(data, AudioClips) else data.pixels


def fingerprint(what: bytes, data: LabelledData) -> str:
    """The beginning of a hash of something together with data."""
    digest = hashlib.sha256(what)
    digest.update(data.labels.tobytes())
    for sample in samples_of(data):
        digest.update(np.ascontiguousarray(sample).tobytes())
    return digest.hexdigest()[:16]
