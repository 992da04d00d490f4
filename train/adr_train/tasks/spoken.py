"""Training an ADR model to speak: tokens of sentences, told by controls which phone is being said."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from adr_models import ADRConfig, ADRModel
from adr_models.tokens.codec import CodecTokens
from adr_models.tokens.vocoder import VocoderTokens
from adr_runtime.spoken_text.controls import CONTROLS
from torch import Tensor

from adr_train.data.align import measured_paces
from adr_train.data.types import AlignedSpeech, Dataset
from adr_train.errors import TrainError
from adr_train.loop import Trainer
from adr_train.processes import Processes
from adr_train.recipes.recipe import Recipe
from adr_train.tasks.adr import ADRJob, ADRLoss, read_codec
from adr_train.tasks.latents import fit_vocoder
from adr_train.tasks.new_axes import FROM_AXES, NEW, carry_over
from adr_train.tasks.spoken_batches import spoken_batches
from adr_train.tasks.start import Start, begin


class SpokenJob(ADRJob):
    """A model of aligned speech, which has no labels, and the controls of `adr_runtime.spoken_text.controls`."""

    def __init__(
        self, recipe: Recipe, data: Dataset, held_out: Dataset, processes: Processes, source: Path | None,
        start: Start | None = None, axes: dict[str, Tensor] | None = None,
    ):  # fmt: skip
        """`axes` are the vocoder's of a run that goes on, which are not measured anew. Those of a start are where it
        says so."""
        config, train = recipe.model, recipe.train
        assert isinstance(config, ADRConfig) and isinstance(data, AlignedSpeech) and isinstance(held_out, AlignedSpeech)
        if config.controls or bool(recipe.tokens) == bool(config.vocoder):
            raise TrainError(
                f"{recipe.name}: a recipe of aligned speech has a vocoder, or its codec's name in `tokens`; no controls"
            )
        self.recipe, self.began, self.sequences = recipe, start.provenance() if start else {}, len(data.texts)
        self.paces = measured_paces(data.folder) if train.speakers else {}
        self.codec_training, state = dict[str, Any](), dict[str, Tensor]()
        if recipe.tokens:
            codec, state, self.codec_training = read_codec(recipe, source)
            config = replace(config, codec=codec)
        assert config.audio is not None
        if data.sample_rate != config.audio.sample_rate:
            raise TrainError(f"{recipe.dataset} is at {data.sample_rate} Hz, tokens at {config.audio.sample_rate} Hz")
        speakers = tuple(sorted(set(data.speakers))) if train.speakers else ()
        model = ADRModel(replace(config, speakers=speakers, controls=dict(CONTROLS)))
        tokens = model.tokens
        assert isinstance(tokens, CodecTokens | VocoderTokens)
        if state or axes:
            tokens.load_state_dict(state or axes or {})
        tokens.requires_grad_(False)
        if start:
            begin(model, start)
        if isinstance(tokens, VocoderTokens) and not axes and (not start or start.new_axes):
            before = {name: buffer.clone() for name, buffer in tokens.state_dict().items()}
            fit_vocoder(data, tokens, train.loudness)
            if start:
                carry_over(model, before)
                self.began[FROM_AXES] = NEW
        model.to(processes.device)
        batches, self.validation = spoken_batches(model, data, held_out, train, processes.device)
        self.sample_range = start.clip if start and not start.new_axes else 1.1 * float(batches.latents.abs().max())
        self.trainer = Trainer(model, ADRLoss(model), batches, train, processes)

    def provenance(self) -> dict[str, Any]:
        return super().provenance() | self.paces
