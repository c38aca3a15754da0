"""Cells: every cell goes through the tower by itself, in reading order."""

import pytest
import torch

from mvlm.cells import Cells, cut_into_cells
from mvlm.vit import ViT, ViTConfig

TOWER = ViT(ViTConfig(image_size=8, patch_size=4, width=12, depth=2, heads=2)).eval()


def test_cells_are_cut_in_reading_order():
    images = torch.arange(2 * 3 * 8 * 12, dtype=torch.float32).view(2, 3, 8, 12)
    cells = cut_into_cells(images, 4)
    expected = [
        images[i, :, 4 * r : 4 * r + 4, 4 * c : 4 * c + 4]
        for i in range(2)
        for r in range(2)
        for c in range(3)
    ]
    assert torch.equal(cells, torch.stack(expected))


@torch.no_grad()
def test_each_vector_is_its_cells_class_token():
    images = torch.randn(2, 3, 24, 24, generator=torch.Generator().manual_seed(0))
    encoding = Cells(TOWER).encode(images)
    assert [tuple(state.shape) for state in encoding.hidden_states] == [(2, 10, 12)] * 3
    for row in range(3):
        for column in range(3):
            cell = images[:, :, 8 * row : 8 * row + 8, 8 * column : 8 * column + 8]
            alone = TOWER.encode(cell)
            place = 1 + 3 * row + column
            for state, expected in zip(encoding.hidden_states, alone.hidden_states, strict=True):
                torch.testing.assert_close(state[:, place], expected[:, 0])
    means = encoding.tokens[:, 1:].mean(dim=1)
    torch.testing.assert_close(encoding.tokens[:, 0], means)


def test_a_picture_that_cells_do_not_divide_is_refused():
    with pytest.raises(ValueError, match="patch_size 8 does not divide 20×24"):
        Cells(TOWER).encode(torch.zeros(1, 3, 20, 24))
