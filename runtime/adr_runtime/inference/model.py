"""What loaded models of all families have in common."""

from adr_runtime.inference.opening import OpenBundle


class LoadedModel:
    """An open bundle: immutable, and safe to share by threads. All that changes while it generates lives elsewhere."""

    def __init__(self, opened: OpenBundle):
        self.opened, self.bundle = opened, opened.bundle

    @property
    def name(self) -> str:
        """The model's name, as its manifest says it."""
        return self.bundle.manifest.name

    @property
    def kind(self) -> str:
        """What it makes: "audio", "image" or "text"."""
        return self.bundle.manifest.makes

    @property
    def labels(self) -> tuple[str, ...]:
        """What can be asked for by `label`; empty for any-order models."""
        return self.bundle.manifest.labels

    @property
    def provider(self) -> str:
        """ "cpu" or "cuda"."""
        return self.opened.provider

    @property
    def provider_note(self) -> str | None:
        """Why "auto" could not take CUDA although ONNX Runtime is built for it."""
        return self.opened.provider_note
