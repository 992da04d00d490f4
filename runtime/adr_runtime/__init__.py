"""ADR runtime: generate images and sound from a bundle with ONNX Runtime alone.

import adr_runtime
model = adr_runtime.load("speech-digits")
audio = model.generate(seconds=1.0, label="seven", steps=25, seed=0)   # samples, sample_rate
for chunk in model.stream(label="seven", steps=8): ...                 # endless, flat memory
"""

# As the typing module has it, which takes longer to load than all that a command needs to hear Ctrl-C.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from adr_runtime.any_order import AnyOrderModel
    from adr_runtime.errors import ADRError
    from adr_runtime.loading import load
    from adr_runtime.model import Audio, Images, Model
    from adr_runtime.stream import Stream
else:
    # NumPy is loaded when a name is first used: a command must hear Ctrl-C before that.
    HOMES = {
        "ADRError": "errors", "AnyOrderModel": "any_order", "Audio": "model", "Images": "model", "Model": "model",
        "Stream": "stream", "load": "loading",
    }  # fmt: skip

    def __getattr__(name):
        from importlib import import_module

        if name not in HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = globals()[name] = getattr(import_module(f"{__name__}.{HOMES[name]}"), name)
        return value

    def __dir__():
        return sorted({*globals(), *__all__})


__version__ = "0.1.0"
__all__ = ["ADRError", "AnyOrderModel", "Audio", "Images", "Model", "Stream", "load"]
