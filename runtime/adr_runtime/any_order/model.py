"""Any-order models: pictures, text and audio generated in any order, filled in, and scored."""

from pathlib import Path
from typing import Any, Self, Unpack

import numpy as np

from adr_runtime.any_order.config import AnyOrderConfig, AnyOrderOptions, AnyOrderSettings
from adr_runtime.any_order.manifest import ANY_ORDER
from adr_runtime.any_order.network import AnyOrderNetwork
from adr_runtime.any_order.scoring import Score, read_to_score, score_files
from adr_runtime.any_order.templates import check_template, fill_template
from adr_runtime.any_order.variables import from_pixels, from_samples, to_pixels, to_samples
from adr_runtime.any_order.windows import fill_windows
from adr_runtime.errors import InputError
from adr_runtime.inference.opening import open_model
from adr_runtime.limits import check_bytes, check_count, real_number
from adr_runtime.media.audio import Audio
from adr_runtime.media.images import Images
from adr_runtime.media.provenance import origin
from adr_runtime.media.texts import Texts
from adr_runtime.philox import checked_seed

# Bytes of an answer's value, and of what is copied around it.
VALUE_BYTES = 40.0


class AnyOrderModel(AnyOrderNetwork):
    """Generates variables in any order, and as many at a time as a budget of network calls allows."""

    @classmethod
    def load(cls, name: str | Path, provider: str = "auto", threads: int | None = None) -> Self:
        """Load a shipped model by name, or any bundle by its folder or its name on a hub. As `AudioModel.load`."""
        return cls(open_model(name, {"ardm": ANY_ORDER}, provider, threads))

    def generate(
        self, *, count: int | None = None, picture: np.ndarray | None = None, mask: np.ndarray | None = None,
        **options: Unpack[AnyOrderOptions],
    ) -> Images:  # fmt: skip
        """Generate pictures, or fill a given one in.

        Args:
            count: How many; the bundle's default unless given.
            picture: uint8 (rows, columns, channels) of any size, to be filled in.
            mask: (rows, columns); what it has 0 comes back exactly as given, the rest is filled in around it.
            **options: The fields of `AnyOrderConfig`.

        Returns:
            `Images`, one for each answer. Equal seeds give equal pictures.

        Raises:
            ADRError: In one line that says what to do.

        Example:
            >>> adr_runtime.AnyOrderModel.load("digits-any").generate(count=4, seed=1).save("digits.png")
        """
        self.require("image", "pictures")
        spec, settings = self.variables, AnyOrderConfig(**options).resolve(self.manifest)
        count = self.manifest.defaults.count if count is None else count
        if picture is None and mask is not None:
            raise InputError("a mask belongs to a picture; give both")
        if picture is None:
            nothing = np.zeros(spec.shape, np.int64)
            values = self.fill(nothing, nothing == 0, count, settings)
            pixels = to_pixels(values, spec.levels, spec.colour, saturate=True)
        else:
            pixels = self.fill_picture(np.asarray(picture), mask, count, settings)
        return Images(pixels, settings.seed, self.provenance(settings, filled="" if picture is None else "given"))

    def fill_picture(
        self, picture: np.ndarray, mask: np.ndarray | None, count: int, settings: AnyOrderSettings
    ) -> np.ndarray:
        spec, mask = self.variables, None if mask is None else np.asarray(mask)
        fits = picture.ndim == 3 and picture.size and picture.shape[2] == spec.shape[2] and picture.dtype == np.uint8
        if not fits or mask is None or mask.shape != picture.shape[:2]:
            raise InputError(
                f"{self.name} fills in pictures uint8 (rows, columns, {spec.shape[2]}) with a mask (rows, columns)"
            )
        holes = np.broadcast_to(mask[..., None] != 0, picture.shape)
        values = self.fill(from_pixels(picture, spec.levels, spec.colour), holes, count, settings)
        return np.where(holes, to_pixels(values, spec.levels, spec.colour, saturate=True), picture)

    def fill_text(self, template: str, *, hole: str = "?", count: int = 1, **options: Unpack[AnyOrderOptions]) -> Texts:
        """Fill the holes of a text.

        Args:
            template: Text of any length; all but its holes comes back exactly.
            hole: The character that marks a hole, one of ASCII.
            count: How many answers.
            **options: The fields of `AnyOrderConfig`.

        Returns:
            `Texts`. Equal seeds give equal texts.

        Raises:
            ADRError: In one line that says what to do.

        Example:
            >>> print(adr_runtime.AnyOrderModel.load("shakespeare").fill_text("to be ??? not to be", seed=1))
        """
        self.require("text", "text")
        data = check_template(template, hole)
        settings = AnyOrderConfig(**options).resolve(self.manifest)

        def fill(values: np.ndarray, target: np.ndarray) -> np.ndarray:
            return self.fill(values, target, count, settings)

        texts = fill_template(data, hole, self.variables.alphabet, fill)
        return Texts(texts, settings.seed, self.provenance(settings))

    def generate_audio(
        self, *, seconds: float = 1.0, count: int = 1, prompt: np.ndarray | None = None,
        **options: Unpack[AnyOrderOptions],
    ) -> Audio:  # fmt: skip
        """Generate audio of 16-bit samples.

        Args:
            seconds: How much new audio.
            count: How many clips.
            prompt: int16 samples (samples,) at the model's rate, with which every clip begins.
            **options: The fields of `AnyOrderConfig`.

        Returns:
            `Audio` whose samples are int16.

        Raises:
            ADRError: In one line that says what to do.
        """
        self.require("audio", "audio")
        spec, settings = self.variables, AnyOrderConfig(**options).resolve(self.manifest)
        if not 0 < real_number(seconds, "seconds") < float("inf"):
            raise InputError(f"seconds must be more than 0 and finite, not {seconds:g}")
        check_bytes(VALUE_BYTES * (count + 1) * seconds * spec.sample_rate, f"{count} sound(s) of {seconds:g} s")
        new = max(round(seconds * spec.sample_rate), 1)
        heard = np.zeros(0, np.int16) if prompt is None else np.asarray(prompt)
        if heard.dtype != np.int16 or heard.ndim != 1:
            raise InputError(f"a prompt is int16 (samples,), not {heard.dtype} {heard.shape}")
        values = np.concatenate([from_samples(heard, spec.levels), np.zeros(new, np.int64)])
        target = np.arange(len(values)) >= len(heard)
        answers = self.fill(values[None, :, None], target[None, :, None], count, settings)
        samples = to_samples(answers[:, 0, :, 0], spec.levels)
        samples = np.concatenate([np.broadcast_to(heard, (count, len(heard))), samples[:, len(heard) :]], 1)
        provenance = self.provenance(settings) | {"sample_rate": spec.sample_rate}
        return Audio(samples, spec.sample_rate, settings.seed, (samples.shape[1],) * count, provenance)

    def fill(self, values: np.ndarray, target: np.ndarray, count: int, settings: AnyOrderSettings) -> np.ndarray:
        """`count` answers int64 (count, rows, columns, channels) of any size, text and sound being one row: `values`
        int64 (rows, columns, channels) with the `target`, bool of that shape, drawn. Raises InputError."""
        spec, values, target = self.variables, np.asarray(values), np.asarray(target)
        fits = values.ndim == 3 and values.size and values.shape[2] == spec.shape[2] and values.shape == target.shape
        if not fits or (spec.kind != "image" and len(values) != 1) or values.dtype.kind not in "iu":
            rows = "rows" if spec.kind == "image" else "1"
            raise InputError(
                f"{self.name} fills in integers of shape ({rows}, columns, {spec.shape[2]}) and a mask of that shape, "
                f"not {values.dtype} {values.shape} with a mask {target.shape}"
            )
        check_count(count)
        check_bytes(VALUE_BYTES * (count + 1) * values.size, f"{count} x {values.size} values")

        def sample(start: np.ndarray, observed: np.ndarray, now: np.ndarray, seed: int) -> np.ndarray:
            return self.sample(start, observed, now, settings, seed)

        return fill_windows(sample, spec.shape, values, target != 0, count, settings.seed)

    def score(self, path: str | Path, *, steps: int | None = None, seed: int = 0) -> Score:
        """How likely the model finds a file of its kind, coding nothing; `steps` network calls a block, the bundle's
        default unless given. Raises ADRError."""
        return score_files(self, [read_to_score(Path(path), self)], steps, checked_seed(seed))

    def require(self, kind: str, what: str) -> None:
        """Raises InputError for a model of another kind."""
        if self.kind != kind:
            raise InputError(f"{self.name} makes {self.kind}, not {what}")

    def provenance(self, settings: AnyOrderSettings, **more: str) -> dict[str, Any]:
        """Where what was generated comes from, as files carry it."""
        return origin(self.name, self.bundle.hash, settings.seed) | {
            "steps": settings.calls, "temperature": settings.temperature, **more, "provider": self.provider,
        }  # fmt: skip
