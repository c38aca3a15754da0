"""Plots in one style, each with its alt text.

Colours are Okabe and Ito's eight ("Color Universal Design", 2008), told apart by colour-blind
readers too. Figures stand on white, also in dark mode, so that colour maps keep their meaning.
"""

import base64
import io
from collections.abc import Sequence
from typing import Literal

import matplotlib.pyplot as plt
import numpy as np
import torch
from IPython.display import display
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle
from matplotlib.text import Text
from numpy.typing import ArrayLike
from PIL import Image
from torch import Tensor

BLUE, ORANGE, GREEN, PINK = "#0072b2", "#d55e00", "#009e73", "#cc79a7"
SKY, YELLOW, BLACK, GREY = "#56b4e9", "#f0e442", "#1a1a1a", "#767676"
PALETTE = (BLUE, ORANGE, GREEN, PINK, SKY, YELLOW, BLACK)

STYLE = {
    "figure.dpi": 100,
    "figure.facecolor": "white",
    "figure.constrained_layout.use": True,
    "figure.max_open_warning": 0,  # a figure that moves holds all its frames at once
    "font.size": 11,
    "axes.titlesize": 12,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.prop_cycle": plt.cycler(color=PALETTE),
    "image.cmap": "viridis",
    "image.interpolation": "nearest",
    "legend.frameon": False,
}
PIXEL_RATIO = 2  # pixels stored for one pixel shown, so that screens with fine pixels look sharp
FAR, FEW = 32, 1e-4  # of 255, a colour that looks another; the share of pixels that may have one
LEGIBLE = 9  # pixels that letters must have to be read


def figure(
    width: float = 7.0, height: float = 3.0, *, rows: int = 1, columns: int = 1
) -> tuple[Figure, np.ndarray]:
    """A figure in the course's style, and its axes as a (rows, columns) array.

    Args:
        width, height: in inches of 100 shown pixels; a phone is 3.9 wide and shrinks what is wider
            (letters of 11 points can be read there up to 6.6, wider figures are scrolled).
        rows, columns: how many axes.
    """
    with plt.rc_context(STYLE):
        drawn, axes = plt.subplots(rows, columns, figsize=(width, height), squeeze=False)
    return drawn, axes


def encode(drawn: Figure) -> tuple[str, bytes]:
    """The figure as (MIME type, bytes), the same at every run; the figure is closed.

    Plots become PNG with 256 colours, chosen so that none is far from its own; they take a third of
    the bytes, and where they are not enough, the picture keeps all its colours.
    A figure that holds photographs is smaller, and looks better, as JPEG.
    """
    buffer = io.BytesIO()
    with plt.rc_context(STYLE):
        drawn.savefig(buffer, dpi=100 * PIXEL_RATIO, metadata={"Software": None})
    plt.close(drawn)
    buffer.seek(0)
    image = Image.open(buffer).convert("RGB")
    png, jpeg = io.BytesIO(), io.BytesIO()
    # Starting from colours far apart keeps the rare ones; k-means then keeps the shades.
    few = image.quantize(256, Image.Quantize.MAXCOVERAGE, kmeans=8, dither=Image.Dither.NONE)
    off = np.abs(np.asarray(few.convert("RGB"), dtype=int) - np.asarray(image)).max(axis=2)
    enough = (off > FAR).mean() < FEW
    (few if enough else image).save(png, "PNG", optimize=True)
    image.save(jpeg, "JPEG", quality=80, optimize=True)
    if len(jpeg.getvalue()) < len(png.getvalue()) * 0.8:
        return "image/jpeg", jpeg.getvalue()
    return "image/png", png.getvalue()


def shown_size(drawn: Figure) -> dict[str, int]:
    """Width and height in shown pixels, and from which width on every word can be read."""
    width, height = (round(side * 100) for side in drawn.get_size_inches())
    words = [text for text in drawn.findobj(Text) if text.get_text().strip() and text.get_visible()]
    smallest = min((text.get_fontsize() for text in words), default=LEGIBLE) * 100 / 72
    return {
        "width": width,
        "height": height,
        "legible": min(width, round(width * LEGIBLE / smallest)),
    }


def show(drawn: Figure, alt: str) -> None:
    """Display a figure with a description for those who cannot see it.

    Args:
        drawn: a matplotlib figure; it is closed.
        alt: what one would say of it over the telephone.

    Raises:
        ValueError: ``alt`` is empty.
    """
    if not alt.strip():
        raise ValueError("alt is empty: say in a sentence or two what the figure shows")
    kind, content = encode(drawn)
    display(
        {kind: base64.b64encode(content).decode(), "text/plain": f"[Figure: {alt}]"},
        metadata={kind: {"alt": alt, **shown_size(drawn)}},
        raw=True,
    )


def as_pixels(image: Image.Image | Tensor | ArrayLike) -> np.ndarray:
    """Any picture as an (H, W, 3) or (H, W) array for ``imshow``; tensors are channels first."""
    if isinstance(image, Tensor):
        array = image.detach().float().cpu()
        if array.ndim == 3:
            array = array.permute(1, 2, 0)  # H W C
        return array.clamp(0, 1).numpy()
    return np.asarray(image)


