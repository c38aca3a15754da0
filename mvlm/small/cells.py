"""A picture cut into cells, each seen by CLIP's image tower by itself.

Chapters 09 and 10. The course's pictures are 3×3 cells of 40×40 pixels: the lecture's nine
patches of 4800 numbers. The lecture's ViT sends each through one matrix; here each goes through
the whole tower that CLIP trained on single emoji, and comes out as one vector. So nine vectors a
picture reach the language model, in reading order. LLaVA-NeXT ("AnyRes", Liu et al. 2024) and
Molmo (2024) cut large pictures into crops for the same reason: a tower sees best at the size it
was trained at.

A tower that sees one cell cannot know where it lies, so row and column are written beside each
vector: one number for each row and each column, all zero but the cell's own. (Without them the
language model has to count its way through nine vectors, which it learns last of all.)

Letters: I images, N cells, W the tower's width with rows and columns beside it.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from mvlm.patches import grid_size
from mvlm.transformer import Encoding
from mvlm.vit import ViT

PLACE_SIZE = 4.0
"""What the cell's own row and column say; large enough to be seen beside the vector's numbers."""


class Cells(nn.Module):
    """What `mvlm.llava.LLaVA` asks of a picture's encoder, made of a tower for single cells.

    Args:
        tower: of square images; its `image_size` is the side of a cell.
        rows, columns: of cells in a picture.
    """

    def __init__(self, tower: ViT, rows: int = 3, columns: int = 3) -> None:
        super().__init__()
        self.tower = tower
        self.grid = (rows, columns)
        self.register_buffer("places", cell_places(rows, columns), persistent=False)

    @property
    def side(self) -> int:
        """Side of a cell in pixels."""
        return self.tower.config.image_size[0]

    @property
    def width(self) -> int:
        """Of a cell's vector: the tower's, and a number for each row and column."""
        return self.tower.config.width + self.places.shape[1]

    def encode(self, images: Float[Tensor, "image 3 height width"]) -> Encoding:
        """Each cell's class token and place at every depth: (I, 1 + N, W), as a ViT's states are.

        Row 0, where a ViT has its class token, is the mean of the cells.

        Raises:
            ValueError: the pictures are not of this many cells.
        """
        if images.ndim != 4 or grid_size(*images.shape[2:], self.side) != self.grid:
            rows, columns = self.grid
            raise ValueError(
                f"the pictures are {tuple(images.shape)}, wanted (I, 3, {rows * self.side}, "
                f"{columns * self.side}): {rows}×{columns} cells of {self.side} pixels"
            )
        cells = cut_into_cells(images, self.side)  # (I·N, 3, side, side)
        encoding = self.tower.encode(cells)
        return Encoding(
            tokens=self._by_picture(encoding.tokens),
            hidden_states=tuple(self._by_picture(state) for state in encoding.hidden_states),
        )

    def _by_picture(
        self, states: Float[Tensor, "cell token width"]
    ) -> Float[Tensor, "image cells wider"]:
        vectors = states[:, 0].unflatten(0, (-1, len(self.places)))  # (I, N, W): class tokens
        places = self.places.expand(len(vectors), -1, -1)
        vectors = torch.cat((vectors, places), dim=2)  # (I, N, W + rows + columns)
        return torch.cat((vectors.mean(dim=1, keepdim=True), vectors), dim=1)  # (I, 1 + N, …)


def cell_places(rows: int, columns: int) -> Float[Tensor, "cell place"]:
    """Row and column of each cell, in reading order: (N, rows + columns)."""
    row = torch.eye(rows).repeat_interleave(columns, dim=0)
    column = torch.eye(columns).repeat(rows, 1)
    return PLACE_SIZE * torch.cat((row, column), dim=1)


def cut_into_cells(
    images: Float[Tensor, "image channel height width"], side: int
) -> Float[Tensor, "cell channel side side"]:
    """Every picture's cells in reading order, one picture after the other: (I·N, C, side, side)."""
    cells = images.unfold(2, side, side).unfold(3, side, side)  # (I, C, rows, columns, side, side)
    return cells.permute(0, 2, 3, 1, 4, 5).flatten(0, 2)  # (I·N, C, side, side)
