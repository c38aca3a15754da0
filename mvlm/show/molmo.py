"""Figures of chapter 11: whose cell a cell is, and where an answer points to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike
from PIL import Image
from torch import Tensor

from mvlm.molmo import CropConfig, cell_order
from mvlm.points import points_to_pixels
from mvlm.show.figures import BLACK, BLUE, ORANGE, PALETTE, as_pixels, draw_image, figure
from mvlm.show.shares import MARKS, Bar
from mvlm.show.widgets import Frame, Frames, frames


def owning_crops(tiling: tuple[int, int], crops: CropConfig) -> np.ndarray:
    """For each cell of the picture in high resolution the number of its crop, from 1."""
    cells = crops.cells**2
    return (cell_order(tiling, crops)[cells:] // cells).view(crops.grid(tiling)).numpy()


def draw_two_crops(axes: Axes, crops: CropConfig) -> None:
    """The frame of two crops side by side, with pixel numbers: windows touch, margins overlap."""
    height, width = crops.size((1, 2))
    margin, window = crops.overlap // 2, crops.window
    looks = ((BLUE, "-", "////"), (ORANGE, "--", "\\\\\\\\"))
    for place, (colour, line, hatch) in enumerate(looks):
        left = window * place
        seen = {"fill": False, "edgecolor": colour, "linestyle": line, "linewidth": 3}
        own = {"facecolor": (*to_rgb(colour), 0.2), "edgecolor": colour, "hatch": hatch}
        inset = 4 * place  # the two outlines lie over each other and are both seen
        sides = crops.crop_size - 2 * inset
        axes.add_patch(Rectangle((left + inset, inset), sides, sides, zorder=3, **seen))
        corner = left + margin, margin
        axes.add_patch(Rectangle(corner, window, window, linewidth=0, **own))
        middle = {"ha": "center", "va": "center", "zorder": 4}
        paper = {"facecolor": "white", "edgecolor": "none", "pad": 2}
        x = left + crops.crop_size / 2
        axes.text(x, height / 2, f"window of\ncrop {place + 1}", bbox=paper, **middle)
    axes.set(xlim=(-4, width + 4), ylim=(height + 4, -4), aspect="equal")
    axes.set_xticks([0, margin, window, margin + window, crops.crop_size, width - margin, width])
    axes.set_yticks([0, margin, margin + window, height])
    axes.tick_params(axis="x", rotation=90)
    axes.spines[:].set_visible(False)
    axes.set_title("Windows touch, crops overlap")


def draw_seams(
    axes: Axes,
    side: int,
    seams: Mapping[str, Sequence[float]],
    spots: Mapping[str, Sequence[tuple[float, float]]],
    *,
    thing: int = 22,
    title: str = "",
) -> None:
    """A square picture with the lines where pieces meet, and things on them and beside them.

    Args:
        axes: where to draw.
        side: of the picture, in pixels.
        seams: what meets → where, in pixels, in both directions; three kinds at most.
        spots: for each of these, in the same order, the middles (x, y) of things.
        thing: their side, in pixels.
        title: what to see.
    """
    looks = ((ORANGE, "--"), (BLUE, "-"), (BLACK, ""))
    for (name, places), (colour, line) in zip(seams.items(), looks[: len(seams)], strict=True):
        for place in places:
            axes.axvline(place, color=colour, linestyle=line, linewidth=2)
            axes.axhline(place, color=colour, linestyle=line, linewidth=2)
        for x, y in spots[name]:
            corner = x - thing / 2, y - thing / 2
            axes.add_patch(Rectangle(corner, thing, thing, facecolor=colour, zorder=3))
        axes.plot([], [], color=colour, linestyle=line, marker="s", markersize=9, label=name)
    ticks = sorted({0, side, *(place for places in seams.values() for place in places)})
    axes.set(xlim=(0, side), ylim=(side, 0), aspect="equal", xticks=ticks, yticks=ticks)
    axes.spines[:].set_visible(True)
    axes.set_title(title)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.09), frameon=False)


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


def draw_pooling(
    axes: Axes, patches: Float[Tensor, "4 2"], weights: Float[Tensor, " 4"], *, title: str
) -> None:
    """The four patches of a cell, each with its two numbers and its weight."""
    axes.imshow(weights.view(2, 2).numpy(), cmap="Blues", vmin=0, vmax=1)
    for n, ((a, b), weight) in enumerate(zip(patches.tolist(), weights.tolist(), strict=True)):
        text = f"({a:.0f}, {b:.0f})\nweight {weight:.2f}"
        axes.text(n % 2, n // 2, text, ha="center", va="center")
    mixture = ", ".join(f"{number:.2f}" for number in (weights @ patches).tolist())
    axes.set(xticks=[], yticks=[], xlabel=f"mixture ({mixture})")
    axes.set_title(title)


def draw_counts(
    shares: Mapping[str, Sequence[Bar]], expected: Sequence[float], middles: Sequence[float]
) -> Figure:
    """Shares of counts that are right, over how many things there are, and what pⁿ gives.

    Args:
        shares: what is judged → a bar for each group of pictures.
        expected: the share that pⁿ gives for each group.
        middles: how many things the pictures of each group have, on average.
    """
    drawn, axes = figure(4.4, 4.4)
    ax = axes[0, 0]
    for place, ((name, bars), (colour, mark)) in enumerate(
        zip(shares.items(), MARKS, strict=False)
    ):
        ax.errorbar(
            [middle + 0.35 * (place - 1) for middle in middles],  # marks do not hide each other
            [100 * bar.share for bar in bars],
            [100 * bar.error for bar in bars],
            color=colour,
            marker=mark,
            linestyle="none",
            capsize=3,
            label=name,
        )
    ax.plot(middles, [100 * one for one in expected], "x--", color=BLACK, label="pⁿ")
    names = [bar.name for bar in next(iter(shares.values()))]
    ax.set_xticks(list(middles), names)
    ax.set(xlabel="things there are", ylabel="right, % ± one standard error", ylim=(-3, 103))
    ax.set_title("Every point right: as often as pⁿ says", x=0, loc="left")
    ax.legend(loc="upper center", bbox_to_anchor=(0.45, -0.2), frameon=False)
    return drawn


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
        frame = {
            "fill": False,
            "edgecolor": BLACK,
            "linewidth": 1.5,
            "linestyle": "--",
            "zorder": 3,
        }
        axes.add_patch(Rectangle((x0 - 3, y0 - 3), x1 - x0 + 6, y1 - y0 + 6, **frame))
    for x, y in points_to_pixels(points, size):
        # Rings leave the thing to be seen; white beneath them shows on every ground.
        ring = {"marker": "o", "fillstyle": "none", "markersize": 20}
        axes.plot(x, y, color="white", markeredgewidth=5, **ring)
        axes.plot(x, y, color=ORANGE, markeredgewidth=2.5, **ring)
