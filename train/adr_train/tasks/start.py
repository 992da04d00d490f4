"""What a run begins from instead of random weights: an earlier run, or a bundle."""

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from adr_models import ADRConfig, ADRModel
from adr_models.bundle_weights import read_weights
from adr_models.checkpoint import find_checkpoint, latest_checkpoint, read_config, read_tensors
from adr_models.tokens.codec import CodecTokens
from adr_runtime.bundles.bundle import read_bundle, shipped
from adr_runtime.bundles.hub import is_hub_name
from adr_runtime.causal.checks import CAUSAL
from adr_runtime.causal.manifest import CausalManifest
from torch import Tensor

from adr_train.errors import TrainError
from adr_train.recipes.recipe import SIZES, available, read_recipe
from adr_train.tasks.job import PROVENANCE

# The rows of these stand for classes, the last one for none, by the name of the config's field.
CLASSES = {
    "backbone.label.weight": "labels", "backbone.label_out.weight": "labels", "backbone.speaker.weight": "speakers",
}  # fmt: skip
# The weights of a head of few steps that others have not.
JUMPS = "head.end_timestep."


@dataclass(frozen=True)
class Start:
    """Weights by name, and what else a run needs to know of the model that had them. `config` is the whole config of a
    run's model; of a bundle's it is that of its recipe, or None where that is none of ours. `clip` is the sample range
    under the name that bundles have for it. With `new_axes` a vocoder's are measured on the run's own recordings."""

    name: str
    weights: dict[str, Tensor]
    classes: dict[str, tuple[str, ...]]
    config: ADRConfig | None
    clip: float
    training: dict[str, Any]
    new_axes: bool = False

    def provenance(self) -> dict[str, Any]:
        """What a checkpoint says of it; the minutes are those of all runs one after the other."""
        before = float(self.training.get("from minutes", 0))
        kept = {f"from {k}": self.training[k] for k in PROVENANCE if k in self.training}
        return {"from": self.name} | kept | {"from minutes": round(before + float(self.training.get("minutes", 0)), 2)}


def is_bundle(source: Path) -> bool:
    """Whether a source names a bundle, and not a run."""
    return is_hub_name(source) or str(source) in shipped() or (source / "manifest.json").is_file()


def went_on(folder: Path) -> bool:
    """Whether a run began from something, by its last checkpoint."""
    previous = latest_checkpoint(folder)
    return previous is not None and "from" in read_config(previous).training


def read_start(source: Path) -> Start:
    """A shipped bundle by name, a bundle's folder or name on a hub, or the folder of a run. Raises ADRError."""
    if is_bundle(source):
        return from_bundle(source)
    if not source.is_dir():
        raise TrainError(f"--from {source}: no such folder; give that of a run or of a bundle")
    checkpoint = find_checkpoint(source)
    saved = read_config(checkpoint)
    if saved.kind not in ("adr", "distil"):
        raise TrainError(f"{checkpoint}: of the kind {saved.kind!r}; a run begins from one of the kind 'adr'")
    config = ADRConfig.from_dict(saved.model)
    config = replace(config, head=replace(config.head, jump=False))
    classes = {"labels": config.labels, "speakers": config.speakers}
    weights = read_tensors(checkpoint / "model.safetensors")
    return Start(saved.recipe, weights, classes, config, saved.clip, saved.training)


def from_bundle(source: Path) -> Start:
    bundle, graphs = read_bundle(source, {"adr": CAUSAL})
    manifest = bundle.manifest
    assert isinstance(manifest, CausalManifest)
    recipe, size = manifest.training.get("recipe"), manifest.training.get("size")
    config = None
    if recipe in available() and size in SIZES:
        known = read_recipe(str(recipe), str(size))
        model = read_recipe(known.teacher, str(size)).model if known.teacher else known.model
        config = model if isinstance(model, ADRConfig) else None
    classes = {"labels": tuple(manifest.labels), "speakers": tuple(manifest.speakers)}
    weights = read_weights(graph.data for graph in graphs.values())
    return Start(manifest.name, weights, classes, config, manifest.schedule.clip, dict(manifest.training))


def begin(model: ADRModel, start: Start) -> None:
    """Put the weights into the model, in place, its tokens' normalisation included. A class that the start knows by
    name keeps what was learned of it, and a new one begins as no class. What a head of few steps knows of where a step
    ends is left out. Raises TrainError where the two are not of one shape."""
    check_config(model, start)
    state, weights = model.state_dict(), {k: v for k, v in start.weights.items() if not k.startswith(JUMPS)}
    if model.config.codec:
        # The codec came with --codec.
        weights = {k: v for k, v in weights.items() if not k.startswith("tokens.")}
        state = {k: v for k, v in state.items() if not k.startswith("tokens.")}
    for name, kind in CLASSES.items():
        if name in weights and name in state:
            weights[name] = rows_by_name(weights[name], start.classes[kind], getattr(model.config, kind))
    missing = sorted(set(state) - set(weights))
    foreign = sorted(k for k in set(weights) - set(state) if k.endswith((".weight", ".bias")))
    if missing:
        raise TrainError(
            f"--from {start.name}: has no {missing[0]}: a model of another recipe, or a bundle of an older adr-export "
            "that did not name all weights; export it again"
        )
    wrong = [k for k, v in state.items() if v.shape != weights[k].shape]
    if foreign or wrong:
        raise TrainError(f"--from {start.name}: a model of another recipe: its {(foreign + wrong)[0]} does not fit")
    model.load_state_dict({k: weights[k] for k in state}, strict=not model.config.codec)


def kept_axes(folder: Path) -> dict[str, Tensor]:
    """A vocoder's axes in the last checkpoint of a run, which goes on with the tokens that it had."""
    tensors = read_tensors(find_checkpoint(folder) / "model.safetensors")
    return {name.removeprefix("tokens."): value for name, value in tensors.items() if name.startswith("tokens.")}


def begin_codec(model: CodecTokens, source: Path) -> dict[str, Any]:
    """Put the weights of an earlier codec's run into the model, in place; what a checkpoint says of that run. Raises
    ADRError where it is no codec, or one of another shape."""
    checkpoint = find_checkpoint(source)
    saved = read_config(checkpoint)
    if saved.kind != "codec":
        raise TrainError(f"--from {checkpoint}: of the kind {saved.kind!r}; a codec begins from a run of a codec")
    if saved.model != asdict(model.config):
        raise TrainError(f"--from {checkpoint}: a codec of {saved.recipe} ({saved.size}), whose model is another")
    model.load_state_dict(read_tensors(checkpoint / "model.safetensors"))
    return Start(saved.recipe, {}, {}, None, saved.clip, saved.training).provenance()


def check_config(model: ADRModel, start: Start) -> None:
    """Compare what no weight's shape tells, where it is known. The loss may change, and dropout."""
    if start.config is None:
        return
    mine, other = (
        replace(
            config, labels=(), speakers=(), codec=None, image=None, pyramid=None, loss=model.config.loss,
            backbone=replace(config.backbone, dropout=0.0),
        )
        for config in (model.config, start.config)
    )  # fmt: skip
    for field in ("backbone", "head", "schedule", "vocoder", "noise_bands"):
        if getattr(mine, field) != getattr(other, field):
            raise TrainError(f"--from {start.name}: its recipe and size have another {field} than those asked for")


def rows_by_name(weight: Tensor, names: tuple[str, ...], wanted: tuple[str, ...]) -> Tensor:
    """The rows of a table of `names` and no name, for those that are wanted and no name."""
    rows = [names.index(name) if name in names else len(names) for name in wanted]
    return weight[torch.tensor([*rows, len(names)])]
