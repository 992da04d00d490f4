"""What models that generate token by token have in common: a loaded bundle, immutable and safe to share by threads."""

from pathlib import Path
from typing import ClassVar, Self

from adr_runtime.bundles.manifest import Manifest
from adr_runtime.causal.checks import CAUSAL
from adr_runtime.causal.manifest import CausalManifest
from adr_runtime.errors import InputError
from adr_runtime.inference.model import LoadedModel
from adr_runtime.inference.opening import OpenBundle, open_model


class CausalModel(LoadedModel):
    """A loaded bundle of the family "adr"."""

    KIND: ClassVar[str]

    def __init__(self, opened: OpenBundle):
        manifest = opened.bundle.manifest
        assert isinstance(manifest, CausalManifest) and manifest.kind == self.KIND
        super().__init__(opened)
        self.manifest, self.sessions = manifest, opened.sessions

    @classmethod
    def load(cls, name: str | Path, provider: str = "auto", threads: int | None = None) -> Self:
        """Load a shipped model by name, or any bundle by its folder or its name on a hub.

        Args:
            name: See `adr-run list`, or a folder that `adr-export` wrote, or "hf:owner/name" or
                "hf:owner/name@revision" on the Hugging Face hub, out of huggingface_hub's cache or downloaded into it.
            provider: "cuda" or "cpu" is used or refused; "auto" takes CUDA where it works.
            threads: ONNX Runtime's threads within an operator, 1 unless given.

        Raises:
            ADRError: In one line that says what to do.
        """
        return cls(open_model(name, {"adr": CAUSAL}, provider, threads, cls.accept))

    @classmethod
    def accept(cls, manifest: Manifest) -> None:
        """Raises InputError for a model of another kind."""
        if manifest.kind != cls.KIND:
            makes = {"audio": "audio: load it as an AudioModel", "image": "pictures: load it as an ImageModel"}
            raise InputError(f"{manifest.name} makes {makes[manifest.kind]}")

    @property
    def speakers(self) -> tuple[str, ...]:
        """What can be asked for by `speaker`; none for most models."""
        return self.manifest.speakers
