"""Source and filter: speech from a few numbers a frame.

A voice is pulses at a pitch and noise, each through the resonances of a throat and a mouth (Fant 1960). A filter is
given by c_0 to c_{n-1}, its complex cepstrum,

    H(w) = exp(sum_n c_n e^{-iwn})

which makes it causal and of minimum phase (Oppenheim and Schafer, Discrete-Time Signal Processing, chapter 13), so
that there is no delay. From one frame's filters to the next one's the source fades over in a straight line.
"""

import math

import torch
from torch import Tensor, nn

State = dict[str, Tensor]

# Controls of 0 are a pitch of 120 Hz and, at 0.0003, silence.
PITCH, SILENCE = 120.0, -8.0
LOWEST, HIGHEST = 45.0, 600.0
# No frequency of speech is louder; exp of more is a model that went astray.
LOUDEST = 1.0
# Frames of noise that are used again and again: two seconds and more at the usual hops.
NOISE_FRAMES = 256


class SourceFilter(nn.Module):
    """Controls of frames of `hop` samples (a pitch, a cepstrum for the pulses, one for the noise) -> samples at
    `sample_rate` Hz."""

    def __init__(self, sample_rate: int, hop: int, cepstrum: int):
        super().__init__()
        self.sample_rate, self.hop, self.cepstrum = sample_rate, hop, cepstrum
        self.controls = 1 + 2 * cepstrum
        # What rings on for longer than three frames comes back at the beginning: next to nothing after 24 ms of speech.
        self.reach, self.span = 4, 4 * hop
        bins, times = torch.arange(self.span // 2 + 1).double(), torch.arange(self.span).double()
        angle = 2 * math.pi / self.span * torch.outer(times, bins)
        weight = torch.full((len(bins),), 2.0).double()
        weight[0] = weight[-1] = 1.0
        rise = (torch.arange(hop).double() + 0.5) / hop
        constants = {
            # Real part, then imaginary part: of the spectrum of a frame, of a cepstrum's, and back to samples.
            "forward_dft": torch.cat([angle[:hop].cos(), -angle[:hop].sin()], 1),
            "cepstral_dft": torch.cat([angle[:cepstrum].cos(), -angle[:cepstrum].sin()], 1),
            "inverse_dft": torch.cat([weight[:, None] * angle.T.cos(), -weight[:, None] * angle.T.sin()]) / self.span,
            "rise": rise,
            "noise": torch.randn(NOISE_FRAMES, hop, generator=torch.Generator().manual_seed(0)).double(),
        }
        for name, value in constants.items():
            self.register_buffer(name, value.float(), persistent=False)

    forward_dft: Tensor
    cepstral_dft: Tensor
    inverse_dft: Tensor
    rise: Tensor
    noise: Tensor

    def initial_state(self, like: Tensor, rows: int) -> State:
        """Zeros (rows, 1 + 2 cepstrum), (rows, 1), (rows, 3 hop) and (rows, 1): the last frame's controls, the phase
        in turns, what still rings, and the place in the noise in frames."""
        shapes = {
            "controls": self.controls, "phase": 1, "ringing": self.span - self.hop, "noise": 1,
        }  # fmt: skip
        return {name: like.new_zeros(rows, size) for name, size in shapes.items()}

    def pitch(self, controls: Tensor) -> Tensor:
        """Hz (rows, frames): at the end of each frame."""
        octaves = controls[..., 0].clamp(math.log2(LOWEST / PITCH), math.log2(HIGHEST / PITCH))
        return PITCH * torch.exp2(octaves)

    def forward(self, controls: Tensor, state: State) -> tuple[Tensor, State]:
        """controls (rows, frames, 1 + 2 cepstrum) -> samples (rows, frames * hop), and the new state."""
        rows, frames = controls.shape[:2]
        every = torch.cat([state["controls"][:, None], controls], 1)
        pulses, phase = self.pulses(self.pitch(every), state["phase"])
        index = (state["noise"].long() + torch.arange(frames, device=controls.device)) % NOISE_FRAMES
        spectrum = self.filtered(pulses, every[..., 1 : 1 + self.cepstrum])
        spectrum = spectrum + self.filtered(self.noise[index], every[..., 1 + self.cepstrum :])
        pieces = (spectrum @ self.inverse_dft).reshape(rows, frames, self.reach, self.hop)
        # Every frame's piece i sounds i frames later; those behind the last frame ring on.
        late = self.reach - 1
        silent = pieces.new_zeros(rows, late, self.hop)
        total = torch.cat([state["ringing"].reshape(rows, late, self.hop), torch.zeros_like(pieces[:, :, 0])], 1)
        for i in range(self.reach):
            total = total + torch.cat([silent[:, :i], pieces[:, :, i], silent[:, i:]], 1)
        present = {
            "controls": every[:, -1], "phase": phase, "ringing": total[:, frames:].reshape(rows, -1),
            "noise": (state["noise"] + frames) % NOISE_FRAMES,
        }  # fmt: skip
        return total[:, :frames].reshape(rows, -1), present

    def pulses(self, pitch: Tensor, phase: Tensor) -> tuple[Tensor, Tensor]:
        """pitch (rows, 1 + frames), Hz at the ends of frames, between which it changes in a straight line; phase
        (rows, 1) in turns -> (rows, frames, hop) of unit power: as many harmonics of one height as there is room for
        (their sum is Dirichlet's kernel), and the last phase."""
        before, after = (p[..., None] / self.sample_rate for p in (pitch[:, :-1], pitch[:, 1:]))
        step = torch.arange(1, self.hop + 1, device=pitch.device).to(pitch.dtype)
        inside = before * step + (after - before) * (step * (step + 1) / (2 * self.hop))
        # In double precision, since the harmonics multiply whatever is lost in a sum of many frames.
        ends = phase.double() + inside[..., -1].double().cumsum(1)
        begins = torch.cat([phase.double(), ends[:, :-1]], 1)
        turns = (begins - begins.floor()).to(pitch.dtype)[..., None] + inside
        half = math.pi * (turns - (turns + 0.5).floor())
        harmonics = (0.48 / torch.maximum(before, after)).floor().clamp(min=1.0)
        sine, near = half.sin(), half.abs() < 1e-4
        kernel = ((2 * harmonics + 1) * half).sin() / (2 * torch.where(near, 1.0, sine)) - 0.5
        kernel = torch.where(near, harmonics, kernel)
        last = ends[:, -1:]
        return kernel * (2 / harmonics).sqrt(), (last - last.floor()).to(pitch.dtype)

    def filtered(self, source: Tensor, cepstra: Tensor) -> Tensor:
        """source (rows, frames, hop), cepstra (rows, 1 + frames, n) -> spectra (rows, frames, span + 2)."""
        logarithms, phases = (cepstra @ self.cepstral_dft).chunk(2, -1)
        heights, frames = (logarithms + SILENCE).clamp(max=LOUDEST).exp(), source.shape[1]
        real, imaginary = heights * phases.cos(), heights * phases.sin()
        # The filters of the frame before fade out, those of the frame itself fade in.
        a, b = ((source * (1 - self.rise)) @ self.forward_dft).chunk(2, -1)
        c, d = ((source * self.rise) @ self.forward_dft).chunk(2, -1)
        before, after = (real[:, :frames], imaginary[:, :frames]), (real[:, 1:], imaginary[:, 1:])
        return torch.cat(
            [
                a * before[0] - b * before[1] + c * after[0] - d * after[1],
                a * before[1] + b * before[0] + c * after[1] + d * after[0],
            ],
            -1,
        )
