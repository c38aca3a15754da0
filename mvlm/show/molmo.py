"""Figures of chapter 11: whose cell a cell is, and where an answer points to."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike
from PIL import Image
from torch import Tensor

from mvlm.molmo import CropConfig, cell_order
from mvlm.points import points_to_pixels
from mvlm.show.figures import BLACK, ORANGE, PALETTE, as_pixels, draw_image, figure
from mvlm.show.widgets import Frame, Frames, frames


def owning_crops(tiling: tuple[int, int], crops: CropConfig) -> np.ndarray:
    """For each cell of the picture in high resolution the number of its crop, from 1."""
    cells = crops.cells**2
    return (cell_order(tiling, crops)[cells:] // cells).view(crops.grid(tiling)).numpy()


def draw_owners(axes: Axes, tiling: tuple[int, int], crops: CropConfig, *, title: str = "") -> None:
    """The picture's cells, each with the number and the colour of the crop it is taken from."""
    owner = owning_crops(tiling, crops)
    # Pale enough for black numbers; neighbours differ, and the number says it without colour.
    pale = np.array([[0.45 + 0.55 * part for part in to_rgb(colour)] for colour in PALETTE[:6]])
    axes.imshow(pale[owner % len(pale)])
    rows, columns = owner.shape
    for row in range(rows):
        for column in range(columns):
            axes.text(
                column, row, str(owner[row, column]), ha="center", va="center", color=BLACK, size=11
            )
    for cell in range(1, rows):
        axes.axhline(cell - 0.5, color="white", linewidth=1)
    for cell in range(1, columns):
        axes.axvline(cell - 0.5, color="white", linewidth=1)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)
    axes.set_title(title)


def owner_frames(tilings: Sequence[tuple[int, int]], crops: CropConfig) -> Frames:
    """Choose a tiling: see which crop each cell is taken from, and in which order they are read.

    Args:
        tilings: rows and columns of crops for each button.
        crops: sizes of crops and margins.
    """
    states = []
    for tiling in tilings:
        owner = owning_crops(tiling, crops)
        rows, columns = owner.shape
        drawn, axes = figure(min(6.4, 0.6 + 0.48 * columns), 0.5 + 0.48 * rows)
        pieces = f"{tiling[0]}×{tiling[1]} crops"
        draw_owners(axes[0, 0], tiling, crops, title=f"{pieces}: {rows}×{columns} cells")
        lines = "; ".join(" ".join(map(str, row)) for row in owner)
        states.append(
            Frame(
                label=f"{tiling[0]}×{tiling[1]}",
                drawn=drawn,
                alt=f"A table of {rows} by {columns} cells, each with the number of the crop it is "
                f"taken from. Row by row: {lines}.",
                text=f"The model reads {rows} rows: first {' '.join(map(str, owner[0]))}, last "
                f"{' '.join(map(str, owner[-1]))}. The crops hold {crops.cells**2 * owner.max()} "
                f"cells; {owner.size} are kept.",
            )
        )
    return frames("Rows × columns of crops", states)


def draw_pointed(
    axes: Axes,
    picture: Image.Image | Tensor | ArrayLike,
    points: Sequence[tuple[float, float]],
    *,
    boxes: Sequence[tuple[float, float, float, float]] = (),
    title: str = "",
) -> None:
    """A picture with rings around where an answer points to, and frames where the things are.

    Args:
        axes: where to draw.
        picture: as `draw_image` takes it.
        points: (x, y) in hundredths of the picture's sides.
        boxes: (left, top, right, bottom), in hundredths as well.
        title: what to see.
    """
    draw_image(axes, picture, title)
    size = as_pixels(picture).shape[:2]
    for left, top, right, bottom in boxes:
        (x0, y0), (x1, y1) = points_to_pixels([(left, top), (right, bottom)], size)
        frame = {"fill": False, "edgecolor": BLACK, "linewidth": 1.5, "linestyle": "--"}
        axes.add_patch(Rectangle((x0 - 3, y0 - 3), x1 - x0 + 6, y1 - y0 + 6, **frame))
    for x, y in points_to_pixels(points, size):
        # Rings leave the thing to be seen; white beneath them shows on every ground.
        ring = {"marker": "o", "fillstyle": "none", "markersize": 20}
        axes.plot(x, y, color="white", markeredgewidth=5, **ring)
        axes.plot(x, y, color=ORANGE, markeredgewidth=2.5, **ring)
