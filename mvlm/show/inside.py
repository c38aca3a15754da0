"""Figures of chapter 04: what is inside a ViT, and what accuracy costs."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import LogLocator, NullLocator
from torch import Tensor

from mvlm.show.figures import BLUE, GREEN, GREY, ORANGE, draw_grid, figure
from mvlm.show.stored import read_measured
from mvlm.show.widgets import Frame, Frames, frames

LOOKS = ((BLUE, "o"), (ORANGE, "s"), (GREEN, "^"))
FAMILIES = {"ViT": (BLUE, "o"), "CNN": (ORANGE, "s"), "hybrid": (GREEN, "^")}


def stored_sweep() -> dict:
    """What `benchmarks/sweep.py` has measured so far; see there for what each number is."""
    return read_measured("sweep.json")


def draw_map(
    axes: Axes,
    values: Float[Tensor, "row column"],
    *,
    limits: tuple[float, float] | None = None,
    marked: tuple[int, int] | None = None,
    title: str = "",
) -> None:
    """A number for each place as a colour; the place `marked` is framed.

    Without `limits` the map has its own scale, from its smallest number to its largest.
    """
    low, high = limits or (values.min().item(), values.max().item())
    axes.imshow(values.numpy(), vmin=low, vmax=high, cmap="cividis")
    if marked is not None:
        corner = (marked[1] - 0.5, marked[0] - 0.5)
        axes.add_patch(Rectangle(corner, 1, 1, fill=False, edgecolor=ORANGE, linewidth=3))
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_title(title)


def draw_tiles(axes: Axes, tables: Float[Tensor, "row column row column"], title: str) -> None:
    """Every place's map at that place: figure 7, centre. Colours run from -1 to 1."""
    rows, columns = tables.shape[:2]
    # A line without numbers between two maps.
    sheet = np.full((rows * (rows + 1) - 1, columns * (columns + 1) - 1), np.nan)
    for (row, column), _ in np.ndenumerate(np.empty((rows, columns))):
        top, left = row * (rows + 1), column * (columns + 1)
        sheet[top : top + rows, left : left + columns] = tables[row, column].numpy()
    axes.imshow(sheet, vmin=-1, vmax=1, cmap="cividis")
    axes.set_axis_off()
    axes.set_title(title)


