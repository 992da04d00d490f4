"""ADR runtime: generate images and sound from a bundle with ONNX Runtime alone.

import adr_runtime
model = adr_runtime.load("speech-digits")
audio = model.generate(seconds=1.0, label="seven", steps=25, seed=0)   # samples, sample_rate
for chunk in model.stream(label="seven", steps=8): ...                 # endless, flat memory
"""

from adr_runtime.any_order import AnyOrderModel
from adr_runtime.errors import ADRError
from adr_runtime.model import Audio, Images, Model, load
from adr_runtime.stream import Stream

__version__ = "0.1.0"
__all__ = ["ADRError", "AnyOrderModel", "Audio", "Images", "Model", "Stream", "load"]
