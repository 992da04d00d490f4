"""What mixing over tokens costs by retention and by softmax attention: training by length, generation by position.

Both are the modules of adr_models.mixers at a width of 192 in 4 heads, in float32 and one row.
"""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from adr_export.graphs import backbone_graphs
from adr_export.onnx_writer import write_onnx
from adr_models import ADRConfig, ADRModel
from adr_models.causal.backbone import BackboneConfig, State
from adr_models.mixers.retention import Form, MultiScaleRetention, RetentionConfig
from adr_models.mixers.rotary import RotaryAngles
from adr_models.mixers.softmax import SoftmaxAttention
from adr_models.tokens.patches import WaveConfig
from adr_runtime.inference.session import Session

MIXER = RetentionConfig(width=192, heads=4)
# The forms of retention, and the product that the paper prints.
PASSES: dict[str, Form] = {
    "parallel": "parallel", "chunkwise": "chunkwise", "recurrent": "recurrent", "softmax": "parallel",
}  # fmt: skip
CHANNELS = 48


def mixer_pass(name: str, length: int) -> Callable[[], None]:
    """A forward and backward pass through one layer of mixing, with its projections, over so many tokens; the recurrent
    form takes them one by one, as a model without a parallel form would."""
    torch.manual_seed(0)
    mixer = SoftmaxAttention(MIXER) if name == "softmax" else MultiScaleRetention(MIXER)
    x = torch.randn(1, length, MIXER.width, requires_grad=True)
    angles = RotaryAngles(MIXER.width // MIXER.heads)(torch.arange(length))[None]
    size = 1 if name == "recurrent" else length

    def run() -> None:
        outputs, state = list[torch.Tensor](), None
        for part, at in zip(torch.split(x, size, 1), torch.split(angles, size, 1), strict=True):
            output, state = mixer(part, at, state, PASSES[name])
            outputs.append(output)
        torch.cat(outputs, 1).square().mean().backward()

    return run


def forms_differ(length: int) -> dict[str, float]:
    """The largest difference of retention's other forms from the parallel one, over its largest output."""
    torch.manual_seed(0)
    mixer, x = MultiScaleRetention(MIXER), torch.randn(1, length, MIXER.width)
    angles = RotaryAngles(MIXER.width // MIXER.heads)(torch.arange(length))[None]
    forms: tuple[Form, ...] = ("parallel", "chunkwise", "recurrent")
    with torch.no_grad():
        parallel, *others = (mixer(x, angles, None, form)[0] for form in forms)
    return {
        form: float((other - parallel).abs().max() / parallel.abs().max())
        for form, other in zip(forms[1:], others, strict=True)
    }


def peaks(name: str, lengths: list[int], threads: int) -> list[float]:
    """MiB that a pass takes at its peak, for rising lengths, in a process of its own: memory that a process has had and
    given back cannot be told from what it needs."""
    call = [sys.executable, str(Path(__file__)), name, str(threads), *map(str, lengths)]
    found: list[float] = json.loads(subprocess.run(call, check=True, stdout=subprocess.PIPE).stdout)
    return found


def measure_peaks(name: str, threads: int, lengths: list[int]) -> list[float]:
    torch.set_num_threads(threads)
    mixer_pass(name, 16)()
    before, found = resident("VmRSS"), []
    for length in lengths:
        mixer_pass(name, length)()
        found.append(resident("VmHWM") - before)
    return found


def resident(field: str) -> float:
    """MiB of this process: VmRSS, or VmHWM, the most that it ever was."""
    (line,) = (x for x in Path("/proc/self/status").read_text().splitlines() if x.startswith(field))
    return int(line.split()[1]) / 1024


def stack(mixer: str, layers: int) -> ADRModel:
    """A model of an endless sequence, with a feed-forward of 512."""
    torch.manual_seed(0)
    backbone = BackboneConfig(layers=layers, mixer=mixer, feedforward=512, retention=MIXER)  # type: ignore[arg-type]
    return ADRModel(ADRConfig(wave=WaveConfig(hop=CHANNELS), backbone=backbone)).eval()


def step_session(model: ADRModel, threads: int) -> Session:
    """The step graph of a bundle, in ONNX Runtime."""
    graph = next(g for g in backbone_graphs(model, "operator", torch.randn, rows=4, length=6) if g.name == "step")
    return Session(write_onnx(graph, "linear-attention"), "step", "cpu", threads)


def state_after(model: ADRModel, position: int) -> State:
    """A state of the shape that it has after so many tokens, and random values: nobody's cost depends on them."""
    torch.manual_seed(position)
    state = model.backbone.initial_state(1)
    for name, value in state.items():
        cache = name.endswith((".key", ".value"))
        if value.is_floating_point():
            state[name] = torch.randn(*value.shape[:2], position if cache else value.shape[2], value.shape[3])
    return state | {"position": torch.tensor([position])}


class Stepper:
    """A backbone token by token, from any position, in PyTorch eager and in ONNX Runtime."""

    def __init__(self, mixer: str, layers: int, threads: int):
        self.model = stack(mixer, layers)
        self.session = step_session(self.model, threads)

    def eager(self, position: int, tokens: int) -> Callable[[], torch.Tensor]:
        """Runs that give the last condition (1, D)."""
        start, token = state_after(self.model, position), torch.ones(1, CHANNELS)

        @torch.inference_mode()
        def run() -> torch.Tensor:
            state = start
            for _ in range(tokens):
                condition, state = self.model.backbone.step(token, None, state)
            return condition

        return run

    def onnx(self, position: int, tokens: int) -> Callable[[], np.ndarray]:
        start = {f"past.{k}": v.numpy() for k, v in state_after(self.model, position).items()}
        token = np.ones((1, CHANNELS), np.float32)

        def run() -> np.ndarray:
            state = start
            for _ in range(tokens):
                outputs = self.session.run({"token": token, **state})
                state = {f"past.{k.removeprefix('present.')}": v for k, v in outputs.items() if "." in k}
            condition: np.ndarray = outputs["condition"]
            return condition

        return run

    def state_bytes(self, position: int) -> int:
        return sum(value.nbytes for value in state_after(self.model, position).values())


if __name__ == "__main__":
    print(json.dumps(measure_peaks(sys.argv[1], int(sys.argv[2]), [int(n) for n in sys.argv[3:]])))
