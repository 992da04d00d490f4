"""Recipes: short YAML files, one for a model and its data, each with a `cpu` and a `gpu` size."""

from dataclasses import dataclass, field, replace
from importlib import resources
from pathlib import Path
from typing import Any

import yaml
from adr_models import ADRConfig
from adr_models.any_order.baseline import CausalConfig
from adr_models.any_order.network import ARDMConfig
from adr_models.config import build
from adr_models.masked.model import MaskedADRConfig
from adr_models.spoken_text.aligner import AlignerConfig
from adr_models.spoken_text.durations import DurationsConfig
from adr_models.spoken_text.letters import LettersConfig
from adr_models.tokens.codec import CodecConfig

from adr_train.errors import TrainError
from adr_train.recipes.configs import CodecLossConfig, DistilConfig, TrainConfig

SIZES = ("cpu", "gpu")
# What shapes a model, of any kind.
SpokenTextConfig = LettersConfig | DurationsConfig | AlignerConfig
ModelConfig = ADRConfig | CodecConfig | ARDMConfig | CausalConfig | MaskedADRConfig | SpokenTextConfig


@dataclass(frozen=True)
class Recipe:
    """A recipe in one size, of an ADR model, of a codec, of a head that learns jumps, of an any-order model or its
    causal baseline, of a masked model, of letters to phones, phones to durations or recordings to phones (`kind` adr,
    codec, distil, ardm, causal, masked, letters, durations, aligner).

    `model` has its labels and speakers still empty: they come with the data; and where `tokens` names a codec's
    recipe, its codec, which comes with --codec. `losses` is a codec's. To distil, `teacher` names the recipe of the
    model that --teacher brings.
    """

    name: str
    size: str
    dataset: str
    description: str
    licence: str
    source: str
    model: ModelConfig
    train: TrainConfig
    defaults: dict[str, Any] = field(default_factory=dict)
    kind: str = "adr"
    tokens: str | None = None
    losses: CodecLossConfig = field(default_factory=CodecLossConfig)
    teacher: str | None = None
    distil: DistilConfig = field(default_factory=DistilConfig)

    @property
    def minutes(self) -> float:
        """How long it is trained, unless its steps are given."""
        return self.train.minutes or 0.0


def available() -> dict[str, Path]:
    folder = Path(str(resources.files("adr_train.recipes")))
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


def read_yaml(name: str) -> tuple[Path, dict[str, Any]]:
    """The file of a shipped recipe by name, or of any by its path ending in .yaml, and what it holds."""
    path = Path(name) if name.endswith((".yaml", ".yml")) else available().get(name)
    if path is None:
        raise TrainError(f"unknown recipe {name!r}; there are {', '.join(available())}, or give a .yaml file")
    try:
        values = yaml.safe_load(path.read_text())
    except (OSError, yaml.YAMLError) as error:
        raise TrainError(f"{path}: cannot read the recipe: {' '.join(str(error).split())}") from error
    if not isinstance(values, dict):
        raise TrainError(f"{path}: not a recipe: no mapping of fields")
    return path, values


def of_size(path: Path, values: dict[str, Any], size: str) -> dict[str, Any]:
    """What a recipe's file says in one size."""
    sizes = values.get("sizes")
    if not isinstance(sizes, dict) or size not in sizes:
        raise TrainError(f"{path}: no size {size!r}; it has {', '.join(sizes or ['none'])}")
    return merge({k: v for k, v in values.items() if k != "sizes"}, sizes[size])


def read_recipe(name: str, size: str, begun: bool = False) -> Recipe:
    """A shipped recipe by name, or any by its path ending in .yaml. What its `from` says of training holds where the
    weights have `begun` as those of another run. Raises TrainError."""
    path, values = read_yaml(name)
    merged = of_size(path, values, size)
    going_on = merged.pop("from", {})
    try:
        merged = merge(merged, {"train": going_on} if begun else {})
        plain: dict[str, Any] = {
            "ardm": ARDMConfig, "causal": CausalConfig, "masked": MaskedADRConfig, "letters": LettersConfig,
            "durations": DurationsConfig, "aligner": AlignerConfig,
        }  # fmt: skip
        if merged.get("kind") in plain:
            merged["model"] = build(plain[merged["kind"]], merged["model"], "model")
        elif merged.get("kind") == "codec":
            merged["model"] = build(CodecConfig, merged["model"], "model")
            merged["losses"] = build(CodecLossConfig, merged.get("losses", {}), "losses")
        else:
            merged["model"] = ADRConfig.from_dict(merged.get("model", {}))
            merged["distil"] = build(DistilConfig, merged.get("distil", {}), "distil")
        merged["train"] = build(TrainConfig, merged["train"], "train")
        return Recipe(name=path.stem, size=size, **merged)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise TrainError(f"{path}: not a recipe: {error}") from error


def dataset_of(recipe: str) -> str:
    """The data set of a shipped recipe, which a bundle names in its `training`."""
    if recipe not in available():
        raise TrainError(f"trained by {recipe!r}, which is no shipped recipe; give --dataset")
    return read_recipe(recipe, SIZES[0]).dataset


def with_pixels(recipe: Recipe, pixels: int) -> Recipe:
    """The recipe for square pictures of another size: regions, and levels of the pyramid, to match. Raises TrainError
    for recipes without a pyramid."""
    model = recipe.model
    if not isinstance(model, ADRConfig) or model.pyramid is None:
        raise TrainError(f"--pixels is for recipes of pyramids, as images; {recipe.name} has a size of its own")
    region, levels = (8, 3) if pixels < 64 else (16, 4)
    if not 16 <= pixels <= 256 or pixels % region:
        raise TrainError(f"--pixels must be a multiple of {region} from 16 to 256, not {pixels}")
    pyramid = replace(model.pyramid, height=pixels, width=pixels, region=region, levels=levels)
    prefixes = recipe.train.prefixes
    if len(prefixes) > levels:
        # What stopped at levels that there are no longer goes through all of them.
        prefixes = (*prefixes[: levels - 1], sum(prefixes[levels - 1 :]))
    return replace(recipe, model=replace(model, pyramid=pyramid), train=replace(recipe.train, prefixes=prefixes))


def merge(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """`base` with the values of `over` laid upon it, mapping by mapping."""
    merged = dict(base)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = merge(merged[key], value) if both else value
    return merged
