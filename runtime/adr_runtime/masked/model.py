"""Masked models: pictures generated in any order, several tokens a network call, and given ones filled in."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self, Unpack

import numpy as np

from adr_runtime.any_order.windows import fill_windows
from adr_runtime.causal.config import Label, label_rows
from adr_runtime.causal.manifest import ImageSpec
from adr_runtime.errors import InputError
from adr_runtime.inference.model import LoadedModel
from adr_runtime.inference.opening import OpenBundle, open_model
from adr_runtime.limits import check_bytes
from adr_runtime.masked.config import MaskedConfig, MaskedOptions, MaskedSettings
from adr_runtime.masked.filler import MAX_ROWS, TokenFiller
from adr_runtime.masked.manifest import MASKED, MaskedManifest
from adr_runtime.media.images import Images
from adr_runtime.media.provenance import origin

# Bytes of an answer's pixel, and of what is copied around it; and of a token's value in a call.
PIXEL_BYTES, VALUE_BYTES = 40.0, 64.0


class MaskedModel(LoadedModel):
    """Generates pictures of one size in any order, and fills in what is missing of given ones."""

    def __init__(self, opened: OpenBundle):
        manifest = opened.bundle.manifest
        assert isinstance(manifest, MaskedManifest)
        super().__init__(opened)
        self.manifest, self.sessions = manifest, opened.sessions

    @classmethod
    def load(cls, name: str | Path, provider: str = "auto", threads: int | None = None) -> Self:
        """Load any bundle of a masked model by its folder or its name on a hub. As `ImageModel.load`."""
        return cls(open_model(name, {"masked": MASKED}, provider, threads))

    @property
    def spec(self) -> ImageSpec:
        return self.manifest.image

    @property
    def size(self) -> tuple[int, int, int]:
        """Height, width and channels of a picture, or of a window of one that is filled in."""
        return self.spec.height, self.spec.width, self.spec.channels

    def generate(
        self, *, label: Label | Sequence[Label] = None, count: int | None = None, **options: Unpack[MaskedOptions]
    ) -> Images:
        """Generate pictures.

        Args:
            label: One label for all, or a sequence with one for each picture; None is unconditional.
            count: How many; the bundle's default unless given, or as many as there are labels.
            **options: The fields of `MaskedConfig`.

        Returns:
            `Images`, one for each row. Equal seeds give equal pictures, row by row, for any count.

        Raises:
            ADRError: In one line that says what to do.

        Example:
            >>> adr_runtime.MaskedModel.load("bundles/mine").generate(label="cat", count=4, calls=12).save("cats.png")
        """
        settings = self.resolve(label_rows(label, count, self.manifest.defaults.count), options)
        self.check_memory(len(settings.labels), self.size)
        tokens = np.zeros((len(settings.labels), self.manifest.length, self.manifest.tokens.channels), np.float32)
        known = np.zeros(self.manifest.length, bool)
        pixels = self.decode(TokenFiller(self.opened, settings, settings.seed).fill(tokens, known))
        return Images(pixels, settings.seed, self.provenance(settings))

    def fill(
        self, picture: np.ndarray, mask: np.ndarray, *, label: Label | Sequence[Label] = None, count: int | None = None,
        **options: Unpack[MaskedOptions],
    ) -> Images:  # fmt: skip
        """Fill in what is missing of a picture.

        Args:
            picture: uint8 (rows, columns, channels) of any size; one that is larger than the model's is filled in
                window by window.
            mask: (rows, columns); what it has 0 comes back exactly as given, the rest is made anew. A region of the
                model of which any pixel is missing is made as a whole, and the model sees none of it.
            label: As that of `generate`.
            count: How many answers; one unless given, or as many as there are labels.
            **options: The fields of `MaskedConfig`.

        Returns:
            `Images`, one for each answer. Equal seeds give equal answers, row by row, for any count.

        Raises:
            ADRError: In one line that says what to do.
        """
        picture, mask = np.asarray(picture), np.asarray(mask)
        fits = picture.ndim == 3 and picture.size and picture.shape[2] == self.size[2] and picture.dtype == np.uint8
        if not fits or mask.shape != picture.shape[:2]:
            raise InputError(
                f"{self.name} fills in pictures uint8 (rows, columns, {self.size[2]}) with a mask (rows, columns)"
            )
        settings = self.resolve(label_rows(label, count), options)
        count = len(settings.labels)
        self.check_memory(count, picture.shape)
        target = np.broadcast_to(mask[..., None] != 0, picture.shape)

        def sample(start: np.ndarray, observed: np.ndarray, now: np.ndarray, seed: int) -> np.ndarray:
            return self.fill_window(start, observed, TokenFiller(self.opened, settings, seed))

        pixels = fill_windows(sample, self.size, picture.astype(np.int64), target, count, settings.seed)
        return Images(pixels.astype(np.uint8), settings.seed, self.provenance(settings, filled="given"))

    def fill_window(self, start: np.ndarray, observed: np.ndarray, filler: TokenFiller) -> np.ndarray:
        """Values int64 (count, D) of a window's pixels, of which `observed` bool (D,) are given in each row."""
        tokens, known = self.encode(start.reshape(-1, *self.size)), self.known_tokens(observed.reshape(self.size))
        made: np.ndarray = self.decode(filler.fill(tokens, known)).reshape(len(start), -1).astype(np.int64)
        return made

    def known_tokens(self, observed: np.ndarray) -> np.ndarray:
        """Which tokens bool (length,) are known of a picture of whose pixels some are, bool (height, width, channels):
        at every level those of the regions that are known as a whole, since nothing else goes into a token."""
        (height, width, _), side = self.size, self.spec.patch
        regions = observed.reshape(height // side, side, width // side, side, -1).all((1, 3, 4))
        return np.tile(regions.reshape(-1), self.spec.levels)

    def encode(self, pixels: np.ndarray) -> np.ndarray:
        """Pixels from 0 to 255 (count, height, width, channels) -> tokens float32 (count, length, C)."""
        parts = []
        for a in range(0, len(pixels), MAX_ROWS):
            values = pixels[a : a + MAX_ROWS].astype(np.float32) / 255
            parts.append(self.sessions["encode"].run({"pixels": values})["tokens"])
        return np.concatenate(parts)

    def decode(self, tokens: np.ndarray) -> np.ndarray:
        """tokens float32 (count, length, C) -> pixels uint8 (count, height, width, channels)."""
        parts = []
        for a in range(0, len(tokens), MAX_ROWS):
            decoded = self.sessions["decode"].run({"tokens": tokens[a : a + MAX_ROWS]})["pixels"]
            parts.append((np.clip(decoded, 0, 1) * 255).round().astype(np.uint8))
        return np.concatenate(parts)

    def resolve(self, labels: Sequence[Label], options: MaskedOptions) -> MaskedSettings:
        """Checked settings of a generation. Raises InputError."""
        return MaskedConfig(**options).resolve(self.manifest, labels)

    def check_memory(self, count: int, shape: tuple[int, ...]) -> None:
        """Raises InputError where `count` pictures of a shape, and their tokens, need too much memory."""
        values = self.manifest.length * self.manifest.tokens.channels
        needed = count * (PIXEL_BYTES * float(np.prod(shape)) + VALUE_BYTES * values)
        check_bytes(needed, f"{count} pictures of {shape[1]} x {shape[0]} pixels")

    def provenance(self, settings: MaskedSettings, **more: str) -> dict[str, Any]:
        """Where what was generated comes from, as files carry it."""
        names = [*self.manifest.labels, None]
        return origin(self.name, self.bundle.hash, settings.seed) | {
            "labels": [names[i] for i in settings.labels], "calls": settings.calls, "order": settings.order,
            "steps": settings.steps, "sampler": settings.sampler, "guidance": settings.guidance,
            "temperature": settings.temperature, **more, "provider": self.provider,
        }  # fmt: skip
