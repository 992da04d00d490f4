"""What a training loop knows of a model: it draws the random numbers of its loss."""

from dataclasses import fields, is_dataclass
from typing import Self

import torch
from torch import nn


class RowTensors:
    """The base of dataclasses whose fields are tensors with one row a sequence, or None."""

    def select(self, rows: slice, device: torch.device) -> Self:
        """Some of the rows, on a device."""
        assert is_dataclass(self)
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        return type(self)(**{k: None if v is None else v[rows].to(device) for k, v in values.items()})

    @classmethod
    def join(cls, parts: list[Self]) -> Self:
        """The rows of all parts, one after the other."""
        assert is_dataclass(cls)
        columns = {f.name: [getattr(part, f.name) for part in parts] for f in fields(cls)}
        return cls(**{k: None if values[0] is None else torch.cat(values) for k, values in columns.items()})


class TrainableModel(nn.Module):
    """A model whose loss is a function of tokens and of what `draw` draws for them."""

    def draw(self, rows: int, length: int, generator: torch.Generator) -> RowTensors:
        """The random numbers of one loss of `rows` sequences of `length` tokens, on the generator's device."""
        raise NotImplementedError