def similarity_frames(
    tables: Mapping[str, Float[Tensor, "row column row column"]], *, places: Sequence[int]
) -> Frames:
    """Choose a place: see the cosine of its position with every other place's, model by model.

    Args:
        tables: a title, and what `position_similarity` gave, for each model.
        places: which ones get a button, counted as one reads.
    """
    columns = next(iter(tables.values())).shape[1]
    states = []
    for place in places:
        at = divmod(place, columns)
        drawn, axes = figure(5.6, 2.3, columns=len(tables))
        for axis, (title, table) in zip(axes[0], tables.items(), strict=True):
            draw_map(axis, table[at], limits=(-1, 1), marked=at, title=title)
            for (row, column), value in np.ndenumerate(table[at].numpy()):
                colour = "black" if value > 0 else "white"
                words = {"ha": "center", "va": "center", "color": colour}
                axis.text(column, row, f"{value:z.1f}".replace("0.", "."), **words)
        said = "; ".join(
            f"{title.lower()}: most alike is row {other[0] + 1}, column {other[1] + 1} "
            f"({table[at][other].item():.2f})"
            for title, table in tables.items()
            for other in [_most_alike(table[at], at)]
        )
        text = f"Row {at[0] + 1}, column {at[1] + 1}. {said[0].upper()}{said[1:]}."
        states.append(Frame(label=str(place), drawn=drawn, alt=text, text=text))
    return frames("Place, counted as one reads", states, first=len(places) // 2)


def _most_alike(values: Tensor, at: tuple[int, int]) -> tuple[int, int]:
    """The place whose number is the largest, `at` itself left out."""
    others = values.clone()
    others[at] = -torch.inf
    return divmod(int(others.argmax()), values.shape[1])


def head_frames(
    image: Float[Tensor, "3 height width"],
    attentions: Sequence[Float[Tensor, "head token token"]],
    distances: Float[Tensor, "layer head"],
    *,
    places: Mapping[str, tuple[int, int] | None],
    patch_size: int,
    uniform: float,
) -> Frames:
    """Choose layer and head: see where some tokens look, and the head's mean distance.

    Args:
        image: the picture, its numbers from 0 to 1.
        attentions: of that picture, a layer each, the class token first.
        distances: of every head, over many pictures, in pixels.
        places: the tokens that are shown: a name, and row and column, or None for the class token.
        patch_size: in pixels.
        uniform: the distance of looking everywhere alike.
    """
    rows, columns = (side // patch_size for side in image.shape[1:])
    states = []
    for layer, heads in enumerate(attentions):
        for head, weights in enumerate(heads):
            drawn, axes = figure(5.6, 2.0, columns=1 + len(places))
            draw_grid(axes[0, 0], image, patch_size, title="")
            for axis, (name, at) in zip(axes[0, 1:], places.items(), strict=True):
                token = 0 if at is None else 1 + at[0] * columns + at[1]
                row = weights[token, 1:].reshape(rows, columns)
                draw_map(axis, row, limits=(0, weights[:, 1:].max().item()), marked=at, title=name)
                axis.title.set_fontsize(11)
            far = distances[layer, head].item()
            text = (
                f"Layer {layer + 1}, head {head + 1}: its mean distance is {far:.1f} px; looking "
                f"everywhere alike would be {uniform:.1f} px. Dark blue is 0, yellow the largest "
                f"weight of this head, {weights[:, 1:].max().item():.2f}."
            )
            alt = f"The picture, and where {', '.join(places)} look. {text}"
            states.append(Frame(label=f"{layer + 1}.{head + 1}", drawn=drawn, alt=alt, text=text))
    return frames("Layer and head", states)


def draw_falls(falls: Mapping[str, Mapping[str, Float[Tensor, "layer picture"]]]) -> Figure:
    """How much answers fall when a layer gets another attention, with one standard error.

    Args:
        falls: a panel's title, and for each attention that was tried, by its name, the fall of
            each answer's probability: a row a layer. The first panel has all the names.
    """
    drawn, axes = figure(5.6, 3.2, columns=len(falls))
    for axis, (title, tried) in zip(axes[0], falls.items(), strict=True):
        axis.axhline(0, color=GREY, linewidth=1)
        for place, (name, fall) in enumerate(tried.items()):
            colour, marker = LOOKS[place]
            layers = np.arange(1, len(fall) + 1) + 0.2 * (place - 1)  # so that equal marks are seen
            mean, error = fall.mean(dim=1).numpy(), fall.std(dim=1).numpy() / fall.shape[1] ** 0.5
            style = {"color": colour, "marker": marker, "markersize": 5, "capsize": 2}
            axis.errorbar(layers, mean, error, linestyle="none", label=name, **style)
        axis.set(xlabel="layer", xticks=range(1, len(fall) + 1), title=title)
    axes[0, 0].set_ylabel("fall of the probability")
    handles, names = axes[0, 0].get_legend_handles_labels()
    drawn.legend(handles, names, loc="outside lower center", ncols=len(names), frameon=False)
    return drawn


def falls_in_words(falls: Mapping[str, Mapping[str, Float[Tensor, "layer picture"]]]) -> str:
    """The same, as alt text: means by layer."""
    return ". ".join(
        f"{title}, layer by layer: "
        + "; ".join(
            f"{name} " + " ".join(f"{mean:z.3f}" for mean in fall.mean(dim=1).tolist())
            for name, fall in tried.items()
        )
        for title, tried in falls.items()
    )


def draw_costs(runs: Mapping[str, Mapping[str, dict]], score: Sequence[str], count: int) -> Figure:
    """Accuracy over multiply-adds, a line for each family, with one standard error.

    Args:
        runs: of `stored_sweep()`.
        score: the keys that lead to a run's share of right names, such as
            ("unseen artist", "in a cell", "top1").
        count: how many pictures a share is of.
    """
    drawn, axes = figure(5.6, 3.4)
    for family, sizes in runs.items():
        colour, marker = FAMILIES[family]
        points = []
        for run in sizes.values():
            share = run
            for key in score:
                share = share[key]
            points.append((run["multiply-adds"]["formula"] / 1e6, share))
        if not points:
            continue
        costs, shares = np.array(sorted(points)).T
        error = np.sqrt(shares * (1 - shares) / count)
        axes[0, 0].errorbar(
            costs, 100 * shares, 100 * error, color=colour, marker=marker, capsize=3, label=family
        )
    axes[0, 0].set_xscale("log")
    axes[0, 0].xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes[0, 0].xaxis.set_major_formatter("{x:g}")
    axes[0, 0].xaxis.set_minor_locator(NullLocator())
    axes[0, 0].set(xlabel="million multiply-adds a picture", ylabel="named rightly, %")
    axes[0, 0].set_ylim(bottom=0)
    axes[0, 0].legend(frameon=False, ncols=3)
    return drawn
