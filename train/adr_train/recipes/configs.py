"""What a recipe says beside its model: how it is trained, and the losses of codecs and of distilled heads."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class TrainConfig:
    """How a model is trained.

    One of `steps` and `minutes` ends the run, and the learning rate follows it: a linear warm-up over the fraction
    `warmup`, then a cosine down to nothing. `batch` sequences make a step; they are drawn in `shards` equal parts
    with one random generator each, so that any number of processes that divides `shards` computes the same losses.
    Up to `silence` silent tokens follow the longest clip of a batch; `loudness` brings every clip to one root mean
    square, as far as its peak allows; `speakers` conditions on who speaks; rows of aligned speech are as long as a
    number of seconds that is drawn for each batch from a `window`; so many steps of gradient descent `by_synthesis`
    make what a vocoder says of clips sound more like them; `flip` mirrors half of the pictures;
    `prefixes` are the shares of batches that stop after the first, the second, ... level of a pyramid;
    `ema` is the decay of the weights' moving average in a long run (a second one forgets twice as fast);
    `optimizer` is AdamW, or Muon for the matrices of the blocks.
    """

    steps: int | None = None
    minutes: float | None = None
    batch: int = 64
    shards: int = 4
    learning_rate: float = 1e-3
    warmup: float = 0.02
    weight_decay: float = 0.01
    betas: tuple[float, ...] = (0.9, 0.98)
    grad_clip: float = 1.0
    ema: float = 0.999
    silence: int = 32
    loudness: float | None = None
    speakers: bool = False
    window: tuple[float, ...] = (4.0, 8.0)
    by_synthesis: int = 0
    flip: bool = False
    prefixes: tuple[float, ...] = ()
    precision: str = "auto"
    compile: bool = False
    seed: int = 0
    optimizer: Literal["adamw", "muon"] = "adamw"

    def __post_init__(self) -> None:
        if self.optimizer not in ("adamw", "muon"):
            raise ValueError(f"train.optimizer is adamw or muon, not {self.optimizer!r}")
        if type(self.by_synthesis) is not int or self.by_synthesis < 0:
            raise ValueError(f"train.by_synthesis is a number of steps, 0 or more, not {self.by_synthesis!r}")
        if self.prefixes and (min(self.prefixes) < 0 or abs(sum(self.prefixes) - 1) > 1e-6):
            raise ValueError(f"train.prefixes must be shares that add up to 1, not {self.prefixes}")
        if len(self.window) != 2 or not 0 < self.window[0] <= self.window[1]:
            raise ValueError(f"train.window must be the fewest and the most seconds, not {self.window}")


@dataclass(frozen=True)
class CodecLossConfig:
    """Weights of the terms beside the spectral one: waveform L1 and KL divergence of the latents (nats a token); and,
    for the part of the run after `adversary_from`, how large the gradients of the adversary and of the matching of its
    activations are beside that of the distance of waveforms and spectra. Rows are `seconds` long, of which the
    adversary hears `adversary_seconds`; its first layers have `adversary_width` channels, and its learning rate is
    `adversary_rate` where the codec's is at its peak. Where the `encoder` does not learn, what was made of its latents
    stays true."""

    seconds: float = 1.024
    wave: float = 0.5
    kl: float = 1e-3
    encoder: bool = True
    adversary: float = 1.0
    matching: float = 2.0
    adversary_from: float = 0.2
    adversary_rate: float = 5e-4
    adversary_seconds: float = 0.512
    adversary_width: int = 32


@dataclass(frozen=True)
class DistilConfig:
    """How a head learns jumps: the teacher's guidance, which becomes part of it, one number or one for each of several
    equal parts of a picture's tokens; the part of the draws that learn the slope, a jump of no length; and the rule of
    the others (`adr_train.tasks.jump_rules`)."""

    guidance: float | tuple[float, ...] = 2.0
    slope: float = 0.25
    rule: str = "halves"
