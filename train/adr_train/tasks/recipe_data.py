"""The splits that a recipe trains and validates on, in the form that its model takes."""

from pathlib import Path

from adr_models import ADRConfig
from adr_models.any_order.baseline import CausalConfig
from adr_models.any_order.network import ARDMConfig
from adr_models.tokens.codec import CodecConfig

from adr_train.data.datasets import SOUNDS, load_dataset
from adr_train.data.types import AudioClips, Dataset, Images, level
from adr_train.data.variables import own_form
from adr_train.errors import TrainError
from adr_train.recipes.recipe import ModelConfig, Recipe
from adr_train.tasks.job import read_source


def load_splits(
    recipe: Recipe, folder: Path | None, shape: tuple[int, int, int] | None = None, sample_rate: int | None = None
) -> tuple[Dataset, Dataset]:
    """The splits that train and that validate, at the recipe's loudness; one's own pictures brought to a shape, and
    one's own sounds to a sample rate."""
    data, held_out = (
        load_dataset(recipe.dataset, folder, split, shape, sample_rate) for split in ("train", "validation")
    )
    if isinstance(held_out, AudioClips | Images) and not len(held_out.labels):
        raise TrainError(f"{folder}: nothing is left to validate on; add more data")
    loudness = recipe.train.loudness
    if loudness and isinstance(data, AudioClips) and isinstance(held_out, AudioClips):
        return level(data, loudness), level(held_out, loudness)
    return data, held_out


def picture_shape(model: ModelConfig) -> tuple[int, int, int] | None:
    """Height, width and channels of what a model of pictures makes."""
    if isinstance(model, ARDMConfig | CausalConfig):
        return own_form(model)[0]
    picture = model.picture if isinstance(model, ADRConfig) else getattr(model, "pyramid", None)
    return (picture.height, picture.width, picture.channels) if picture else None


def sound_rate(recipe: Recipe, model: ModelConfig, codec: Path | None) -> int | None:
    """The sample rate to which one's own sounds are brought: that of what a model of them makes, which may be that of
    the codec in a folder. None for other data."""
    if recipe.dataset != SOUNDS:
        return None
    if isinstance(model, CodecConfig):
        return model.sample_rate
    if isinstance(model, ADRConfig) and recipe.tokens:
        return int(read_source(recipe, recipe.tokens, codec, "--codec")[1].model["sample_rate"])
    if isinstance(model, ARDMConfig | CausalConfig):
        return own_form(model)[1]
    return model.audio.sample_rate if isinstance(model, ADRConfig) and model.audio else None
