"""A recipe's defaults, checked before anything is trained, as `adr_export` checks them when everything is."""

from adr_models import ADRConfig
from adr_models.any_order.discrete import Upscaling
from adr_models.any_order.network import ARDMConfig
from adr_models.masked.model import MaskedADRConfig
from adr_models.tokens.geometry import PictureTokens, make_tokens
from adr_models.tokens.pyramid import PyramidTokens
from adr_runtime.any_order import manifest as any_order
from adr_runtime.causal import checks as causal
from adr_runtime.causal.manifest import Defaults
from adr_runtime.masked.manifest import read_masked_defaults
from adr_runtime.masked.order import least_calls

from adr_train.recipes.recipe import ModelConfig, Recipe


def check_defaults(recipe: Recipe, model: ModelConfig) -> None:
    """Raises ADRError for defaults that no bundle of the model could have. Codecs and baselines make none."""
    file = f"recipe {recipe.name}"
    if isinstance(model, ARDMConfig):
        stages = Upscaling(model.levels, model.branching).stages
        any_order.read_defaults(recipe.defaults, stages, model.dimensions, file)
    elif isinstance(model, ADRConfig):
        causal.read_defaults(Defaults, recipe.defaults, model.schedule.timesteps, picture_length(model), file)
    elif isinstance(model, MaskedADRConfig):
        length = PyramidTokens(model.pyramid).length
        least = least_calls(model.masks.orders[0], model.pyramid.levels)
        read_masked_defaults(recipe.defaults, model.schedule.timesteps, length, least, file)


def picture_length(model: ADRConfig) -> int | None:
    """The tokens of a picture; None of sound, which has no end."""
    if not model.picture:
        return None
    tokens = make_tokens(model.image, model.pyramid, None, None, None, None)
    return tokens.length if isinstance(tokens, PictureTokens) else None
