"""Orthonormal transforms of pictures: colours to luma and chroma, pixels to a smaller picture and its details.

Both keep every sum of squares, so an error in what they give is an error of the same size in the pixels.
"""

import torch
from torch import Tensor
from torch.nn import functional as F


def colour_axes(channels: int) -> Tensor:
    """An orthonormal matrix float32 (channels, channels), luma first: for red, green and blue the axes of Ohta et al.
    1980 (doi 10.1016/0146-664X(80)90047-7); the identity for any other number of channels."""
    if channels != 3:
        return torch.eye(channels)
    axes = torch.tensor([[1.0, 1.0, 1.0], [1.0, 0.0, -1.0], [-1.0, 2.0, -1.0]])
    return F.normalize(axes, dim=1)


def haar_split(x: Tensor) -> tuple[Tensor, Tensor]:
    """One level of the Haar wavelet (Mallat 1989): x (rows, h, w, c), h and w even -> the picture at half its size
    (rows, h/2, w/2, c), and its details (rows, h/2, w/2, 3, c): differences across columns, across rows, and of both.
    """
    a, b = x[:, 0::2, 0::2], x[:, 0::2, 1::2]
    c, d = x[:, 1::2, 0::2], x[:, 1::2, 1::2]
    half = (a + b + c + d) / 2
    return half, torch.stack([a - b + c - d, a + b - c - d, a - b - c + d], 3) / 2


def haar_join(half: Tensor, details: Tensor) -> Tensor:
    """The inverse of `haar_split`."""
    across, down, both = details.unbind(3)
    top = torch.stack([half + across + down + both, half - across + down - both], 3)
    bottom = torch.stack([half + across - down - both, half - across - down + both], 3)
    rows, h, w, channels = half.shape
    return (torch.stack([top, bottom], 2) / 2).reshape(rows, 2 * h, 2 * w, channels)
