"""Cells: every cell goes through the tower by itself, in reading order."""

import pytest
import torch

from mvlm.small.cells import Cells, cut_into_cells
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
def test_each_vector_is_its_cells_class_token_beside_its_place():
    images = torch.randn(2, 3, 24, 24, generator=torch.Generator().manual_seed(0))
    vision = Cells(TOWER)
    encoding = vision.encode(images)
    assert vision.width == 12 + 6
    assert [tuple(state.shape) for state in encoding.hidden_states] == [(2, 10, 18)] * 3
    for row in range(3):
        for column in range(3):
            cell = images[:, :, 8 * row : 8 * row + 8, 8 * column : 8 * column + 8]
            alone = TOWER.encode(cell)
            place = [4.0 * (i == row) for i in range(3)] + [4.0 * (i == column) for i in range(3)]
            for state, expected in zip(encoding.hidden_states, alone.hidden_states, strict=True):
                vector = state[:, 1 + 3 * row + column]
                torch.testing.assert_close(vector[:, :12], expected[:, 0])
                assert vector[0, 12:].tolist() == place
    torch.testing.assert_close(encoding.tokens[:, 0], encoding.tokens[:, 1:].mean(dim=1))


@pytest.mark.parametrize("shape", [(1, 3, 32, 24), (3, 24, 24)])
def test_a_picture_of_other_cells_is_refused(shape):
    with pytest.raises(ValueError, match=r"wanted \(I, 3, 24, 24\): 3×3 cells of 8 pixels"):
        Cells(TOWER).encode(torch.zeros(shape))
