"""Which earlier tokens of a picture the next one looks at directly.

A raster order puts a token's northern neighbour a whole row back, where a decay in one dimension hardly finds it. A
table int64 (length, K) therefore names, for each token, up to K earlier ones whose values are put beside each other
into the backbone; -1 stands for none.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

# (row, column) from a token to those before it in raster order, and from a place to itself and those around it.
BEFORE = ((0, -1), (-1, 0), (-1, 1), (-1, -1))
AROUND = ((0, 0), (0, -1), (-1, 0), (0, 1), (1, 0))


def shifted(grid: tuple[int, int], row: int, column: int) -> Tensor:
    """The raster index of each place's neighbour on a grid (rows, columns), int64 (rows * columns,); -1 outside."""
    y, x = torch.meshgrid(torch.arange(grid[0]) + row, torch.arange(grid[1]) + column, indexing="ij")
    inside = (y >= 0) & (y < grid[0]) & (x >= 0) & (x < grid[1])
    return torch.where(inside, y * grid[1] + x, -1).flatten()


def raster_neighbours(grid: tuple[int, int]) -> Tensor:
    """West, north, north-east and north-west of every token in raster order."""
    return torch.stack([shifted(grid, *step) for step in BEFORE], 1)


def pyramid_neighbours(grid: tuple[int, int], levels: int) -> Tensor:
    """The same within each level of a pyramid; and the token of the same place one level up, those around it, and
    the one two levels up."""
    regions = grid[0] * grid[1]
    sources = [(0, step) for step in BEFORE] + [(1, step) for step in AROUND] + [(2, (0, 0))]
    tables = []
    for level in range(levels):
        columns = []
        for up, step in sources:
            near = shifted(grid, *step)
            columns.append(torch.where(near >= 0, near + (level - up) * regions, -1) if up <= level else near * 0 - 1)
        tables.append(torch.stack(columns, 1))
    return torch.cat(tables)


class NeighbourInputs(nn.Module):
    """The input of the backbone for each token to come: its neighbours' values side by side, and its place.

    All tokens of a picture are kept in a buffer (rows, length, channels), which is the state: small and of one size.
    """

    neighbours: Tensor

    def __init__(self, neighbours: Tensor, channels: int, width: int):
        super().__init__()
        self.length, count = neighbours.shape
        # Behind the last token there is one of zeros, for neighbours that do not exist.
        self.register_buffer("neighbours", torch.where(neighbours < 0, self.length, neighbours), persistent=False)
        self.values, self.place = nn.Linear(count * channels, width), nn.Embedding(self.length, width)

    def forward(self, tokens: Tensor, position: Tensor, past: Tensor | None) -> tuple[Tensor, dict[str, Tensor]]:
        """tokens (rows, n, channels), each the one before its position (rows, n); past (rows, length, channels), or
        None where the first position is 0 -> inputs (rows, n, width), and the buffer with the tokens in it."""
        rows, n, channels = tokens.shape
        if past is None:
            seen = F.pad(tokens[:, 1:], (0, 0, 0, self.length - n + 2))
            # An index and no slice, which torch.compile would treat anew where it is the whole.
            near = seen[:, self.neighbours[torch.arange(n, device=tokens.device)]]
            buffer = seen[:, :-1]
        else:
            slots = torch.arange(self.length, device=tokens.device)
            written = (position[..., None] - 1 == slots).to(tokens.dtype)
            buffer = past * (1 - written.sum(1))[..., None] + written.transpose(1, 2) @ tokens
            index = self.neighbours[position % self.length].flatten(1)
            near = torch.cat([buffer, torch.zeros_like(buffer[:, :1])], 1)
            near = near.gather(1, index[..., None].expand(-1, -1, channels))
        inputs: Tensor = self.values(near.reshape(rows, n, -1)) + self.place(position % self.length)
        return inputs, {"tokens": buffer}