def draw_image(axes: Axes, image: Image.Image | Tensor | ArrayLike, title: str = "") -> None:
    """A picture without ticks, its title above it."""
    pixels = as_pixels(image)
    # Small pictures show their pixels; a photograph is scaled smoothly.
    axes.imshow(pixels, interpolation="nearest" if len(pixels) <= 128 else "bilinear")
    axes.set_title(title)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)


def draw_grid(
    axes: Axes,
    image: Image.Image | Tensor | ArrayLike,
    patch_size: int,
    *,
    numbers: bool = False,
    title: str = "",
    line: float = 1.0,
) -> None:
    """A picture with the lines along which it is cut, the patches numbered if asked.

    A line is ``line`` points wide; where a picture is small, thin ones leave more of it to see.
    """
    draw_image(axes, image, title)
    height, width = as_pixels(image).shape[:2]
    for x in range(0, width + 1, patch_size):
        axes.axvline(x - 0.5, color="white", linewidth=2.5 * line)
        axes.axvline(x - 0.5, color=BLACK, linewidth=line)
    for y in range(0, height + 1, patch_size):
        axes.axhline(y - 0.5, color="white", linewidth=2.5 * line)
        axes.axhline(y - 0.5, color=BLACK, linewidth=line)
    axes.set_xlim(-1.5, width + 0.5)
    axes.set_ylim(height + 0.5, -1.5)
    if numbers:
        columns = width // patch_size
        for place in range(columns * (height // patch_size)):
            axes.text(
                place % columns * patch_size + 3,
                place // columns * patch_size + 3,
                str(place),
                color="white",
                fontsize=11,
                va="top",
                bbox={"facecolor": BLACK, "edgecolor": "none", "pad": 1.5},
            )


def image_row(
    images: Sequence[Image.Image | Tensor | ArrayLike],
    titles: Sequence[str] = (),
    *,
    columns: int | None = None,
    size: float = 1.4,
) -> Figure:
    """Several pictures side by side, ``columns`` in a row, each ``size`` inches wide."""
    columns = columns or len(images)
    rows = -(-len(images) // columns)
    drawn, axes = figure(
        size * columns, (size + (0.3 if titles else 0)) * rows, rows=rows, columns=columns
    )
    for place, one in enumerate(axes.flat):
        if place < len(images):
            draw_image(one, images[place], titles[place] if titles else "")
        else:
            one.set_axis_off()
    return drawn


def similarity_matrix(
    axes: Axes,
    values: Tensor | ArrayLike,
    *,
    rows: Sequence[str] = (),
    columns: Sequence[str] = (),
    limits: tuple[float, float] | None = None,
    digits: int = 2,
    title: str = "",
) -> None:
    """A matrix as colours with each number written in its cell."""
    matrix = torch.as_tensor(values).detach().float().cpu().numpy()
    low, high = limits or (float(matrix.min()), float(matrix.max()))
    axes.imshow(matrix, vmin=low, vmax=high, cmap="cividis")
    for (row, column), value in np.ndenumerate(matrix):
        light = value > (low + high) / 2
        axes.text(
            column,
            row,
            f"{value:z.{digits}f}",  # z: never -0.00
            ha="center",
            va="center",
            color=BLACK if light else "white",
        )
    axes.set_xticks(range(matrix.shape[1]), columns or [""] * matrix.shape[1])
    axes.set_yticks(range(matrix.shape[0]), rows or [""] * matrix.shape[0])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_title(title)


Kind = Literal["text", "image", "padding"]
# How each kind of position looks: the colour of its band and the band's hatch, its outline.
KINDS: dict[Kind, dict[str, str]] = {
    "image": {"facecolor": SKY, "hatch": "xxx", "linestyle": "-"},
    "text": {"facecolor": YELLOW, "hatch": "", "linestyle": "-"},
    "padding": {"facecolor": "white", "hatch": "...", "linestyle": ":"},
}
# Boxes in a row of a token strip and its width in inches: words stay legible on a phone.
STRIP_COLUMNS, STRIP_WIDTH = 6, 5.6


def token_strip(
    tokens: Sequence[str],
    *,
    labels: Sequence[str | None],
    kinds: Sequence[Kind],
    title: str = "",
) -> Figure:
    """A sequence as a language model gets it: a box a position, and below it what it must say.

    The band of a box tells its kind by colour and by hatch. Six boxes make a row.

    Args:
        tokens: what stands at each position, short: "p0", "what", "</s>".
        labels: the right answer at each position; None where there is no loss, drawn as –.
        kinds: "text", "image" or "padding" for each position.
        title: what to see.

    Raises:
        ValueError: no token, three lengths that differ, or a kind of another name.
    """
    rows = -(-len(tokens) // STRIP_COLUMNS)
    drawn, axes = figure(STRIP_WIDTH, 0.95 * max(rows, 1) + 0.4 + (0.3 if title else 0))
    draw_tokens(axes[0, 0], tokens, labels=labels, kinds=kinds, title=title)
    return drawn


def draw_tokens(
    axes: Axes,
    tokens: Sequence[str],
    *,
    labels: Sequence[str | None],
    kinds: Sequence[Kind],
    marked: int | None = None,
    title: str = "",
) -> None:
    """What `token_strip` draws, with the box of one position framed if asked."""
    if not tokens or not len(tokens) == len(labels) == len(kinds):
        raise ValueError(
            f"{len(tokens)} tokens, {len(labels)} labels and {len(kinds)} kinds came: pass one of "
            "each for every position, and at least one"
        )
    if strangers := set(kinds) - set(KINDS):
        raise ValueError(f"kinds hold {sorted(strangers)}: wanted only {sorted(KINDS)}")
    for place, (token, label, kind) in enumerate(zip(tokens, labels, kinds, strict=True)):
        x, y = place % STRIP_COLUMNS, place // STRIP_COLUMNS
        look = KINDS[kind]
        box = {"edgecolor": BLACK, "linestyle": look["linestyle"], "linewidth": 1}
        axes.add_patch(Rectangle((x, y), 0.92, 0.46, facecolor="white", **box))
        axes.add_patch(Rectangle((x, y), 0.92, 0.12, **box, **_band(kind)))
        if place == marked:
            axes.add_patch(Rectangle((x, y), 0.92, 0.46, fill=False, edgecolor=ORANGE, linewidth=3))
        size = {"fontsize": _fitting(token)}
        axes.text(x + 0.46, y + 0.29, token, ha="center", va="center", color=BLACK, **size)
        learnt = label is not None
        size = {"fontsize": _fitting(label or "")}
        axes.text(
            x + 0.46,
            y + 0.62,
            label if learnt else "–",
            ha="center",
            va="center",
            color=BLUE if learnt else GREY,
            fontweight="bold" if learnt else "normal",
            **size,
        )
    axes.set_xlim(-0.05, STRIP_COLUMNS + 0.05)
    axes.set_ylim(-(-len(tokens) // STRIP_COLUMNS) - 0.12, -0.05)
    axes.set_axis_off()
    axes.set_title(title)
    keys = [Patch(**_band(kind), edgecolor=BLACK, label=kind) for kind in KINDS if kind in kinds]
    keys.append(Patch(visible=False, label="below: label, – no loss"))
    below = {"loc": "upper left", "bbox_to_anchor": (0, 0), "borderpad": 0, "frameon": False}
    axes.legend(handles=keys, ncols=4, fontsize=10, **below)


def _fitting(word: str) -> float:
    """Points in which a word fits its box of a strip; a long one may reach out, but is read."""
    return max(9.4, min(10.5, 100 / max(len(word), 1)))


def _band(kind: Kind) -> dict[str, str]:
    return {name: KINDS[kind][name] for name in ("facecolor", "hatch")}


def draw_crops(
    axes: Axes,
    image: Image.Image | Tensor | ArrayLike,
    tiling: tuple[int, int],
    *,
    size: tuple[int, int],
    window: int,
    overlap: int,
    title: str = "",
) -> None:
    """A picture in the frame that Molmo scales it into, and the crops that are cut from it.

    Lines bound what each crop adds; the hatched bands between them are in two crops or more.

    Args:
        image: the picture; it keeps its proportions, and what it leaves of the frame is black.
        tiling: rows and columns of crops.
        size: height and width of the frame in pixels, `CropConfig.size(tiling)`.
        window, overlap: of `CropConfig`: what a crop adds, and what two neighbours share.
        title: what to see.
    """
    pixels = as_pixels(image)
    scale = min(side / own for side, own in zip(size, pixels.shape[:2], strict=True))
    top, left = ((side - scale * own) / 2 for side, own in zip(size, pixels.shape, strict=False))
    place = (left, size[1] - left, size[0] - top, top)
    axes.imshow(pixels, extent=place, interpolation="bilinear", zorder=1)
    axes.set_facecolor(BLACK)
    axes.set_xlim(0, size[1])
    axes.set_ylim(size[0], 0)
    axes.set_aspect("equal")
    axes.set_xticks([])
    axes.set_yticks([])
    shared = {"facecolor": "none", "edgecolor": GREY, "hatch": "////", "linewidth": 0}
    for row in range(1, tiling[0]):
        axes.axhspan(window * row, window * row + overlap, **shared, zorder=2)
    for column in range(1, tiling[1]):
        axes.axvspan(window * column, window * column + overlap, **shared, zorder=2)
    lines = [axes.axhline] * (tiling[0] - 1) + [axes.axvline] * (tiling[1] - 1)
    places = [*range(1, tiling[0]), *range(1, tiling[1])]
    for line, count in zip(lines, places, strict=True):
        line(window * count + overlap / 2, color="white", linewidth=4, zorder=3)
        line(window * count + overlap / 2, color=ORANGE, linewidth=2, zorder=4)
    axes.set_title(title)
