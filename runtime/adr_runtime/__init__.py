"""ADR runtime: generate images, audio and text from a bundle with ONNX Runtime alone.

import adr_runtime

audio = adr_runtime.AudioModel.load("speech-digits").generate(label="seven", seed=1)
audio.save("seven.wav")
"""

# As the typing module has it, which takes longer to load than all that a command needs to hear Ctrl-C.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from adr_runtime.any_order.config import AnyOrderConfig, AnyOrderOptions
    from adr_runtime.any_order.model import AnyOrderModel
    from adr_runtime.any_order.scoring import Progress, Score, Show
    from adr_runtime.causal.audio_model import AudioModel
    from adr_runtime.causal.config import GenerationConfig, GenerationOptions, Label
    from adr_runtime.causal.image_model import ImageModel
    from adr_runtime.causal.speech import Speech
    from adr_runtime.causal.stream import Stream
    from adr_runtime.coding.archive import Agree
    from adr_runtime.coding.compression import CodedFile, Compressed, compress, decompress
    from adr_runtime.errors import ADRError, BundleError, DamagedFileError, InputError, ProviderError
    from adr_runtime.loading import load
    from adr_runtime.masked.config import MaskedConfig, MaskedOptions
    from adr_runtime.masked.model import MaskedModel
    from adr_runtime.media.audio import Audio
    from adr_runtime.media.exact.files import File
    from adr_runtime.media.images import Images
    from adr_runtime.media.texts import Texts
    from adr_runtime.media.timestamps import Word
else:
    # NumPy is loaded when a name is first used: a command must hear Ctrl-C before that.
    _HOMES = {
        "any_order.config": ("AnyOrderConfig", "AnyOrderOptions"), "any_order.model": ("AnyOrderModel",),
        "any_order.scoring": ("Progress", "Score", "Show"), "causal.audio_model": ("AudioModel",),
        "causal.config": ("GenerationConfig", "GenerationOptions", "Label"), "causal.image_model": ("ImageModel",),
        "causal.speech": ("Speech",), "causal.stream": ("Stream",), "coding.archive": ("Agree",),
        "coding.compression": ("CodedFile", "Compressed", "compress", "decompress"),
        "errors": ("ADRError", "BundleError", "DamagedFileError", "InputError", "ProviderError"),
        "loading": ("load",), "masked.config": ("MaskedConfig", "MaskedOptions"), "masked.model": ("MaskedModel",),
        "media.audio": ("Audio",), "media.exact.files": ("File",), "media.images": ("Images",),
        "media.texts": ("Texts",), "media.timestamps": ("Word",),
    }  # fmt: skip

    def __getattr__(name):
        from importlib import import_module

        for home, names in _HOMES.items():
            if name in names:
                value = globals()[name] = getattr(import_module(f"{__name__}.{home}"), name)
                return value
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def __dir__():
        return sorted({*globals(), *__all__})


__version__ = "0.1.0"
__all__ = [
    "ADRError", "Agree", "AnyOrderConfig", "AnyOrderModel", "AnyOrderOptions", "Audio", "AudioModel", "BundleError",
    "CodedFile", "Compressed", "DamagedFileError", "File", "GenerationConfig", "GenerationOptions", "ImageModel",
    "Images", "InputError", "Label", "MaskedConfig", "MaskedModel", "MaskedOptions", "Progress", "ProviderError",
    "Score", "Show", "Speech", "Stream", "Texts", "Word", "compress", "decompress", "load",
]  # fmt: skip
