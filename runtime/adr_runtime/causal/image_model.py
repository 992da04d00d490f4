"""Pictures, token by token: from the top down, or a thumbnail first and then its details."""

from collections.abc import Iterator, Sequence
from typing import Unpack

import numpy as np

from adr_runtime.causal.config import GenerationConfig, GenerationOptions, Label, label_rows
from adr_runtime.causal.generator import TokenGenerator
from adr_runtime.causal.manifest import ImageSpec
from adr_runtime.causal.model import CausalModel
from adr_runtime.errors import InputError
from adr_runtime.limits import whole_number
from adr_runtime.media.images import Images


class ImageModel(CausalModel):
    """Generates pictures of one size."""

    KIND = "image"

    @property
    def size(self) -> tuple[int, int, int]:
        """Height, width and channels of a picture."""
        image = self.spec
        return image.height, image.width, image.channels

    @property
    def length(self) -> int:
        """Tokens of a picture."""
        assert self.manifest.tokens.length is not None
        return self.manifest.tokens.length

    @property
    def spec(self) -> ImageSpec:
        assert self.manifest.image is not None
        return self.manifest.image

    def generate(
        self, *, label: Label | Sequence[Label] = None, count: int | None = None, prompt: np.ndarray | None = None,
        **options: Unpack[GenerationOptions],
    ) -> Images:  # fmt: skip
        """Generate pictures.

        Args:
            label: One label for all, or a sequence with one for each picture; None is unconditional.
            count: How many; the bundle's default unless given, or as many as there are labels.
            prompt: The top rows of a picture, uint8 (rows, width, channels), which come back unchanged; not for models
                that make a thumbnail first.
            **options: The fields of `GenerationConfig`.

        Returns:
            `Images`, one for each row. Equal seeds give equal pictures, row by row, for any count.

        Raises:
            ADRError: In one line that says what to do.

        Example:
            >>> images = adr_runtime.ImageModel.load("digits").generate(label=7, count=16, seed=1)
            >>> images.save("sevens.png")
        """
        *_, images = self.stream(label=label, count=count, prompt=prompt, every=self.length, **options)
        return images

    def stream(
        self, *, label: Label | Sequence[Label] = None, count: int | None = None, prompt: np.ndarray | None = None,
        every: int = 1, **options: Unpack[GenerationOptions],
    ) -> Iterator[Images]:  # fmt: skip
        """Generate pictures and see them grow.

        Args:
            every: After how many tokens the pictures are shown again.
            label, count, prompt, **options: As those of `generate`.

        Returns:
            An iterator of `Images`, the last of which `generate` would have given. What has no token yet is as it is
            on average: grey patches, or a picture without its details.

        Raises:
            ADRError: In one line that says what to do, before anything is generated.
        """
        if not 1 <= whole_number(every, "every") <= self.length:
            raise InputError(f"every must be from 1 to {self.length} tokens, not {every}")
        growing = self.start(label=label, count=count, prompt=prompt, **options)
        return (growing.images() for _ in grow(growing, every))

    def start(
        self, *, label: Label | Sequence[Label] = None, count: int | None = None, prompt: np.ndarray | None = None,
        **options: Unpack[GenerationOptions],
    ) -> "Growing":  # fmt: skip
        """Pictures before their first token, with the arguments of `generate`. Raises InputError."""
        rows = label_rows(label, count, self.manifest.defaults.count)
        generator = TokenGenerator(self.opened, GenerationConfig(**options).resolve(self.manifest, rows))
        return Growing(generator, None if prompt is None else checked_prompt(self.spec, prompt))


class Growing:
    """Pictures while they are made, below the rows of `top` where there are some: the tokens so far, float32 (batch,
    channels) each."""

    def __init__(self, generator: TokenGenerator, top: np.ndarray | None = None):
        self.generator, self.progress, self.top = generator, generator.start(), top
        self.tokens: list[np.ndarray] = []
        length = generator.manifest.tokens.length
        assert length is not None
        self.length = length
        if top is not None:
            encoded = generator.sessions["encode"].run({"pixels": top[None].astype(np.float32) / 255})["tokens"]
            encoded = np.repeat(encoded, generator.batch, 0)
            generator.prefill(self.progress, encoded)
            self.tokens = list(encoded.transpose(1, 0, 2))

    @property
    def over(self) -> bool:
        """Whether every token is there."""
        return len(self.tokens) >= self.length

    def images(self) -> Images:
        """The pictures as they are now; what has no token yet is as it is on average."""
        missing = [np.zeros_like(self.tokens[0])] * (self.length - len(self.tokens))
        decoded = self.generator.decode(self.progress, np.stack([*self.tokens, *missing], 1))
        pixels: np.ndarray = (np.clip(decoded, 0, 1) * 255).round().astype(np.uint8)
        if self.top is not None:
            pixels[:, : len(self.top)] = self.top
        return Images(pixels, self.generator.settings.seed, self.generator.provenance())


def grow(growing: Growing, every: int) -> Iterator[None]:
    """Make the tokens that are missing, and stop after every so many, and after the last."""
    while not growing.over:
        growing.tokens.append(growing.generator.next_token(growing.progress))
        if len(growing.tokens) % every == 0 or growing.over:
            yield


def checked_prompt(image: ImageSpec, prompt: np.ndarray) -> np.ndarray:
    """The top of a picture, whole rows of patches, uint8 (h, width, channels). Raises InputError."""
    prompt = np.asarray(prompt)
    if image.levels > 1:
        raise InputError("this model makes a whole picture's thumbnail first, so it cannot continue one; leave it out")
    if prompt.dtype != np.uint8 or prompt.ndim != 3 or prompt.shape[1:] != (image.width, image.channels):
        raise InputError(
            f"the prompt must be uint8 (rows, {image.width}, {image.channels}), not {prompt.dtype} {prompt.shape}"
        )
    rows = prompt.shape[0] // image.patch * image.patch
    if not 0 < rows < image.height:
        raise InputError(
            f"the prompt must have from {image.patch} to {image.height - image.patch} rows, not {prompt.shape[0]}"
        )
    return prompt[:rows]
