"""The figures of chapter 11 say what they show."""

import numpy as np
import pytest
import torch
from matplotlib.patches import Rectangle

from mvlm.molmo import CropConfig
from mvlm.show.figures import figure
from mvlm.show.molmo import (
    draw_counts,
    draw_pointed,
    draw_pooling,
    draw_seams,
    draw_two_crops,
    owner_frames,
    owning_crops,
)
from mvlm.show.shares import Bar

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


def test_two_crops_share_both_margins_and_their_windows_touch():
    _, axes = figure(3, 3)
    draw_two_crops(axes[0, 0], SMALL)
    first, window, second, following = axes[0, 0].patches
    assert first.get_bbox().bounds == (0, 0, 32, 32)
    assert window.get_bbox().bounds == (8, 8, 16, 16)
    assert second.get_bbox().x1 == pytest.approx(48, abs=5)  # drawn a little smaller
    assert following.get_bbox().bounds == (24, 8, 16, 16)
    assert axes[0, 0].get_xticks().tolist() == [0, 8, 16, 24, 32, 40, 48]


def test_seams_are_lines_in_both_directions_and_things_stand_where_they_are_said_to():
    _, axes = figure(3, 3)
    seams = {"these meet": [50.0], "those meet": [30.0, 70.0], "inside": []}
    spots = {"these meet": [(50, 20)], "those meet": [(30, 50)], "inside": [(15, 85)]}
    draw_seams(axes[0, 0], 100, seams, spots, thing=10)
    lines = [line for line in axes[0, 0].lines if len(line.get_xdata())]
    upright = [line.get_xdata()[0] for line in lines if line.get_xdata()[0] == line.get_xdata()[1]]
    lying = [line.get_ydata()[0] for line in lines if line.get_ydata()[0] == line.get_ydata()[1]]
    assert upright == lying == [50, 30, 70]
    things = [one.get_bbox().bounds for one in axes[0, 0].patches]
    assert things == [(45, 15, 10, 10), (25, 45, 10, 10), (10, 80, 10, 10)]
    assert axes[0, 0].get_xticks().tolist() == [0, 30, 50, 70, 100]
    named = [text.get_text() for text in axes[0, 0].get_legend().get_texts()]
    assert named == list(seams)


def test_a_pooling_shows_each_patch_with_its_weight_and_the_mixture():
    _, axes = figure(3, 3)
    patches = torch.tensor([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0], [0.0, 3.0]])
    draw_pooling(axes[0, 0], patches, torch.tensor([0.1, 0.2, 0.3, 0.4]), title="long")
    written = {text.get_position(): text.get_text() for text in axes[0, 0].texts}
    assert written[(1, 0)] == "(1, 0)\nweight 0.20"
    assert written[(1, 1)] == "(0, 3)\nweight 0.40"
    assert axes[0, 0].get_title() == "long"
    assert axes[0, 0].get_xlabel() == "mixture (0.60, 1.20)"


def test_counts_stand_in_per_cent_beside_what_is_expected():
    bars = {"a": [Bar("few", 0.5, 60), Bar("many", 0.1, 60)], "b": [Bar("few", 0.9, 60)] * 2}
    (ax,) = draw_counts(bars, [0.4, 0.2], [2, 8]).axes
    lines = {line.get_label(): line.get_xydata().tolist() for line in ax.lines}
    assert lines["pⁿ"] == [[2, 40], [8, 20]]
    assert [marks.get_label() for marks in ax.containers] == ["a", "b"]
    assert ax.containers[0][0].get_ydata().tolist() == [50, 10]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["few", "many"]
