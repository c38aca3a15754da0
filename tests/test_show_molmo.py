"""The figures of chapter 11 say what they show."""

import numpy as np
from matplotlib.patches import Rectangle

from mvlm.molmo import CropConfig
from mvlm.show.figures import figure
from mvlm.show.molmo import draw_pointed, owner_frames, owning_crops

SMALL = CropConfig(crop_size=32, patch_size=4, margin=2, max_crops=6)  # 4×4 cells, window 2


def test_each_cell_belongs_to_the_crop_in_whose_window_it_lies():
    owner = owning_crops((2, 3), SMALL)
    assert owner.shape == (6, 8)
    for row in range(6):
        for column in range(8):
            windows = [
                1 + i * 3 + j
                for i in range(2)
                for j in range(3)
                if 1 + 2 * i <= row < 3 + 2 * i and 1 + 2 * j <= column < 3 + 2 * j
            ]
            if windows:
                assert [owner[row, column]] == windows
    assert owner[0].tolist() == [1, 1, 1, 2, 2, 3, 3, 3]


def test_the_frames_say_which_cells_are_kept():
    html = owner_frames([(1, 2), (2, 2)], SMALL).html
    assert "first 1 1 1 2 2 2" in html
    assert "The crops hold 32 cells; 24 are kept." in html


def test_rings_stand_where_the_points_are():
    _, axes = figure(3, 3)
    picture = np.zeros((100, 200, 3))
    draw_pointed(axes[0, 0], picture, [(25.0, 50.0)], boxes=[(10, 20, 30, 60)])
    rings = {tuple(np.ravel(line.get_xydata())) for line in axes[0, 0].lines}
    assert rings == {(50.0, 50.0)}
    (frame,) = [one for one in axes[0, 0].patches if isinstance(one, Rectangle)]
    assert frame.get_xy() == (20 - 3, 20 - 3)
    assert (frame.get_width(), frame.get_height()) == (40 + 6, 40 + 6)
