"""What models that generate token by token have in common: a loaded bundle, immutable and safe to share by threads."""

from pathlib import Path
from typing import ClassVar, Self

from adr_runtime.causal.checks import CAUSAL
from adr_runtime.causal.manifest import CausalManifest
from adr_runtime.errors import InputError
from adr_runtime.inference.opening import OpenBundle, open_model


class CausalModel:
    """A loaded bundle of the family "adr". All that changes while it generates lives elsewhere."""

    KIND: ClassVar[str]

    def __init__(self, opened: OpenBundle):
        manifest = opened.bundle.manifest
        assert isinstance(manifest, CausalManifest)
        if manifest.kind != self.KIND:
            makes = {"audio": "sound: load it as an AudioModel", "image": "pictures: load it as an ImageModel"}
            raise InputError(f"{manifest.name} makes {makes[manifest.kind]}")
        self.opened, self.bundle, self.manifest, self.sessions = opened, opened.bundle, manifest, opened.sessions

    @classmethod
    def load(cls, name: str | Path, provider: str = "auto", threads: int | None = None) -> Self:
        """Load a shipped model by name, or any bundle by its folder.

        Args:
            name: See `adr-run list`, or a folder that `adr-export` wrote.
            provider: "cuda" or "cpu" is used or refused; "auto" takes CUDA where it works.
            threads: ONNX Runtime's threads within an operator, 1 unless given.

        Raises:
            ADRError: In one line that says what to do.
        """
        return cls(open_model(name, {"adr": CAUSAL}, provider, threads))

    @property
    def name(self) -> str:
        """The model's name, as its manifest says it."""
        return self.manifest.name

    @property
    def kind(self) -> str:
        """ "audio" or "image"."""
        return self.manifest.kind

    @property
    def labels(self) -> tuple[str, ...]:
        """What can be asked for by `label`."""
        return self.manifest.labels

    @property
    def speakers(self) -> tuple[str, ...]:
        """What can be asked for by `speaker`; none for most models."""
        return self.manifest.speakers

    @property
    def provider(self) -> str:
        """ "cpu" or "cuda"."""
        return self.opened.provider

    @property
    def provider_note(self) -> str | None:
        """Why "auto" could not take CUDA although ONNX Runtime is built for it."""
        return self.opened.provider_note
