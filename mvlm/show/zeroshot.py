"""Figures of chapter 07: labels, prompts, examples a name is worth, error over compute, order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from torch import Tensor

from mvlm.show.figures import (
    BLACK,
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    draw_image,
    figure,
    similarity_matrix,
)
from mvlm.show.widgets import Frame, Frames, frames

COLOURS, MARKS = (BLUE, ORANGE, GREEN, GREY), "os^D"
Point = tuple[float, float]


def label_frames(
    lists: Sequence[Sequence[str]],
    cosines: Mapping[str, float],
    scale: float,
    softmax: Sequence[Float[Tensor, " label"]],
    *,
    question: str,
) -> Frames:
    """Choose a list of labels: see one picture's cosines, which stay, and its softmax, which moves.

    Args:
        lists: the labels of each button; the first label of all is told about below the figure.
        cosines: of the picture with each label.
        scale: that the softmax was taken with, to be told.
        softmax: for each list the shares of its labels.
        question: what the buttons choose.
    """
    states = []
    for labels, shares in zip(lists, softmax, strict=True):
        drawn, axes = figure(6.0, 0.5 + 0.36 * max(map(len, lists)), columns=2)
        left = [cosines[label] for label in labels]
        for ax, values, title, form in (
            (axes[0, 0], left, "Cosine", "{:.2f}"),
            (axes[0, 1], [100 * share for share in shares.tolist()], "Softmax, %", "{:.0f}"),
        ):
            ax.barh(range(len(labels)), values, color=BLUE if values is left else ORANGE)
            ax.set(xlim=(0, 1.25 if values is left else 125), xticks=[])
            ax.set_title(title, loc="left")
            ax.set_ylim(max(map(len, lists)) - 0.4, -0.6)
            ax.set_yticks(range(len(labels)), labels if values is left else [""] * len(labels))
            for place, value in enumerate(values):
                ax.text(max(value, 0), place, f" {form.format(value)}", va="center")
        told = "; ".join(
            f"{label}: cosine {cosine:.2f}, {share:.0%} of the softmax"
            for label, cosine, share in zip(labels, left, shares.tolist(), strict=True)
        )
        first = lists[0][0]
        states.append(
            Frame(
                label=f"{len(labels)} labels",
                drawn=drawn,
                alt=f"Two rows of bars. {told}.",
                text=f"“{first}”: cosine {cosines[first]:.2f}, and {shares[0].item():.0%} of a "
                f"softmax over these {len(labels)} labels (scale {scale:.0f}).",
            )
        )
    return frames(question, states)


def draw_angles(
    prompts: Mapping[str, Float[Tensor, "prompt 2"]], picture: Float[Tensor, " 2"], *, title: str
) -> Figure:
    """Classes of two-dimensional prompts on half a circle: each prompt, their means, a picture.

    Args:
        prompts: class → its prompts, of length 1, not below the horizontal by more than a little.
        picture: of length 1.
        title: what to see.
    """
    drawn, axes = figure(5.2, 3.1)
    ax = axes[0, 0]
    around = torch.linspace(-0.1, torch.pi + 0.1, 100)
    ax.plot(around.cos(), around.sin(), color=GREY, linewidth=1)
    for (name, vectors), colour in zip(prompts.items(), (BLUE, ORANGE, GREEN), strict=False):
        for x, y in vectors.tolist():
            ax.plot([0, x], [0, y], color=colour, linewidth=1, marker="o", markevery=[1])
        mean = vectors.mean(dim=0)
        arrow = {"arrowstyle": "-|>", "color": colour, "linewidth": 3, "shrinkA": 0, "shrinkB": 0}
        ax.annotate("", mean.tolist(), (0, 0), arrowprops=arrow)
        x, y = (1.14 * mean / mean.norm()).tolist()
        ax.text(x, y, name, color=colour, ha="center", va="center", fontweight="bold")
    x, y = picture.tolist()
    ax.plot([0, x], [0, y], color=BLACK, linestyle="--", marker="s", markevery=[1])
    ax.text(1.08 * x, 1.08 * y, "picture", color=BLACK, va="center")
    ax.set(xlim=(-1.3, 1.3), ylim=(-0.18, 1.25), aspect="equal")
    ax.set_axis_off()
    ax.set_title(title, loc="left")
    return drawn


class Gain(NamedTuple):
    """What is gained beside something else, a share with its standard error."""

    name: str
    share: float
    error: float

    def __str__(self) -> str:
        """In percentage points."""
        return f"{self.name} {100 * self.share:+.1f} ± {100 * self.error:.1f}"


def draw_gains(gains: Sequence[Gain], *, title: str, unit: str) -> Figure:
    """Differences in percentage points, each with one standard error, beside a line at 0.

    Args:
        gains: from the top.
        title: what to see.
        unit: of the axis.
    """
    drawn, axes = figure(5.6, 0.42 * len(gains) + 1.0)
    ax = axes[0, 0]
    ax.axvline(0, color=BLACK, linewidth=1)
    ax.errorbar(
        [100 * gain.share for gain in gains],
        range(len(gains)),
        xerr=[100 * gain.error for gain in gains],
        color=BLUE,
        marker="o",
        markersize=7,
        linestyle="none",
        capsize=3,
    )
    ax.set_yticks(range(len(gains)), [gain.name for gain in gains])
    ax.set(ylim=(len(gains) - 0.5, -0.5), xlabel=unit)
    ax.grid(axis="x", color="#dddddd")
    ax.set_axisbelow(True)
    ax.set_title(title, x=0, loc="left")
    return drawn


def draw_item(
    pictures: Sequence[Float[Tensor, "3 height width"]],
    texts: Sequence[str],
    scores: Float[Tensor, "2 2"],
) -> Figure:
    """An item of a test of order: its two pictures, and the scores of two texts with them.

    Args:
        pictures: number 0 and number 1.
        texts: number 0 and number 1.
        scores: of text (row) and picture (column).
    """
    drawn, axes = figure(5.8, 3.6, rows=2, columns=2)
    for number, ax in enumerate(axes[0]):
        draw_image(ax, pictures[number], f"picture {number}")
    grid = axes[1, 0].get_gridspec()
    for ax in axes[1]:
        ax.remove()
    below = drawn.add_subplot(grid[1, :])
    similarity_matrix(
        below,
        scores,
        rows=[f"text {number}: {text}" for number, text in enumerate(texts)],
        limits=(0.0, 1.0),  # so that hundredths do not look like all or nothing
        digits=3,
        title="cosines",
    )
    below.set_aspect("auto")
    return drawn


def draw_examples(
    curves: Mapping[str, Mapping[int, Sequence[float]]],
    level: float,
    error: float,
    *,
    title: str,
    xlabel: str,
    ylabel: str,
) -> Figure:
    """Shares over the number of examples, logarithmic, beside a level with a standard error.

    Args:
        curves: for each kind of vectors k → the shares of its draws; a line joins the means.
        level: what is reached without examples.
        error: a standard error, drawn as a band.
        title, xlabel, ylabel: what to see.
    """
    drawn, axes = figure(6.0, 3.4)
    ax = axes[0, 0]
    ax.axhspan(100 * (level - error), 100 * (level + error), color=GREEN, alpha=0.2, linewidth=0)
    ax.axhline(100 * level, color=GREEN, linestyle="--")
    ax.text(0.95, 100 * (level + error) + 2, "zero-shot ± one error", color=GREEN)
    for (kind, curve), colour, mark in zip(
        curves.items(), (BLUE, ORANGE, GREY), MARKS, strict=False
    ):
        ks = list(curve)
        means = [100 * sum(each) / len(each) for each in curve.values()]
        ax.plot(ks, means, color=colour, marker=mark)
        ax.text(ks[-1] * 1.08, means[-1], kind, color=colour, va="center")
        for k, each in curve.items():
            ax.plot([k] * len(each), [100 * one for one in each], mark, color=colour, markersize=3)
    ax.set(xscale="log", xlim=(0.9, ks[-1] * 2.6), ylim=(0, 100), xlabel=xlabel, ylabel=ylabel)
    ax.set_xticks(ks, ks)
    ax.minorticks_off()
    ax.set_title(title, loc="left")
    return drawn


def draw_powers(
    series: Mapping[str, Sequence[Point]],
    laws: Mapping[str, Point],
    *,
    left_out: int = 0,
    ticks: Sequence[int],
    title: str,
    xlabel: str,
) -> Figure:
    """Error over compute on logarithmic axes, with each series' power law as a line.

    Args:
        series: name → points (compute, error between 0 and 1), in any order.
        laws: name → (a, b) of error = a · compute ** b.
        left_out: how many points at the end of each series the law was not fitted to: hollow.
        ticks: of the error, in per cent.
        title, xlabel: what to see.
    """
    drawn, axes = figure(5.6, 3.4 + 0.22 * len(series))
    ax = axes[0, 0]
    for (name, points), colour, mark in zip(series.items(), COLOURS, MARKS, strict=False):
        a, b = laws[name]
        fitted = len(points) - left_out
        x, y = [c for c, _ in points], [100 * e for _, e in points]
        ax.plot(
            x[:fitted],
            y[:fitted],
            mark,
            color=colour,
            alpha=0.75,
            label=f"{name}, exponent {b:+.3f}",
        )
        ax.plot(x[fitted:], y[fitted:], mark, color=colour, markerfacecolor="white", markersize=8)
        ends = [min(x), max(x)]
        ax.plot(ends, [100 * a * c**b for c in ends], color=colour, linewidth=1)
    ax.set(xscale="log", yscale="log", xlabel=xlabel, ylabel="error, %")
    ax.set_yticks(ticks, [str(tick) for tick in ticks])
    ax.minorticks_off()
    ax.set_title(title, loc="left")
    keys, _ = ax.get_legend_handles_labels()
    if left_out:
        hollow = {"color": GREY, "markerfacecolor": "white", "markersize": 8, "linestyle": "none"}
        keys.append(Line2D([], [], marker="o", **hollow, label="hollow: left out of the fit"))
    ax.legend(handles=keys, loc="upper left", bbox_to_anchor=(0, -0.2), frameon=False)
    return drawn
