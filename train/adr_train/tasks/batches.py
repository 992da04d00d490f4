"""From a data set to batches of tokens, in an order that depends on nothing but the seed and the step.

A run that was killed therefore resumes in the middle of an epoch by its step number alone, and several processes
agree on a batch without talking.
"""

from collections.abc import Callable

import numpy as np
import torch
from adr_models.tokens.geometry import PictureTokens, Tokens
from adr_models.tokens.pyramid import PyramidTokens
from adr_models.tokens.vocoder import VocoderTokens
from torch import Tensor, nn

from adr_train.data.batch import Batch
from adr_train.data.types import AudioClips, LabelledData
from adr_train.data.vocoder import frame_values
from adr_train.tasks.by_synthesis import by_synthesis
from adr_train.waiting import counted

POOL = 16


def epoch_order(lengths: np.ndarray, batch: int, seed: int, epoch: int) -> np.ndarray:
    """Indices int64 (batches, batch) of one epoch: shuffled, then sorted by length inside pools of 16 batches, so
    that little padding is needed, then the batches shuffled. What does not fill a batch waits for another epoch."""
    random = np.random.default_rng((seed, epoch))
    size = min(batch, len(lengths))
    order = random.permutation(len(lengths))[: len(lengths) // size * size]
    pools = [order[a : a + POOL * size] for a in range(0, len(order), POOL * size)]
    batches = np.concatenate([pool[np.argsort(lengths[pool], kind="stable")] for pool in pools])
    return random.permutation(batches.reshape(-1, size))


def padded(rows: list[Tensor], value: int) -> Tensor:
    """Sequences (length,) as rows of one length (rows, longest), `value` behind the shorter ones."""
    return nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=value)


class EpochBatches:
    """Which sequences make the batch of any step; the order of the epoch that was asked for last is kept."""

    def __init__(self, lengths: np.ndarray, batch: int, seed: int):
        self.lengths, self.batch, self.seed = lengths, batch, seed
        self.epoch, self.order = -1, np.empty((0, batch), np.int64)

    def at(self, step: int) -> np.ndarray:
        """Indices int64 (batch,)."""
        per_epoch = max(len(self.lengths) // self.batch, 1)
        if step // per_epoch != self.epoch:
            self.epoch = step // per_epoch
            self.order = epoch_order(self.lengths, self.batch, self.seed, self.epoch)
        return np.asarray(self.order[step % per_epoch])


class Batches:
    """The whole batch of any step, of which a process takes its part. Pictures lie on a device, together with
    `tokens`, and are encoded there: a GPU need not wait for them."""

    def __init__(
        self, data: LabelledData, tokens: Tokens, batch: int, seed: int, silence: int = 32, flip: bool = False,
        speakers: tuple[str, ...] = (), prefixes: tuple[float, ...] = (), device: torch.device | str = "cpu",
        by_synthesis: int = 0,
    ):  # fmt: skip
        self.by_synthesis = by_synthesis
        self.data, self.tokens, self.batch, self.seed = data, tokens, batch, seed
        self.silence, self.flip, self.prefixes, self.device = silence, flip, prefixes, device
        self.labels = torch.from_numpy(np.asarray(data.labels, np.int64))
        # A speaker who is not among those of the training data is the null speaker.
        voices = data.speakers if isinstance(data, AudioClips) and speakers else ("",) * len(self.labels)
        self.speakers = torch.tensor([speakers.index(v) if v in speakers else len(speakers) for v in voices])
        if isinstance(data, AudioClips):
            self.clips, self.silent = encodable(data, tokens)
            self.lengths = np.array([len(clip) for clip in self.clips])
            self.make_batch: Callable[[np.ndarray, np.random.Generator], Batch] = self.audio_batch
        else:
            self.lengths = np.zeros(len(data.pixels), np.int64)
            self.pixels = torch.from_numpy(data.pixels).to(device)
            self.make_batch = self.image_batch
        self.batches = EpochBatches(self.lengths, batch, seed)

    def prepare(self) -> None:
        """What takes minutes, and the tokens as they will stay: called before the first batch. Raises TrainError."""
        if self.by_synthesis:
            assert isinstance(self.data, AudioClips) and isinstance(self.tokens, VocoderTokens)
            self.clips = by_synthesis(self.data.clips, self.clips, self.silent, self.tokens, self.by_synthesis)

    def at(self, step: int) -> Batch:
        return self.make_batch(self.batches.at(step), np.random.default_rng((self.seed, 1, step)))

    def image_batch(self, index: np.ndarray, random: np.random.Generator) -> Batch:
        assert isinstance(self.tokens, PictureTokens)
        pixels = self.pixels[torch.from_numpy(index).to(self.device)].float() / 255
        if self.flip:
            mirrored = torch.from_numpy(random.random(len(index)) < 0.5).to(self.device)
            pixels = torch.where(mirrored[:, None, None, None], pixels.flip(2), pixels)
        tokens = self.tokens.encode(pixels)
        if self.prefixes and isinstance(self.tokens, PyramidTokens):
            levels = 1 + int(random.choice(len(self.prefixes), p=self.prefixes))
            tokens = tokens[:, : levels * self.tokens.regions]
        whole = torch.ones(tokens.shape[:2], dtype=torch.bool)
        return Batch(tokens, self.labels[index], self.speakers[index], whole, ~whole)

    def audio_batch(self, index: np.ndarray, random: np.random.Generator) -> Batch:
        """Clips behind a random silence shorter than a token (frames then fall anywhere on a word), and before a
        silence of 4 to `silence` tokens, mostly short; without the long ones guidance makes bursts of noise out of
        silences longer than any that was seen. Of the tokens in it a quarter count: it is easily learned."""
        assert not isinstance(self.tokens, PictureTokens)
        hop = self.tokens.config.stride if isinstance(self.tokens, VocoderTokens) else self.tokens.hop
        spoken = -(-(int(self.lengths[index].max()) + hop) // hop)
        length = spoken + 4 + int(random.random() ** 3 * max(self.silence - 3, 0))
        sound = self.silent.expand(len(index), length * hop, *self.silent.shape).clone()
        mask = torch.from_numpy(random.random((len(index), length)) < 0.25)
        ended = torch.zeros_like(mask)
        for row, i in enumerate(index):
            clip = self.clips[i]
            shift = int(random.integers(hop))
            sound[row, shift : shift + len(clip)] = clip
            after = -(-(shift + len(clip)) // hop)
            mask[row, : after + 3] = True
            ended[row, after + self.tokens.delay // hop :] = True
        with torch.no_grad():
            tokens = self.tokens.encode(sound)
        return Batch(tokens, self.labels[index], self.speakers[index], mask, ended)


def encodable(data: AudioClips, tokens: Tokens) -> tuple[list[Tensor], Tensor]:
    """What tokens are made of, and what of it is silent: samples (samples,) and (), or a vocoder's frames
    (frames, values) and (values,)."""
    if not isinstance(tokens, VocoderTokens):
        return [torch.from_numpy(clip) for clip in data.clips], torch.zeros(())
    hop, values = tokens.config.hop, tokens.config
    clips = list[Tensor]()
    for clip in counted(data.clips, "recordings taken apart"):
        clips.append(torch.from_numpy(frame_values(np.pad(clip, (0, -len(clip) % hop)), values)))
    return clips, torch.from_numpy(frame_values(np.zeros(hop, np.float32), values)[0])
