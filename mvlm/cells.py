"""A picture cut into cells, each seen by CLIP's image tower by itself.

Chapters 09 and 10. The course's pictures are 3×3 cells of 40×40 pixels: the lecture's nine
patches of 4800 numbers. The lecture's ViT sends each through one matrix; here each goes through
the whole tower that CLIP trained on single emoji, and comes out as one vector. So nine vectors a
picture reach the language model, in reading order. LLaVA-NeXT ("AnyRes", Liu et al. 2024) and
Molmo (2024) cut large pictures into crops for the same reason: a tower sees best at the size it
was trained at.

Letters: I images, N cells, W the tower's width, L its blocks.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from mvlm.patches import grid_size
from mvlm.transformer import Encoding
from mvlm.vit import ViT


class Cells(nn.Module):
    """What `mvlm.llava.LLaVA` asks of a picture's encoder, made of a tower for single cells.

    Args:
        tower: of square images; its `image_size` is the side of a cell.
    """

    def __init__(self, tower: ViT) -> None:
        super().__init__()
        self.tower = tower

    @property
    def side(self) -> int:
        """Side of a cell in pixels."""
        return self.tower.config.image_size[0]

    def encode(self, images: Float[Tensor, "image 3 height width"]) -> Encoding:
        """Each cell's class token at every depth: states (I, 1 + N, W), as a ViT's are.

        Row 0, where a ViT has its class token, is the mean of the cells.

        Raises:
            ValueError: cells do not divide the pictures.
        """
        rows, columns = grid_size(*images.shape[2:], self.side)
        cells = cut_into_cells(images, self.side)  # (I·N, 3, side, side)
        encoding = self.tower.encode(cells)
        grid = (len(images), rows * columns)
        return Encoding(
            tokens=_by_picture(encoding.tokens, grid),
            hidden_states=tuple(_by_picture(state, grid) for state in encoding.hidden_states),
        )


def cut_into_cells(
    images: Float[Tensor, "image channel height width"], side: int
) -> Float[Tensor, "cell channel side side"]:
    """Every picture's cells in reading order, one picture after the other: (I·N, C, side, side)."""
    cells = images.unfold(2, side, side).unfold(3, side, side)  # (I, C, rows, columns, side, side)
    return cells.permute(0, 2, 3, 1, 4, 5).flatten(0, 2)  # (I·N, C, side, side)


def _by_picture(
    states: Float[Tensor, "cell token width"], grid: tuple[int, int]
) -> Float[Tensor, "image cells width"]:
    vectors = states[:, 0].unflatten(0, grid)  # (I, N, W): each cell's class token
    return torch.cat((vectors.mean(dim=1, keepdim=True), vectors), dim=1)  # (I, 1 + N, W)
