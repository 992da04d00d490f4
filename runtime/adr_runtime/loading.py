"""Loading a bundle whose kind is not known beforehand."""

from collections.abc import Sequence
from pathlib import Path

from adr_runtime.any_order.manifest import ANY_ORDER
from adr_runtime.any_order.model import AnyOrderModel
from adr_runtime.bundles.bundle import Bundle, read_bundle, shipped
from adr_runtime.bundles.manifest import Manifest
from adr_runtime.causal.audio_model import AudioModel
from adr_runtime.causal.checks import CAUSAL
from adr_runtime.causal.image_model import ImageModel
from adr_runtime.causal.manifest import CausalManifest
from adr_runtime.errors import InputError
from adr_runtime.inference.opening import open_model
from adr_runtime.masked.manifest import MASKED
from adr_runtime.masked.model import MaskedModel
from adr_runtime.spoken_text import front_end
from adr_runtime.spoken_text.manifest import SpokenTextManifest

FAMILIES = {"adr": CAUSAL, "ardm": ANY_ORDER, "masked": MASKED}
# The shipped model that a command takes unless one is named: to generate, by the kind of what is made, and to speak a
# text; to fill in, by the channels of the picture; to score and to compress, by the kind of file.
GENERATORS = {"audio": "speech-digits", "speech": "voice", "image": "cifar10", "text": "shakespeare"}
FILLERS = {1: "digits-any", 3: "pictures"}
CODERS = {"image": "pictures", "text": "shakespeare"}


def load(
    name: str | Path, provider: str = "auto", threads: int | None = None
) -> AudioModel | ImageModel | AnyOrderModel | MaskedModel:
    """Load a shipped model by name, or any bundle by its folder or its name on a hub, as whatever it is.

    Args:
        name: See `adr-run list`, or a folder that `adr-export` wrote, or "hf:owner/name" or
            "hf:owner/name@revision" on the Hugging Face hub, out of huggingface_hub's cache or downloaded into it.
        provider: "cuda" or "cpu" is used or refused; "auto" takes CUDA where it works.
        threads: ONNX Runtime's threads within an operator, 1 unless given: for models of this size more threads cost
            more than they bring.

    Returns:
        `AnyOrderModel` for the family "ardm", `MaskedModel` for "masked", else `AudioModel` or `ImageModel`.

    Raises:
        ADRError: In one line that says what to do.
    """
    opened = open_model(name, FAMILIES, provider, threads)
    if opened.bundle.manifest.family == "ardm":
        return AnyOrderModel(opened)
    if opened.bundle.manifest.family == "masked":
        return MaskedModel(opened)
    return AudioModel(opened) if opened.bundle.manifest.kind == "audio" else ImageModel(opened)


def load_front_end(name: str | Path) -> front_end.SpokenText:
    """A bundle that turns text into phones, or the one inside a voice's, with all of its graphs. Raises ADRError."""
    bundle = read_bundle(name, {"adr": CAUSAL, **front_end.FAMILIES})[0]
    if isinstance(bundle.manifest, SpokenTextManifest):
        return front_end.SpokenText.load(name)
    assert isinstance(bundle.manifest, CausalManifest)
    if bundle.manifest.spoken_text is None:
        raise InputError(f"{name} speaks no text; give a voice that does, or a bundle that turns text into phones")
    return front_end.SpokenText.inside(bundle, bundle.manifest.spoken_text, wanted=front_end.EVERY_GRAPH)


def load_any_order(name: str | Path, provider: str = "auto", threads: int | None = None) -> AnyOrderModel:
    """As `load`, for a model of the family "ardm". Raises InputError, which names those that are shipped, for any
    other."""
    return AnyOrderModel(open_model(name, FAMILIES, provider, threads, refuse_causal))


def refuse_causal(manifest: Manifest) -> None:
    if manifest.family != "ardm":
        names = [n for n, folder in shipped().items() if open_bundle(folder).manifest.family == "ardm"]
        raise InputError(f"{manifest.name} is no any-order model; shipped ones are {', '.join(names)}")


def load_coders(names: Sequence[str | Path], provider: str, threads: int | None) -> dict[str, AnyOrderModel]:
    """A model for each kind of file: those named, and shipped ones for the other kinds. Raises InputError where two are
    for one kind."""
    if isinstance(names, str):
        raise InputError(f"models must be several names, as [{names!r}]")
    models: dict[str, AnyOrderModel] = {}
    for name in names:
        model = load_any_order(name, provider, threads)
        kind = model.variables.kind
        if kind in models:
            raise InputError(f"{models[kind].name} and {model.name} are both for {model.kind}; give one of them")
        models[kind] = model
    for kind, name in CODERS.items():
        if kind not in models and name in shipped():
            models[kind] = load_any_order(name, provider, threads)
    return models


def open_bundle(name: str | Path) -> Bundle:
    """A shipped bundle, or any by its folder or its name on a hub: verified and not loaded. Raises ADRError."""
    bundle = read_bundle(name, FAMILIES)[0]
    if isinstance(bundle.manifest, CausalManifest) and bundle.manifest.spoken_text:
        front_end.verify(bundle, bundle.manifest.spoken_text)
    return bundle
